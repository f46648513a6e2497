/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "model/catalog.h"
#include "relay/keeper.h"
#include "store_bench.h"

static struct bench b;
static struct keeper *k;
static struct catalog *catalog;
static bool again;

static void on_unkept(void *ctx)
{
	(void)ctx;
	again = true;
	keeper_keep_rest(k, catalog);
	loop_stop(b.loop);
}

static void set_up(void)
{
	bench_init(&b);
	if (!bench_mount(&b, "1m")) {
		scratch_remove(&b.dir);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	bench_open(&b);
	k = keeper_new(b.loop, b.s, on_unkept, NULL);
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

static void add(struct catalog_builder *builder, const char *ref, const char *etag)
{
	struct entity e = {
		.ref = span_of(ref),
		.etag = span_of(etag),
		.slug = SPAN("acme/api"),
	};

	cr_assert_eq(catalog_builder_add(builder, &e), ERR_OK);
}

/* Entities by name, each in its first state; the last one NULL. */
static struct catalog *catalog_with(const char *const *ref, const char *etag)
{
	struct catalog_builder *builder = catalog_builder_new();

	for (; *ref != NULL; ref++)
		add(builder, *ref, etag);
	return catalog_build(builder);
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

static void run_until_again(void)
{
	again = false;
	loop_timer_set(b.patience, BENCH_PATIENCE_MS);
	while (!again)
		cr_assert_eq(loop_run(b.loop), ERR_OK);
	loop_timer_stop(b.patience);
	settle();
}

Test(keeper, what_the_store_did_not_take_is_kept_later_as_it_is_then)
{
	static const char *const first[] = { "component:default/a", "component:default/b",
		"component:default/c", NULL };
	static const char *const second[] = { "component:default/a", "component:default/c", NULL };
	struct catalog *before;

	catalog = catalog_with(first, "1");
	scratch_run(&b.dir, "head -c 2000000 /dev/zero >filler || true");
	cr_assert_eq(keeper_keep(k, NULL, catalog).added, 3);
	settle();
	cr_assert(is_kept(""));

	/* Meanwhile one is gone, and the store still has no room. */
	before = catalog;
	catalog = catalog_with(second, "1");
	cr_assert_eq(keeper_keep(k, before, catalog).removed, 1);
	catalog_free(before);
	settle();
	scratch_run(&b.dir, "rm filler");
	while (!is_kept("component:default/a\ncomponent:default/c\n"))
		run_until_again();
	cr_assert_eq(store_health(b.s), STORE_OK);
}
