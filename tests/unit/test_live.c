/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/live.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "backstage/catalog_reader.h"
#include "backstage/client.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/map.h"
#include "conf/conf.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "standin.h"
#include "store/store.h"

#define REF  "component:default/parcel-api"
#define SLUG "acme/parcel-api"

/*
 * A stand-in for the store, of which live.c needs three calls: the lease is ours
 * to give, and a write is answered when the test says so, or never.
 */
static struct fake_store {
	bool lease_held;
	store_lease_cb on_lease;
	void *lease_ctx;
	unsigned leases;
	bool lease_asked; /* and not answered */
	bool hold_puts, refuse_puts;
	struct {
		store_finish_cb on_done;
		void *ctx;
		enum claim_result result;
	} put[64]; /* not answered */
	size_t puts;
	struct map rows; /* key -> value */
	struct loop_timer *timer;
} store;

/* As the store does, on a later turn of the loop. */
static void on_answer(void *ctx)
{
	(void)ctx;
	if (store.lease_asked) {
		store.lease_asked = false;
		store.on_lease(store.lease_ctx, store.lease_held, 1);
	}
	while (store.puts > 0 && !store.hold_puts) {
		store.puts--;
		store.put[store.puts].on_done(
			store.put[store.puts].ctx, store.put[store.puts].result);
	}
}

enum err store_lease(
	struct store *s, const char *name, int64_t ttl_ms, store_lease_cb on_done, void *ctx)
{
	(void)s;
	cr_assert_str_eq(name, "bus");
	cr_assert_gt(ttl_ms, 0);
	store.leases++;
	store.on_lease = on_done;
	store.lease_ctx = ctx;
	store.lease_asked = true;
	loop_timer_set(store.timer, 0);
	return ERR_OK;
}

static void row_set(const struct store_put *put)
{
	cr_assert_str_eq(put->ns, "hint");
	if (put->value.n == 0)
		free(map_remove(&store.rows, put->key));
	else
		free(map_put(&store.rows, put->key, xstrndup(put->value.p, put->value.n)));
}

enum err store_put(
	struct store *s, const struct store_put *puts, size_t n, store_finish_cb on_done, void *ctx)
{
	(void)s;
	cr_assert_lt(store.puts, ARRAY_SIZE(store.put));
	for (size_t i = 0; i < n && !store.refuse_puts; i++)
		row_set(&puts[i]);
	store.put[store.puts].on_done = on_done;
	store.put[store.puts].ctx = ctx;
	store.put[store.puts++].result = store.refuse_puts ? CLAIM_RETRY : CLAIM_OK;
	loop_timer_set(store.timer, 0);
	return ERR_OK;
}

enum err store_scan(struct store *s, const char *ns, struct span after, size_t limit,
	store_scan_cb on_done, void *ctx)
{
	struct store_row row[16];
	struct span key;
	size_t at = 0, n = 0;
	void *value;

	(void)s;
	(void)limit;
	cr_assert_str_eq(ns, "hint");
	cr_assert_eq(after.n, 0);
	while (map_next(&store.rows, &at, &key, &value))
		row[n++] = (struct store_row){ key, 1, span_of(value) };
	on_done(ctx, ERR_OK, row, n, false);
	return ERR_OK;
}

/* --- the world around it --- */

static struct world {
	struct standin standin;
	struct loop *loop;
	struct httpc *http;
	struct backstage_client *client;
	struct live *live;
	struct catalog_reader *reader;
	struct catalog *catalog;
	struct conf conf;
	unsigned owed, catalogs, alarms, reliefs;
	bool reading;
	struct loop_timer *look;
	bool (*is_there)(void);
	bool done;
} w;

static const struct catalog *known(void *ctx)
{
	(void)ctx;
	return w.catalog;
}

static void on_patched(void *ctx, struct wall began)
{
	(void)ctx;
	(void)began;
	w.catalogs++;
}

static void on_owed(void *ctx)
{
	(void)ctx;
	w.owed++;
}

static bool is_reading(void *ctx)
{
	(void)ctx;
	return w.reading;
}

static void on_alarm(void *ctx, const char *why)
{
	(void)ctx;
	if (why == NULL)
		w.reliefs++;
	else
		w.alarms++;
}

static void on_look(void *ctx)
{
	(void)ctx;
	if (w.is_there()) {
		w.done = true;
		loop_stop(w.loop);
	} else {
		loop_timer_set(w.look, 1);
	}
}

static void await(bool (*is_there)(void))
{
	w.is_there = is_there;
	w.done = false;
	loop_timer_set(w.look, 0);
	loop_run_until(w.loop, &w.done);
}

/* Run for a moment in which what must not happen could. */
static struct mono until;

static bool moment_is_over(void)
{
	return clock_mono().ms >= until.ms;
}

static void run_a_moment(void)
{
	until.ms = clock_mono().ms + 300;
	await(moment_is_over);
}

static struct catalog *catalog_of_one(void)
{
	struct catalog *c = catalog_new();
	struct entity e = { .ref = SPAN(REF), .slug = SPAN(SLUG) };

	cr_assert_eq(catalog_put(c, &e), ERR_OK);
	return c;
}

static void set_up(void)
{
	store = (struct fake_store){ .lease_held = true };
	map_init(&store.rows);
	w = (struct world){ 0 };
}

static void begin(const char *script)
{
	static char path[] = "/var/lib/stagewire/test.db", annotation[] = "travis-ci.com/repo-slug";
	const struct backstage_client_conf client = { .timeout_ms = 10000, .connections_max = 4 };
	struct backstage_client_conf there = client;
	struct live_needs needs = {
		.known = known,
		.on_patched = on_patched,
		.on_owed = on_owed,
		.is_reading = is_reading,
		.on_alarm = on_alarm,
	};

	standin_start_script(&w.standin, "bus_script.py", script);
	there.url = w.standin.url;
	w.loop = loop_new();
	w.http = httpc_new(w.loop);
	w.client = backstage_client_new(w.http, &there, NULL);
	w.look = loop_timer_new(w.loop, on_look, NULL);
	store.timer = loop_timer_new(w.loop, on_answer, NULL);
	w.catalog = catalog_of_one();
	w.conf = (struct conf){
		.store_path = path,
		.catalog_annotation = annotation,
		.backstage_subscribe = true,
		.backstage_settle_ms = 50,
	};
	cr_assert_eq(catalog_reader_new(w.loop, w.catalog, &w.reader), ERR_OK);
	needs.loop = w.loop;
	needs.reader = w.reader;
	w.live = live_new(&needs);
	live_follow(w.live, w.client, &w.conf);
}

static void tear_down(void)
{
	struct span key;
	size_t at = 0;
	void *value;

	live_stop(w.live);
	store.hold_puts = false;
	on_answer(NULL);
	live_free(w.live);
	catalog_reader_free(w.reader);
	loop_timer_free(w.look);
	loop_timer_free(store.timer);
	backstage_client_free(w.client);
	httpc_free(w.http);
	loop_free(w.loop);
	catalog_free(w.catalog);
	standin_stop(&w.standin);
	while (map_next(&store.rows, &at, &key, &value))
		free(value);
	map_release(&store.rows);
}

TestSuite(live, .init = set_up, .fini = tear_down, .timeout = 60);

static bool is_subscribed(void)
{
	return live_status(w.live).bus.subscribed;
}

static bool has_events(void)
{
	return live_status(w.live).bus.answers >= 1;
}

static bool has_more_events(void)
{
	return live_status(w.live).bus.answers >= 2;
}

static bool is_alarmed(void)
{
	return w.alarms > 0;
}

static bool is_refused_otherwise(void)
{
	return strstr(live_status(w.live).trouble, "403") != NULL;
}

static bool book_is_empty(void)
{
	return store.rows.count == 0;
}

static bool is_owed_four_times(void)
{
	return w.owed >= 4;
}

static bool has_changed(void)
{
	return w.catalogs > 0;
}

static bool is_kept(const char *key)
{
	return map_get(&store.rows, span_of(key)) != NULL;
}

/* A whole read that began after it was owed has ended. */
static void read_whole(void)
{
	live_refreshed(w.live);
}

Test(live, leaves_the_bus_to_whoever_has_the_lease)
{
	store.lease_held = false;
	begin("PUT=201 GET=events/" REF);
	run_a_moment();
	cr_assert_geq(store.leases, 1);
	cr_assert_not(live_status(w.live).held);
	cr_assert_not(is_subscribed());
	cr_assert_eq(w.owed, 0);

	/* The other instance is gone. */
	store.lease_held = true;
	store.on_lease(store.lease_ctx, true, 2);
	await(is_subscribed);
	cr_assert(live_status(w.live).held);
}

Test(live, stops_reading_the_bus_when_another_has_the_lease)
{
	begin("PUT=201");
	await(is_subscribed);
	store.on_lease(store.lease_ctx, false, 0);
	cr_assert_not(live_status(w.live).held);
	cr_assert_not(is_subscribed());
}

Test(live, asks_for_no_more_before_the_store_has_what_was_told)
{
	store.hold_puts = true;
	begin("PUT=201 GET=events/" REF " GET=events/" REF "-2");
	await(has_events);
	run_a_moment();
	cr_assert(is_kept(REF));
	cr_assert_not(has_more_events(), "the next was asked for before the store answered");
	store.hold_puts = false;
	loop_timer_set(store.timer, 0);
	await(has_more_events);
}

Test(live, goes_on_and_owes_a_whole_read_if_the_store_has_no_room)
{
	store.refuse_puts = true;
	begin("PUT=201 GET=events/" REF " GET=events/" REF "-2");
	await(has_more_events);
	/* For the gap, and for each of the three writes that were refused. */
	await(is_owed_four_times);
	cr_assert_eq(store.rows.count, 0);
}

Test(live, forgets_what_was_told_once_it_was_followed)
{
	begin("PUT=201 GET=events/" REF);
	await(has_changed); /* the stand-in says that it is gone */
	cr_assert_eq(catalog_count(w.catalog), 0);
	run_a_moment();
	cr_assert(is_kept(REF), "the whole read that the subscription owes has not ended");
	read_whole();
	await(book_is_empty);
	cr_assert_eq(live_status(w.live).kept, 0);
}

Test(live, waits_for_the_read_after_the_one_under_way)
{
	w.reading = true;
	begin("PUT=201");
	await(is_subscribed);
	read_whole();
	run_a_moment();
	cr_assert(is_kept("*"), "the read had begun before the gap");
	read_whole();
	await(book_is_empty);
}

Test(live, waits_for_one_read_if_the_one_under_way_fails)
{
	w.reading = true;
	begin("PUT=201");
	await(is_subscribed);
	live_read_failed(w.live);
	live_read_failed(w.live);
	run_a_moment();
	cr_assert(is_kept("*"));
	read_whole();
	await(book_is_empty);
}

Test(live, follows_first_what_an_earlier_run_was_told)
{
	IGNORE(map_put(&store.rows, SPAN(REF), xstrdup("-")) != NULL);
	IGNORE(map_put(&store.rows, SPAN("*"), xstrdup("*")) != NULL);
	begin("PUT=500");
	await(has_changed);
	cr_assert_eq(catalog_count(w.catalog), 0);
	cr_assert_eq(live_status(w.live).resumed, 2);
	cr_assert_geq(w.owed, 1);
	cr_assert_not(is_subscribed(), "no whole read is owed for a gap yet");
	read_whole();
	await(book_is_empty);
}

Test(live, looks_at_a_repository_that_was_pushed_to_after_a_while)
{
	begin("PUT=201 GET=push/" SLUG);
	await(has_events);
	w.owed = 0;
	cr_assert(is_kept("push " SLUG));
	cr_assert_eq(live_status(w.live).hints, 0, "Backstage has not read the file yet");
	await(has_changed);
	cr_assert_eq(live_status(w.live).pushes, 1);
	cr_assert_eq(w.owed, 0, "it is known which entities there are");
	read_whole();
	/* It is gone now, so the second look finds a repository without entities. */
	while (w.owed == 0)
		run_a_moment();
	read_whole();
	await(book_is_empty);
}

Test(live, reads_everything_if_a_catalog_file_is_pushed_where_no_entity_is_known)
{
	begin("PUT=201 GET=push/acme/other");
	await(has_events);
	w.owed = 0;
	cr_assert(is_kept("push acme/other"));
	while (w.owed == 0)
		run_a_moment();
	cr_assert_eq(live_status(w.live).patch.lookups, 0);
}

Test(live, takes_a_push_up_again_that_an_earlier_run_was_told_of)
{
	IGNORE(map_put(&store.rows, SPAN("push " SLUG), xstrdup("other")) != NULL);
	begin("PUT=500");
	await(has_changed);
	cr_assert_eq(live_status(w.live).pushes, 1);
}

Test(live, alarms_once_if_the_bus_refuses_us)
{
	begin("PUT=401 PUT=403");
	await(is_alarmed);
	cr_assert(live_status(w.live).bus.refused);
	cr_assert_not_null(strstr(live_status(w.live).trouble, "401"));

	/* As a reload with another wrong token does. */
	live_follow(w.live, w.client, &w.conf);
	await(is_refused_otherwise);
	cr_assert_eq(w.alarms, 1);
	cr_assert_eq(w.reliefs, 0);
}

Test(live, tells_when_the_bus_lets_us_in_again)
{
	begin("PUT=403 PUT=201");
	await(is_alarmed);
	live_follow(w.live, w.client, &w.conf);
	await(is_subscribed);
	cr_assert_eq(w.alarms, 1);
	cr_assert_eq(w.reliefs, 1);
}
