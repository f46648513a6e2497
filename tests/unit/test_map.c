/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/defs.h"
#include "base/map.h"

TestSuite(map);

/* Values are addresses in here; nobody looks at what is there. */
static char places[1000];

Test(map, an_empty_map_has_nothing)
{
	struct map m;
	struct span key;
	void *value;
	size_t at = 0;

	map_init(&m);
	cr_assert_null(map_get(&m, SPAN("a")));
	cr_assert_null(map_remove(&m, SPAN("a")));
	cr_assert_not(map_next(&m, &at, &key, &value));
	map_release(&m);
}

Test(map, put_says_what_was_there_before)
{
	struct map m;

	map_init(&m);
	cr_assert_null(map_put(&m, SPAN("a"), &places[1]));
	cr_assert_eq(map_put(&m, SPAN("a"), &places[2]), &places[1]);
	cr_assert_eq(map_get(&m, SPAN("a")), &places[2]);
	cr_assert_eq(m.count, 1);
	cr_assert_eq(map_remove(&m, SPAN("a")), &places[2]);
	cr_assert_null(map_get(&m, SPAN("a")));
	cr_assert_eq(m.count, 0);
	map_release(&m);
}

Test(map, keys_are_bytes_and_are_copied)
{
	char key[] = "a\0b";
	struct map m;

	map_init(&m);
	map_put(&m, (struct span){ key, 3 }, &places[0]);
	map_put(&m, (struct span){ NULL, 0 }, &places[1]);
	key[0] = 'x';
	cr_assert_eq(map_get(&m, (struct span){ "a\0b", 3 }), &places[0]);
	cr_assert_null(map_get(&m, SPAN("a")));
	cr_assert_null(map_get(&m, (struct span){ "a\0c", 3 }));
	cr_assert_eq(map_get(&m, SPAN("")), &places[1]);
	map_release(&m);
}

Test(map, release_leaves_an_empty_map)
{
	struct map m;

	map_init(&m);
	map_put(&m, SPAN("a"), &places[0]);
	map_release(&m);
	cr_assert_null(map_get(&m, SPAN("a")));
	map_put(&m, SPAN("b"), &places[1]);
	cr_assert_eq(map_get(&m, SPAN("b")), &places[1]);
	map_release(&m);
}

/* A map that cannot be wrong: one place for each of the few keys. */
#define KEYS 600

static struct span key_of(unsigned i, char text[16])
{
	/* Lengths differ, so that hashing meets every tail. */
	return (struct span){ text, (size_t)snprintf(text, 16, "%0*u", 3 + (int)(i % 11), i) };
}

static void cr_assert_same(const struct map *m, void *const model[KEYS])
{
	unsigned seen[KEYS] = { 0 };
	size_t count = 0, at = 0;
	char text[16];
	struct span key;
	void *value;

	for (unsigned i = 0; i < KEYS; i++) {
		cr_assert_eq(map_get(m, key_of(i, text)), model[i]);
		count += model[i] != NULL;
	}
	cr_assert_eq(m->count, count);
	while (map_next(m, &at, &key, &value)) {
		unsigned i = (unsigned)strtoul(key.p, NULL, 10);

		cr_assert_eq(model[i], value);
		cr_assert_eq(seen[i]++, 0, "walked twice over %u", i);
		count--;
	}
	cr_assert_eq(count, 0, "a walk left some out");
}

Test(map, agrees_with_a_naive_model_over_many_random_operations)
{
	void *model[KEYS] = { NULL };
	struct map m;
	char text[16];

	srand(20261124);
	map_init(&m);
	for (int step = 0; step < 60000; step++) {
		/* Some stretches mostly put, others mostly remove: it fills and drains. */
		bool put = rand() % 100 < (step / 10000 % 2 == 0 ? 70 : 30);
		unsigned i = (unsigned)rand() % KEYS;
		void *value = &places[rand() % 1000], *before;

		before =
			put ? map_put(&m, key_of(i, text), value) : map_remove(&m, key_of(i, text));
		cr_assert_eq(before, model[i], "step %d", step);
		model[i] = put ? value : NULL;
		if (step % 500 == 0)
			cr_assert_same(&m, model);
	}
	cr_assert_same(&m, model);
	map_release(&m);
}

Test(map, removing_in_any_order_loses_nobody_else)
{
	struct map m;
	char text[16];

	map_init(&m);
	for (unsigned i = 0; i < KEYS; i++)
		map_put(&m, key_of(i, text), &places[i]);
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned gone = i * 271 % KEYS;

		cr_assert_eq(map_remove(&m, key_of(gone, text)), &places[gone]);
		for (unsigned j = i + 1; j < KEYS; j++) {
			unsigned left = j * 271 % KEYS;

			if (map_get(&m, key_of(left, text)) != &places[left])
				cr_assert_fail("removing %u lost %u", gone, left);
		}
	}
	cr_assert_eq(m.count, 0);
	map_release(&m);
}

static bool is_even(const void *value, const void *ctx)
{
	cr_assert_eq(ctx, places);
	return ((const char *)value - places) % 2 == 0;
}

static unsigned dropped;

static void on_drop(void *value)
{
	cr_assert_not(is_even(value, places));
	dropped++;
}

Test(map, filtering_keeps_what_is_wanted_and_drops_each_of_the_rest)
{
	struct map m;
	char text[16];

	map_init(&m);
	for (unsigned i = 0; i < KEYS; i++)
		map_put(&m, key_of(i, text), &places[i]);
	dropped = 0;
	map_filter(&m, is_even, places, on_drop);
	cr_assert_eq(dropped, KEYS / 2);
	cr_assert_eq(m.count, KEYS - KEYS / 2);
	for (unsigned i = 0; i < KEYS; i++)
		cr_assert_eq(map_get(&m, key_of(i, text)), i % 2 == 0 ? &places[i] : NULL);
	map_release(&m);
}

Test(map, its_values_can_be_removed_while_they_are_gone_through)
{
	struct map m;
	char text[16];
	void **all;

	map_init(&m);
	for (unsigned i = 0; i < KEYS; i++)
		map_put(&m, key_of(i, text), &places[i]);
	all = map_values(&m);
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned at = (unsigned)((char *)all[i] - places);

		cr_assert_eq(map_remove(&m, key_of(at, text)), all[i]);
	}
	cr_assert_eq(m.count, 0);
	free(all);
	map_release(&m);
}
