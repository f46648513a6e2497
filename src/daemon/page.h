/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PAGE_H
#define DAEMON_PAGE_H

#include <stdbool.h>

#include "base/span.h"
#include "io/httpd.h"

struct daemon;

/*
 * The status page for people: builds by system, owner and component, what turned
 * last, how the sinks are, what waits; live, by Server-Sent Events; and a badge for
 * each entity. It is read only. Who may see it is for the listener to decide before
 * it calls page_serve(): page_may_be_seen() where there are no credentials.
 */
struct page;

struct page *page_new(struct daemon *d);

/* The store must be closed before, for its last answers come here; the front is freed later. */
void page_free(struct page *p);

/* Is this path the page's, or one that it is made of? And is it a badge? */
bool page_has(struct span path);
bool page_is_badge(struct span path);

/*
 * May it be seen without a credential? On a unix socket, whose mode says who may;
 * and by a browser on this host, that is from loopback, under a name of loopback (a
 * page elsewhere whose name was made to lead here has another), and not through a
 * proxy, which would let in everybody. Else *why says what it is not.
 */
bool page_may_be_seen(const struct httpd_req *req, const char **why);

/* Answer a GET or HEAD of what page_has(). */
void page_serve(struct page *p, struct httpd_req *req);

/* At listen.api: for credentials that allow "page"; badges may be for everybody. */
void page_api_request(struct daemon *d, struct httpd_req *req);

/* Another configuration: who follows the page comes back, and is asked for a credential anew. */
void page_reload(struct page *p);

#endif
