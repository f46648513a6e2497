/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chains.h"

#include <stdlib.h>

#include "base/defs.h"

#define CHAINS_MIN 16

void chains_init(struct chains *c)
{
	*c = (struct chains){ 0 };
}

void chains_release(struct chains *c)
{
	free(c->first);
	*c = (struct chains){ 0 };
}

/* The largest power of two that is not above n, which is at least 1. */
static size_t floor_power(size_t n)
{
	return (size_t)1 << (63 - __builtin_clzll(n));
}

/* Chains below n - low have been split already, so one more bit of the hash tells. */
static size_t chain_of(const struct chains *c, uint32_t hash)
{
	size_t low = floor_power(c->n);
	size_t i = hash & (2 * low - 1);

	return i < c->n ? i : i & (low - 1);
}

struct chain_node **chains_at(const struct chains *c, uint32_t hash)
{
	return c->n == 0 ? NULL : &c->first[chain_of(c, hash)];
}

/* Give half of the next chain in turn a chain of its own. */
static void chains_split(struct chains *c)
{
	size_t bit = floor_power(c->n);
	struct chain_node **from = &c->first[c->n - bit], **to;

	if (c->n == c->cap) {
		c->cap *= 2;
		c->first = xrealloc(c->first, c->cap, sizeof(struct chain_node *));
		from = &c->first[c->n - bit];
	}
	to = &c->first[c->n++];
	while (*from != NULL) {
		struct chain_node *node = *from;

		if ((node->hash & bit) != 0) {
			*from = node->next;
			*to = node;
			to = &node->next;
		} else {
			from = &node->next;
		}
	}
	*to = NULL;
}

static void chains_begin(struct chains *c)
{
	c->n = c->cap = CHAINS_MIN;
	c->first = xcalloc(c->cap, sizeof(struct chain_node *));
}

void chains_insert(struct chains *c, struct chain_node **before, struct chain_node *node)
{
	if (c->n == 0)
		chains_begin(c);
	if (before == NULL)
		before = chains_at(c, node->hash);
	node->next = *before;
	*before = node;
	if (++c->count > c->n)
		chains_split(c);
}

void chains_remove(struct chains *c, struct chain_node **link)
{
	*link = (*link)->next;
	c->count--;
}

size_t chains_bytes(const struct chains *c)
{
	return c->cap * sizeof(struct chain_node *);
}
