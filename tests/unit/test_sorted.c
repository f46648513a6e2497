/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sorted.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/defs.h"

#define MANY 4000

struct thing {
	char key[16];
	bool in;
};

static struct sorted s;
static struct thing thing[MANY], twin[MANY];

static struct span key_of(const void *object)
{
	return span_of(((const struct thing *)object)->key);
}

static void set_up(void)
{
	sorted_init(&s, key_of);
	for (int i = 0; i < MANY; i++) {
		snprintf(thing[i].key, sizeof(thing[i].key), "%04d", i);
		twin[i] = thing[i];
	}
}

static void tear_down(void)
{
	sorted_release(&s);
}

TestSuite(sorted, .init = set_up, .fini = tear_down);

/* What is in is found by key and by number, and nothing else is. */
static void check(void)
{
	size_t n = 0;

	for (int i = 0; i < MANY; i++) {
		const struct thing *t = sorted_get(&s, key_of(&thing[i]));

		cr_assert_eq(t != NULL, thing[i].in, "%d", i);
		if (t == NULL)
			continue;
		cr_assert_eq(sorted_at(&s, n), t, "%d is not number %zu", i, n);
		n++;
	}
	cr_assert_eq(s.count, n);
	cr_assert_null(sorted_at(&s, n));
}

Test(sorted, has_nothing_at_first)
{
	check();
	cr_assert_null(sorted_remove(&s, SPAN("0001")));
}

Test(sorted, takes_objects_from_either_end_on)
{
	for (int i = 0; i < MANY / 2; i++) {
		cr_assert_null(sorted_put(&s, &thing[MANY / 2 + i]));
		cr_assert_null(sorted_put(&s, &thing[MANY / 2 - 1 - i]));
		thing[MANY / 2 + i].in = thing[MANY / 2 - 1 - i].in = true;
	}
	check();
}

Test(sorted, gives_back_the_one_it_replaces)
{
	cr_assert_null(sorted_put(&s, &thing[5]));
	cr_assert_eq(sorted_put(&s, &twin[5]), &thing[5]);
	cr_assert_eq(sorted_get(&s, SPAN("0005")), &twin[5]);
	cr_assert_eq(s.count, 1);
}

Test(sorted, keeps_its_order_through_random_changes)
{
	srand(7);
	for (int round = 0; round < 12; round++) {
		/* More come in the first rounds, more go in the last. */
		for (int i = 0; i < MANY; i++) {
			struct thing *t = &thing[rand() % MANY];

			if (rand() % 12 < round) {
				cr_assert_eq(sorted_remove(&s, key_of(t)), t->in ? t : NULL);
				t->in = false;
			} else {
				cr_assert_eq(sorted_put(&s, t), t->in ? t : NULL);
				t->in = true;
			}
		}
		check();
	}
}

Test(sorted, takes_little_memory_once_most_has_gone)
{
	size_t most;

	for (int i = 0; i < MANY; i++)
		cr_assert_null(sorted_put(&s, &thing[i]));
	most = sorted_bytes(&s);
	for (int i = 0; i < MANY; i++) {
		if (i % 100 != 0)
			cr_assert_eq(sorted_remove(&s, key_of(&thing[i])), &thing[i]);
	}
	cr_assert_lt(sorted_bytes(&s), most / 8);
	for (int i = 0; i < MANY; i += 100)
		cr_assert_eq(sorted_remove(&s, key_of(&thing[i])), &thing[i]);
	cr_assert_eq(s.runs, 0);
}
