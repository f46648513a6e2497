/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CHAINS_H
#define BASE_CHAINS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A hash table of objects that hold their link in themselves. It grows by one
 * chain with an object (linear hashing; Litwin, 1980), so that no insertion is
 * long, however many objects there are. The objects of a chain stay in the order
 * in which the caller puts them.
 */
struct chain_node {
	struct chain_node *next;
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

/*
 * Where the chain of a hash begins: *link is its first object, (*link)->next the
 * second. There are objects of other hashes in it. NULL while the table is empty.
 */
struct chain_node **chains_at(const struct chains *c, uint32_t hash);

/* Put an object, with its hash set, where before points to: NULL, or into its chain. */
void chains_insert(struct chains *c, struct chain_node **before, struct chain_node *node);

/* Take out the object that link points to. */
void chains_remove(struct chains *c, struct chain_node **link);

size_t chains_bytes(const struct chains *c);

#endif
