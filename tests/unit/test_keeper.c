/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "model/catalog.h"
#include "relay/keeper.h"
#include "store_bench.h"

static struct bench b;
static struct keeper *k;
static struct catalog *catalog;

static void set_up(void)
{
	bench_init(&b);
	if (!bench_mount(&b, "1m")) {
		scratch_remove(&b.dir);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	bench_open(&b);
	catalog = catalog_new();
	k = keeper_new(b.loop, b.s, catalog);
}

static void tear_down(void)
{
	store_close(TAKE(b.s));
	keeper_free(k);
	catalog_free(catalog);
	cr_assert_eq(umount2(b.dir.dir, MNT_DETACH), 0);
	bench_release(&b);
}

TestSuite(keeper, .init = set_up, .fini = tear_down);

static void put(const char *ref, const char *etag)
{
	struct entity e = {
		.ref = span_of(ref),
		.etag = span_of(etag),
		.slug = SPAN("acme/api"),
	};

	cr_assert_eq(catalog_put(catalog, &e), ERR_OK);
	keeper_keep(k, e.ref);
}

static void take_away(const char *ref)
{
	cr_assert(catalog_remove(catalog, span_of(ref)));
	keeper_keep(k, span_of(ref));
}

static bool is_kept(const char *want)
{
	CLEANUP(reply_release) struct reply r;

	bench_scan(&b, "catalog", "", 10, &r);
	return strcmp(r.text.data, want) == 0;
}

/* One put of nothing comes back when all before it have. */
static void settle(void)
{
	struct store_put p = { "test", SPAN("settle"), 0, { 0 } };

	IGNORE(bench_put(&b, &p, 1));
}

static void on_look(void *ctx)
{
	(void)ctx;
	loop_stop(b.loop);
}

/* Run until the keeper has no more to do, or so much. */
static void run_until_behind(size_t n)
{
	struct loop_timer *look = loop_timer_new(b.loop, on_look, NULL);

	for (int i = 0; i < 2000 && keeper_behind(k) != n; i++) {
		loop_timer_set(look, 5);
		cr_assert_eq(loop_run(b.loop), ERR_OK);
	}
	loop_timer_free(look);
	cr_assert_eq(keeper_behind(k), n);
}

Test(keeper, what_the_store_did_not_take_is_kept_later_as_it_is_then)
{
	scratch_run(&b.dir, "head -c 2000000 /dev/zero >filler || true");
	put("component:default/a", "1");
	put("component:default/b", "1");
	put("component:default/c", "1");
	while (store_health(b.s) == STORE_OK)
		settle();
	cr_assert(is_kept(""));

	/* Meanwhile one is gone, and the store still has no room. */
	take_away("component:default/b");
	settle();
	scratch_run(&b.dir, "rm filler");
	run_until_behind(0);
	cr_assert(is_kept("component:default/a\ncomponent:default/c\n"));
	cr_assert_eq(store_health(b.s), STORE_OK);
}

Test(keeper, writes_more_than_a_batch_and_reads_it_all_back)
{
	char ref[64];

	for (int i = 0; i < 300; i++) {
		snprintf(ref, sizeof(ref), "component:default/c%03d", i);
		put(ref, "1");
	}
	cr_assert_eq(keeper_behind(k), 300);
	run_until_behind(0);
	for (int i = 0; i < 300; i++) {
		snprintf(ref, sizeof(ref), "component:default/c%03d", i);
		cr_assert(catalog_remove(catalog, span_of(ref)));
	}
	keeper_load(k, on_look, NULL);
	cr_assert_eq(loop_run(b.loop), ERR_OK);
	cr_assert_eq(catalog_count(catalog), 300);
}
