/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/defs.h"
#include "relay/memo.h"

static void cleanup(struct memo **m)
{
	memo_free(*m);
}

Test(memo, knows_nothing_until_told_and_nothing_again_once_forgotten)
{
	CLEANUP(cleanup) struct memo *m = memo_new(10);
	struct span value;

	cr_assert_eq(memo_get(m, "build", SPAN("k"), &value), 0);
	memo_put(m, "build", SPAN("k"), 3, SPAN("three"));
	cr_assert_eq(memo_get(m, "build", SPAN("k"), &value), 3);
	cr_assert(span_is(value, "three"));
	memo_put(m, "build", SPAN("k"), 4, SPAN("four"));
	cr_assert_eq(memo_get(m, "build", SPAN("k"), &value), 4);
	memo_forget(m, "build", SPAN("k"));
	cr_assert_eq(memo_get(m, "build", SPAN("k"), &value), 0);
	cr_assert_eq(value.n, 0);
}

Test(memo, keeps_namespaces_apart)
{
	CLEANUP(cleanup) struct memo *m = memo_new(10);
	struct span value;

	memo_put(m, "build", SPAN("x"), 1, SPAN("a"));
	memo_put(m, "line", SPAN("x"), 2, SPAN("b"));
	cr_assert_eq(memo_get(m, "build", SPAN("x"), &value), 1);
	cr_assert_eq(memo_get(m, "line", SPAN("x"), &value), 2);
}

Test(memo, forgets_what_was_not_used_for_longest)
{
	CLEANUP(cleanup) struct memo *m = memo_new(3);
	struct span value;
	char key[8];

	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		memo_put(m, "n", span_of(key), i + 1, SPAN("v"));
	}
	cr_assert_eq(memo_get(m, "n", SPAN("k0"), &value), 1);
	memo_put(m, "n", SPAN("k3"), 4, SPAN("v"));
	cr_expect_eq(memo_get(m, "n", SPAN("k1"), &value), 0, "k1 was the oldest");
	cr_expect_eq(memo_get(m, "n", SPAN("k0"), &value), 1, "k0 was just used");
	cr_expect_eq(memo_get(m, "n", SPAN("k3"), &value), 4);
}
