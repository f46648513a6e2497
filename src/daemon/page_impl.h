/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PAGE_IMPL_H
#define DAEMON_PAGE_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/html_write.h"
#include "daemon/daemon.h"
#include "daemon/page.h"
#include "daemon/page_filter.h"
#include "daemon/page_index.h"
#include "io/httpd.h"
#include "io/loop.h"
#include "model/build.h"

struct catalog;
struct store_build;

/*
 * The inside of the status page, for the files page*.c only:
 *
 *	page.c         what is where, and the fields that all answers have
 *	page_states.c  keeps the index to the catalog, and its states to the store
 *	page_view.c    one request for the page: what it waits for and gathers
 *	page_html.c    what it looks like; page_rows.c, page_health.c parts of it
 *	page_parked.c  the page of what is in quarantine
 *	page_live.c    who follows it
 *	page_badge.c   badges
 */
#define PAGE_ROWS   100 /* of one page */
#define PAGE_RECENT 12
#define PAGE_MAX    (4 * 1024 * 1024) /* bytes of an answer */

struct page {
	struct daemon *d;
	struct page_index *index; /* NULL until somebody has asked for it */
	uint64_t catalogs;        /* the relay's count when its catalog became the index's */
	bool built;
	struct loop_task step;   /* of building it */
	struct refresh *refresh; /* the store was asked for states; NULL: it was not */
	struct loop_timer *again;
	LIST_HEAD(, page_view) views;
	LIST_HEAD(, page_client) clients;
	struct loop_timer *tick; /* while there are clients */
	uint64_t health;         /* what they were told last, as a hash */
	uint64_t told;           /* events so far; the number of the last one */
};

/* --- page.c --- */

/* The fields that every page has; what else it may load and do. */
extern const char page_fields[];

void page_reply(struct httpd_req *req, int status, const struct html *h);

/* --- page_states.c --- */

/* The index and its catalog, if they are of the moment; else it begins to be built, and false. */
bool page_is_current(struct page *p, const struct catalog **c);

/* States of the index that are out of date or asked for just now. */
size_t page_unsettled(const struct page *p);

/* Ask for states as long as some are out of date and somebody looks. */
void page_refresh(struct page *p);
void page_on_build(void *ctx, struct span repository);

/* All entities of a repository, of which there may be many; free(3) them. */
struct entity *page_entities(const struct catalog *c, struct span repository, size_t *n);

/* --- page_view.c --- */

/* A build as it is shown. */
struct page_build {
	bool known;
	unsigned state; /* as in struct page_index */
	enum transition transition;
	struct wall started, finished, updated;
	struct build build;
};

/* An entity, or only a repository, with its latest build. */
struct page_row {
	char *ref, *slug, *system, *owner; /* empty: none */
	size_t owners;
	struct page_build b;
};

struct page_view {
	LIST_ENTRY(page_view) entry;
	struct page *page;
	struct httpd_req *req;
	struct buf text; /* of the filter */
	struct page_filter filter;
	struct loop_timer *late; /* it waits no longer for states */
	bool is_late, begun;
	bool unread;       /* the store could not be read */
	bool unindexed;    /* the catalog changed all the time */
	size_t unsettled;  /* states that were not known in time */
	unsigned restarts; /* because the catalog changed */
	struct page_row row[PAGE_ROWS];
	size_t rows, read; /* whose builds are read */
	bool more;
	struct page_row recent[PAGE_RECENT];
	size_t recents;
	size_t tally[PAGE_STATES];
};

void page_view_begin(struct page *p, struct httpd_req *req);
void page_view_proceed(struct page_view *v);
void page_view_free(struct page_view *v);

/* Read one of the store's. */
void page_build_read(const struct store_build *from, struct page_build *b);
void page_build_release(struct page_build *b);

/* --- page_html.c --- */

void page_write(struct html *h, const struct page_view *v);

/* From the declaration to the header's end; and from there to the end. */
void page_write_head(struct html *h, const char *title, const char *at);
void page_write_tail(struct html *h);

/* <time>: how long ago, and when. */
void page_write_time(struct html *h, struct wall t);
void page_write_span(struct html *h, int64_t ms);

/* The state with its sign, its word and its colour. */
void page_write_state(struct html *h, unsigned state);

/* A build's number, linked if its URL is one for browsers. */
void page_write_number(struct html *h, const struct build *b);
void page_write_branch(struct html *h, const struct build *b);

/* A ref's shortest name where this kind is usual. */
void page_write_ref(struct html *h, struct span ref, const char *kind);

/* --- page_rows.c, page_health.c --- */

void page_write_rows(struct html *h, const struct page_view *v);
void page_write_health(struct html *h, const struct page *p);

/* What page_write_health() would show, as a hash. */
uint64_t page_health(const struct page *p);

/* --- page_parked.c, page_badge.c, page_live.c --- */

void page_parked_begin(struct page *p, struct httpd_req *req);
void page_badge_begin(struct page *p, struct httpd_req *req);

void page_client_begin(struct page *p, struct httpd_req *req);
void page_clients_end(struct page *p);
bool page_has_clients(const struct page *p);

/* An entity's state was read again; many were; there is another catalog. */
void page_tell_row(struct page *p, struct span ref, const struct page_build *b);
void page_tell_many(struct page *p, size_t n);
void page_tell_catalog(struct page *p);

#endif
