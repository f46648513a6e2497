/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_TLOG_H
#define AUDIT_TLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The arithmetic of transparency logs: Merkle trees as in RFC 6962, cut into
 * tiles as in C2SP tlog-tiles. A tile of level L has up to 256 hashes; each is
 * the root of a full tile of level L - 1, or a leaf at level 0.
 */
#define TLOG_HASH_BYTES 32
#define TLOG_TILE       256
#define TLOG_LEVELS     8  /* 256^8 leaves are more than a size can say */
#define TLOG_PROOF_MAX  64 /* hashes in any proof */

/* An entry's length is two bytes in its bundle. */
#define TLOG_ENTRY_MAX 65535

struct tlog_hash {
	uint8_t b[TLOG_HASH_BYTES];
};

void tlog_leaf(struct span entry, struct tlog_hash *out);
void tlog_node(const struct tlog_hash *l, const struct tlog_hash *r, struct tlog_hash *out);
bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b);

/* The root of a tree that is full: n, a power of two, hashes side by side. */
void tlog_fold(const struct tlog_hash *hash, size_t n, struct tlog_hash *out);

/* Hashes that tile n of a level has in a tree of this size; 0: there is no such tile. */
unsigned tlog_tile_width(uint64_t size, unsigned level, uint64_t n);

#define TLOG_PATH_MAX 64

/*
 * Where a tile lies below the log: "tile/1/x001/x234/067.p/5". kind is its level,
 * or TLOG_ENTRIES for the bundle of entries of a tile of level 0.
 */
#define TLOG_ENTRIES (-1)

char *tlog_tile_path(int kind, uint64_t n, unsigned width, char path[TLOG_PATH_MAX]);

/*
 * A tree of a size whose tiles can be read: read fills in the first width hashes
 * of a tile, and any error of it ends the question.
 */
struct tlog_tree {
	uint64_t size;
	enum err (*read)(
		void *ctx, unsigned level, uint64_t n, unsigned width, struct tlog_hash *out);
	void *ctx;
};

struct tlog_proof {
	struct tlog_hash hash[TLOG_PROOF_MAX];
	size_t n;
};

/* The root of the first size entries, which are at most the tree's. */
MUST_CHECK enum err tlog_root(const struct tlog_tree *t, uint64_t size, struct tlog_hash *out);

/* The proof that an entry is in the tree. The index is below its size. */
MUST_CHECK enum err tlog_prove(const struct tlog_tree *t, uint64_t index, struct tlog_proof *out);

/* The proof that the tree has grown out of the one with so many entries. */
MUST_CHECK enum err tlog_prove_growth(
	const struct tlog_tree *t, uint64_t from, struct tlog_proof *out);

/* Do they hold? ERR_AUTH if not. */
MUST_CHECK enum err tlog_check(const struct tlog_proof *p, uint64_t index,
	const struct tlog_hash *leaf, uint64_t size, const struct tlog_hash *root);
MUST_CHECK enum err tlog_check_growth(const struct tlog_proof *p, uint64_t from,
	const struct tlog_hash *from_root, uint64_t size, const struct tlog_hash *root);

#endif
