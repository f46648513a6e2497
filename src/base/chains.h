/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CHAINS_H
#define BASE_CHAINS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A hash table of objects that hold their links in themselves. It grows by one
 * chain with an object (linear hashing; Litwin, 1980), so that no insertion is
 * long, however many objects there are, and none has to be looked for to be
 * taken out.
 */
struct chain_node {
	struct chain_node *next, *prev;
	uint32_t hash;
};

struct chains {
	struct chain_node **first; /* of each chain */
	size_t cap;                /* allocated */
	size_t n;                  /* in use */
	size_t count;              /* objects */
};

/* No memory is taken before the first object comes. */
void chains_init(struct chains *c);

/* The objects stay, and are the caller's. */
void chains_release(struct chains *c);

/* The first of the objects that may have this hash, and some others; NULL: none. */
struct chain_node *chains_first(const struct chains *c, uint32_t hash);

/* Put an object in, with its hash set. */
void chains_insert(struct chains *c, struct chain_node *node);

/* Take an object out. */
void chains_remove(struct chains *c, struct chain_node *node);

size_t chains_bytes(const struct chains *c);

#endif
