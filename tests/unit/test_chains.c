/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chains.h"

#include <criterion/criterion.h>

#include "base/defs.h"

#define MANY 5000

struct thing {
	struct chain_node node;
	uint32_t number;
};

static struct chains c;
static struct thing thing[MANY];

static struct thing *thing_of(struct chain_node *node)
{
	return CONTAINER_OF(node, struct thing, node);
}

/* Three hashes each: numbers that are equal in their lowest bits share chains for long. */
static uint32_t hash_of(uint32_t number)
{
	return number / 3 * 64;
}

static bool has(uint32_t number)
{
	struct chain_node *node = chains_first(&c, hash_of(number));

	while (node != NULL && thing_of(node)->number != number)
		node = node->next;
	return node != NULL;
}

static void put(uint32_t number)
{
	struct thing *t = &thing[number];

	t->number = number;
	t->node.hash = hash_of(number);
	chains_insert(&c, &t->node);
}

static void fill(void)
{
	chains_init(&c);
	for (uint32_t i = 0; i < MANY; i++)
		put(i);
}

Test(chains, are_empty_without_memory)
{
	chains_init(&c);
	cr_assert_null(chains_first(&c, 7));
	cr_assert_eq(chains_bytes(&c), 0);
	chains_release(&c);
}

Test(chains, find_all_that_was_put_however_they_grow)
{
	chains_init(&c);
	for (uint32_t i = 0; i < MANY; i++) {
		put(i);
		cr_assert(has(i / 2), "%u after %u", i / 2, i);
	}
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert(has(i), "%u", i);
	cr_assert_not(has(MANY));
	cr_assert_eq(c.count, MANY);
	chains_release(&c);
}

Test(chains, lose_what_is_removed_and_nothing_else)
{
	fill();
	for (uint32_t i = 0; i < MANY; i += 2)
		chains_remove(&c, &thing[i].node);
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(has(i), i % 2 == 1, "%u", i);
	cr_assert_eq(c.count, MANY / 2);
	chains_release(&c);
}

Test(chains, take_no_longer_for_the_last_than_for_the_first)
{
	size_t n = 0;

	chains_init(&c);
	for (uint32_t i = 0; i < MANY; i++) {
		put(i);
		cr_assert(c.n - n <= 16, "%zu chains more for one object", c.n - n);
		n = c.n;
	}
	chains_release(&c);
}
