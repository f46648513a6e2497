/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pushes.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/clock.h"
#include "io/loop.h"
#include "standin.h"

static struct {
	struct loop *loop;
	struct pushes *pushes;
	unsigned looks, named, lasts, want;
	struct mono at[8];
	char slug[64];
	bool done;
} w;

static void on_due(void *ctx, struct span slug, bool named, bool last)
{
	(void)ctx;
	snprintf(w.slug, sizeof(w.slug), "%.*s", SPAN_ARGS(slug));
	w.at[w.looks++] = clock_mono();
	w.named += named;
	w.lasts += last;
	if (w.looks == w.want) {
		w.done = true;
		loop_stop(w.loop);
	}
}

static void set_up(void)
{
	const struct pushes_conf conf = { .wait_ms = 60, .on_due = on_due };

	memset(&w, 0, sizeof(w));
	w.loop = loop_new();
	w.pushes = pushes_new(w.loop, &conf);
}

static void tear_down(void)
{
	pushes_free(w.pushes);
	loop_free(w.loop);
}

TestSuite(pushes, .init = set_up, .fini = tear_down, .timeout = 30);

static void await_looks(unsigned n)
{
	w.want = n;
	w.done = false;
	loop_run_until(w.loop, &w.done);
}

Test(pushes, are_looked_at_twice_after_a_while)
{
	struct mono begin = clock_mono();

	pushes_add(w.pushes, SPAN("acme/a"), true);
	await_looks(1);
	cr_assert_geq(w.at[0].ms - begin.ms, 55);
	cr_assert_eq(w.lasts, 0);
	cr_assert_eq(pushes_count(w.pushes), 1);
	await_looks(2);
	cr_assert_geq(w.at[1].ms - w.at[0].ms, 175);
	cr_assert_eq(w.lasts, 1);
	cr_assert_eq(w.named, 2);
	cr_assert_str_eq(w.slug, "acme/a");
	cr_assert_eq(pushes_count(w.pushes), 0);
}

Test(pushes, do_not_put_each_other_off)
{
	pushes_add(w.pushes, SPAN("acme/a"), false);
	await_looks(1);
	cr_assert_eq(w.named, 0);
	/* The second look is due as it was, and there is a third for this one. */
	pushes_add(w.pushes, SPAN("acme/a"), true);
	await_looks(2);
	cr_assert_eq(w.lasts, 0);
	cr_assert_eq(w.named, 1);
	await_looks(3);
	cr_assert_eq(w.lasts, 1);
}

Test(pushes, of_different_repositories_are_each_looked_at)
{
	pushes_add(w.pushes, SPAN("acme/a"), false);
	pushes_add(w.pushes, SPAN("acme/b"), false);
	await_looks(4);
	cr_assert_eq(w.lasts, 2);
}
