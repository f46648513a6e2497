/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PAGE_FILTER_H
#define DAEMON_PAGE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/html_write.h"
#include "base/span.h"
#include "daemon/page_index.h"

struct catalog;

/*
 * What of the status page is asked for: the query of its URL. Names may be short
 * ("payments" is group:default/payments where an owner is meant); a component's
 * may end in '*' and then stands for all that begin so.
 */
struct page_filter {
	struct span system, owner, component; /* canonical refs; empty: any */
	bool prefix;                          /* component is the begin of a ref */
	bool absurd;                          /* one of them can be no ref: nothing fits */
	int state;                            /* as in struct page_pick */
	enum page_order by;
	uint32_t page; /* from 1 */
};

/* All of it. */
void page_filter_init(struct page_filter *f);

/*
 * Read a query; text holds what the spans are of, and must be empty. ERR_PARSE,
 * with *what the parameter's name, for a state, an order or a page that there
 * cannot be, and for one that is there twice or badly encoded.
 */
MUST_CHECK enum err page_filter_read(
	struct span query, struct page_filter *f, struct buf *text, const char **what);

/* What of the index fits. */
struct page_pick page_filter_pick(
	const struct page_filter *f, const struct page_index *x, const struct catalog *c);

/* Does it leave anything out? */
bool page_filter_is_open(const struct page_filter *f);

/* href="…" that leads to the page with this filter. */
void page_filter_href(struct html *h, const struct page_filter *f);

/* A ref as short as page_filter_read() understands it where this kind is meant. */
struct span page_short_ref(struct span ref, const char *kind);

/* A state as in struct page_index: "failed" in URLs and for scripts, and for people. */
const char *page_state_name(unsigned state);
const char *page_state_word(unsigned state);

#endif
