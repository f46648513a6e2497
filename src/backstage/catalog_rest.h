/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CATALOG_REST_H
#define BACKSTAGE_CATALOG_REST_H

#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/catalog.h"

struct entity_rules;

/*
 * What is said to the REST API of Backstage's catalog and what it answers,
 * without the talking. Two calls are all that the relay needs: a listing in
 * pages and a look-up by reference.
 *
 * rules say what entity_from_json() reads, and room is its scratch.
 */

/* Append the path that lists a page of what entity_is_wanted(); cursor is NULL for the first. */
MUST_CHECK enum err catalog_rest_list(
	const struct entity_rules *rules, unsigned limit, const char *cursor, struct buf *path);

struct catalog_page {
	size_t items;   /* entities that came */
	size_t skipped; /* of these, not kept: without a usable name or repository */
	char *cursor;   /* of the next page, to be freed; NULL: this was the last */
};

/*
 * Put a page's entities into c. ERR_PARSE if it is no page; ERR_LIMIT if it holds
 * too many values for one document.
 */
MUST_CHECK enum err catalog_rest_page(struct span answer, const struct entity_rules *rules,
	struct buf *room, struct catalog *c, struct catalog_page *page);

#define CATALOG_REST_LOOKUP "/api/catalog/entities/by-refs"

/*
 * Of one look-up: the most refs, and their bytes together. Backstage takes a body
 * of 100 kB, in which each ref has two quotes and a comma, and a kilobyte is for
 * the fields.
 */
#define CATALOG_REST_REFS_MAX   3000
#define CATALOG_REST_REFS_BYTES 90000

/* Append the body that looks n entities up. Refs must be canonical, or they are not found. */
MUST_CHECK enum err catalog_rest_lookup(
	const struct span *refs, size_t n, const struct entity_rules *rules, struct buf *body);

/* What a look-up says of one ref. */
enum catalog_fate {
	CATALOG_GONE,    /* there is no such entity, or the relay has no use for it */
	CATALOG_FOUND,   /* it is in the catalog that catalog_rest_found() was given */
	CATALOG_GARBLED, /* it is there, but what came cannot be read */
};

/*
 * Put into c what a look-up of n refs found, and tell the fate of each. ERR_PARSE
 * if this is no answer to the look-up; ERR_LIMIT as above.
 */
MUST_CHECK enum err catalog_rest_found(struct span answer, const struct entity_rules *rules,
	struct buf *room, const struct span *refs, size_t n, struct catalog *c,
	enum catalog_fate *fate);

#endif
