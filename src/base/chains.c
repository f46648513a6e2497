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

struct chain_node *chains_first(const struct chains *c, uint32_t hash)
{
	return c->n == 0 ? NULL : c->first[chain_of(c, hash)];
}

static void chain_push(struct chain_node **first, struct chain_node *node)
{
	node->next = *first;
	node->prev = NULL;
	if (node->next != NULL)
		node->next->prev = node;
	*first = node;
}

/* Give half of the next chain in turn a chain of its own. */
static void chains_split(struct chains *c)
{
	size_t bit = floor_power(c->n), old = c->n - bit, new = c->n;
	struct chain_node *node, *next;

	c->first[c->n++] = NULL;
	node = TAKE(c->first[old]);
	for (; node != NULL; node = next) {
		next = node->next;
		chain_push(&c->first[(node->hash & bit) != 0 ? new : old], node);
	}
}

void chains_insert(struct chains *c, struct chain_node *node)
{
	if (c->n == 0) {
		c->n = c->cap = CHAINS_MIN;
		c->first = xcalloc(c->cap, sizeof(struct chain_node *));
	}
	chain_push(&c->first[chain_of(c, node->hash)], node);
	if (++c->count <= c->n)
		return;
	if (c->n == c->cap) {
		c->cap *= 2;
		c->first = xrealloc(c->first, c->cap, sizeof(struct chain_node *));
	}
	chains_split(c);
}

void chains_remove(struct chains *c, struct chain_node *node)
{
	if (node->prev != NULL)
		node->prev->next = node->next;
	else
		c->first[chain_of(c, node->hash)] = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
	c->count--;
}

size_t chains_bytes(const struct chains *c)
{
	return c->cap * sizeof(struct chain_node *);
}
