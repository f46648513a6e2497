/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_EDGE_H
#define AUDIT_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/tlog.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The right edge of a log's tree: of each level the tile that is not full yet,
 * and the bundle of its entries. That is all that appending needs, so a log of
 * any length is written, or read through, in the same little memory.
 *
 * edge_add() and then edge_settle(), for each entry; what settle could not give
 * to its tile_ops stays, and settle goes on from there.
 */
struct edge_tile {
	uint64_t n;     /* of the tile in its level */
	unsigned width; /* hashes it has */
	struct tlog_hash hash[TLOG_TILE];
};

struct edge {
	uint64_t size;
	struct edge_tile tile[TLOG_LEVELS];
	struct buf bundle; /* of tile[0] */
};

/* Called with each tile that is complete; an error of it is settle's. */
struct edge_ops {
	enum err (*on_bundle)(void *ctx, uint64_t n, unsigned width, struct span bytes);
	enum err (*on_tile)(void *ctx, unsigned level, const struct edge_tile *t);
	void *ctx;
};

struct edge *edge_new(void);
void edge_free(struct edge *e);

/* The edge of an empty log. */
void edge_clear(struct edge *e);

/* ERR_LIMIT, and nothing is added, if the entry is longer than an entry may be. */
MUST_CHECK enum err edge_add(struct edge *e, struct span entry);
MUST_CHECK enum err edge_settle(struct edge *e, const struct edge_ops *ops);

/* Give the tiles that are not full, and the bundle, as they are at this size. */
MUST_CHECK enum err edge_partials(const struct edge *e, const struct edge_ops *ops);

void edge_root(const struct edge *e, struct tlog_hash *out);

/*
 * Take the entries of a bundle apart: false at its end, or if it is no bundle,
 * and then *rest is not empty.
 */
bool bundle_next(struct span *rest, struct span *entry);

#endif
