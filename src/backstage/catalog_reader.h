/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CATALOG_READER_H
#define BACKSTAGE_CATALOG_READER_H

#include <stddef.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct catalog;
struct entity_rules;
struct httpc_answer;
struct loop;

/*
 * Puts what Backstage answers into the catalog without stalling the loop: the
 * answer is read on a thread, and what it says is applied a few entities in a
 * pass.
 */
struct catalog_reader;

/* One answer under way. */
struct catalog_reading;

/* catalog is borrowed. ERR_IO if there is no thread to be had. */
MUST_CHECK enum err catalog_reader_new(
	struct loop *l, struct catalog *catalog, struct catalog_reader **out);

/* Every reading must be over or given up. */
void catalog_reader_free(struct catalog_reader *r);

struct catalog *catalog_reader_catalog(const struct catalog_reader *r);

/* What came of an answer. */
struct catalog_read {
	enum err e;     /* as catalog_rest.h has it; on failure nothing was applied */
	size_t items;   /* entities in it */
	size_t skipped; /* of these, not kept: without a usable name or repository */
	size_t gone;    /* of those asked for, no more there */
	size_t changes; /* made to the catalog */
	char *cursor;   /* of the next page, which may be taken; NULL: none */
};

/* Called once, on a later pass, when all is applied. The reading is over then. */
typedef void (*catalog_read_cb)(void *ctx, struct catalog_read *read);

/*
 * What both take: asked is when the answer, or the whole read that it belongs to,
 * was asked for. The answer's body is taken.
 */
struct catalog_answer {
	const struct entity_rules *rules; /* copied */
	struct wall asked;
	const struct httpc_answer *answer;
};

/*
 * Read a page of a whole read. An entity that this read has seen already stays as
 * it is: who put it, or removed it, has asked later, or has this read done again.
 */
struct catalog_reading *catalog_reader_page(struct catalog_reader *r,
	const struct catalog_answer *a, catalog_read_cb on_read, void *ctx);

/*
 * Read the answer to a look-up of n refs, which are copied. What cannot be read
 * stays as it is known.
 */
struct catalog_reading *catalog_reader_found(struct catalog_reader *r,
	const struct catalog_answer *a, const struct span *refs, size_t n, catalog_read_cb on_read,
	void *ctx);

/* Give a reading up, which may be NULL: on_read is not called, and the rest not applied. */
void catalog_reading_cancel(struct catalog_reading *g);

#endif
