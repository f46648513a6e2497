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
 * Add a page's entities to b. ERR_PARSE if it is no page; ERR_LIMIT if it holds
 * too many values for one document, or b is full.
 */
MUST_CHECK enum err catalog_rest_page(struct span answer, const struct entity_rules *rules,
	struct buf *room, struct catalog_builder *b, struct catalog_page *page);

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

/*
 * Add to b what a look-up of n refs found and is still wanted; what came
 * malformed is taken from known, if that is not NULL, instead. ERR_PARSE if this is no answer to the
 * look-up; ERR_LIMIT as above.
 */
MUST_CHECK enum err catalog_rest_found(struct span answer, const struct entity_rules *rules,
	struct buf *room, const struct catalog *known, const struct span *refs, size_t n,
	struct catalog_builder *b);

#endif
