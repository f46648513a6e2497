/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_sync.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "backstage/catalog_reader.h"
#include "backstage/client.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "standin.h"

/* A sync against a stand-in, and what it has told so far. */
struct world {
	struct standin standin;
	struct loop *loop;
	struct httpc *http;
	struct backstage_client *client;
	struct catalog_reader *reader;
	struct catalog_sync *sync;
	struct catalog *catalog;
	unsigned catalogs, troubles, reliefs;
	unsigned want_catalogs, want_troubles;
	unsigned behind; /* so often is a page made to wait */
	char why[1024];
	bool late;
	struct loop_timer *look;
};

/* Stop once as much was told as is waited for. */
static void world_check(struct world *w)
{
	if (w->catalogs >= w->want_catalogs && w->troubles >= w->want_troubles)
		loop_stop(w->loop);
}

static bool may_go_on(void *ctx)
{
	struct world *w = ctx;

	return w->behind == 0 || --w->behind == 0;
}

static void on_whole(void *ctx, struct wall began)
{
	struct world *w = ctx;

	cr_assert_leq(began.ms, clock_wall().ms);
	w->catalogs++;
	world_check(w);
}

static void on_trouble(void *ctx, const char *why)
{
	struct world *w = ctx;

	if (why == NULL) {
		w->reliefs++;
		return;
	}
	snprintf(w->why, sizeof(w->why), "%s", why);
	w->troubles++;
	world_check(w);
}

static void on_late(void *ctx)
{
	struct world *w = ctx;

	w->late = true;
	loop_stop(w->loop);
}

static void world_open(
	struct world *w, const char *scenario, unsigned page_size, int64_t refresh_ms)
{
	struct backstage_client_conf client = { .timeout_ms = 10000, .connections_max = 2 };
	struct catalog_sync_conf sync = { .rules = { .repository = "travis-ci.com/repo-slug" },
		.page_size = page_size,
		.refresh_ms = refresh_ms,
		.may_go_on = may_go_on,
		.on_whole = on_whole,
		.on_trouble = on_trouble,
		.ctx = w };

	*w = (struct world){ 0 };
	standin_start_script(&w->standin, "catalog_standin.py", scenario);
	client.url = w->standin.url;
	w->loop = loop_new();
	w->http = httpc_new(w->loop);
	w->client = backstage_client_new(w->http, &client, NULL);
	w->catalog = catalog_new();
	cr_assert_eq(catalog_reader_new(w->loop, w->catalog, &w->reader), ERR_OK);
	sync.reader = w->reader;
	w->sync = catalog_sync_new(w->loop, w->client, &sync);
}

static void world_close(struct world *w)
{
	catalog_sync_free(w->sync);
	catalog_reader_free(w->reader);
	backstage_client_free(w->client);
	httpc_free(w->http);
	loop_free(w->loop);
	catalog_free(w->catalog);
	standin_stop(&w->standin);
}

/* Run until that many catalogs and troubles were told since the beginning. */
static void world_await(struct world *w, unsigned catalogs, unsigned troubles)
{
	struct loop_timer *deadline = loop_timer_new(w->loop, on_late, w);

	w->want_catalogs = catalogs;
	w->want_troubles = troubles;
	if (w->catalogs >= catalogs && w->troubles >= troubles) {
		loop_timer_free(deadline);
		return;
	}
	loop_timer_set(deadline, 20000);
	cr_assert_eq(loop_run(w->loop), ERR_OK);
	loop_timer_free(deadline);
	cr_assert_not(w->late, "waited in vain: %u catalogs, %u troubles, %s", w->catalogs,
		w->troubles, w->why);
}

static bool world_has(const struct world *w, const char *ref)
{
	struct entity e;

	return catalog_get(w->catalog, span_of(ref), &e);
}

static void assert_owner(const struct world *w, const char *ref, const char *owner)
{
	struct entity e;

	cr_assert(catalog_get(w->catalog, span_of(ref), &e), "%s is not there", ref);
	cr_assert_eq(e.owners, 1);
	cr_assert(span_is(e.owner[0], owner), "%.*s", SPAN_ARGS(e.owner[0]));
}

Test(catalog_sync, reads_all_pages_and_what_the_relay_needs_of_them)
{
	struct entity e;
	struct world w;

	world_open(&w, "plain", 2, 60000);
	world_await(&w, 1, 0);
	cr_assert_eq(catalog_count(w.catalog), 6);
	assert_owner(&w, "component:default/parcel-api", "group:default/payments");
	assert_owner(&w, "component:default/lost", "group:default/absent");
	cr_assert_eq(catalog_find(w.catalog, SPAN("acme/parcel-api"), &e, 1), 1);
	cr_assert(span_is(e.etag, "etag-parcel-api"));
	cr_assert_eq(catalog_find(w.catalog, SPAN("ACME/Lost"), &e, 1), 1);
	cr_assert(e.orphan);
	cr_assert(catalog_belongs(
		w.catalog, SPAN("user:default/bob"), SPAN("group:default/platform")));
	cr_assert_eq(catalog_sync_status(w.sync).entities, 6);
	cr_assert_neq(catalog_sync_status(w.sync).last_ok.ms, WALL_NONE.ms);
	cr_assert_eq(w.troubles, 0);
	world_close(&w);
}

Test(catalog_sync, takes_an_empty_404_for_a_backstage_that_is_starting)
{
	struct world w;

	world_open(&w, "starting", 100, 20);
	world_await(&w, 1, 2);
	cr_assert_not_null(strstr(w.why, "does not answer"), "%s", w.why);
	cr_assert_eq(w.troubles, 2);
	cr_assert_eq(w.reliefs, 1);
	cr_assert_eq(catalog_sync_status(w.sync).failures, 2);
	world_close(&w);
}

Test(catalog_sync, takes_what_came_before_a_page_failed_and_nothing_away)
{
	struct entity e;
	struct world w;

	world_open(&w, "midway", 2, 20);
	world_await(&w, 1, 1);
	cr_assert_eq(w.catalogs, 1);
	cr_assert_not_null(strstr(w.why, "500"), "%s", w.why);
	cr_assert_eq(catalog_find(w.catalog, SPAN("acme/moved"), &e, 1), 1);
	cr_assert_eq(catalog_count(w.catalog), 6);
	world_await(&w, 2, 1);
	cr_assert_eq(catalog_find(w.catalog, SPAN("acme/moved"), &e, 1), 1);
	cr_assert_eq(w.reliefs, 1);
	world_close(&w);
}

Test(catalog_sync, says_in_a_sentence_why_it_cannot_read)
{
	const struct {
		const char *scenario, *why, *what;
	} row[] = {
		{ "unauthorized", "token", "401" },
		{ "forbidden", "token", "restricted to plugin(s)" },
		{ "refused", "refuses", "Unknown query parameter" },
		{ "noapi", "no such catalog API", "404" },
		{ "html", "unusable", "200" },
		{ "notapage", "unusable", "200" },
		{ "circle", "do not come to an end", "" },
		{ "endless", "do not come to an end", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct world w;

		world_open(&w, row[i].scenario, 2, 20);
		world_await(&w, 0, 2);
		cr_assert_not_null(strstr(w.why, row[i].why), "%s: %s", row[i].scenario, w.why);
		cr_assert_not_null(strstr(w.why, row[i].what), "%s: %s", row[i].scenario, w.why);
		cr_assert_eq(w.catalogs, 0, "%s", row[i].scenario);
		world_close(&w);
	}
}

Test(catalog_sync, asks_for_less_if_a_page_is_too_heavy)
{
	struct world w;

	world_open(&w, "heavy", 4, 60000);
	world_await(&w, 1, 0);
	cr_assert_eq(catalog_count(w.catalog), 6);
	cr_assert_eq(w.troubles, 0);
	world_close(&w);
}

Test(catalog_sync, takes_for_gone_only_what_backstage_does_not_know)
{
	struct world w;

	world_open(&w, "vanished", 100, 20);
	world_await(&w, 1, 0);
	assert_owner(&w, "component:default/hidden", "group:default/old-owner");
	cr_assert(world_has(&w, "component:default/gone"));
	cr_assert(world_has(&w, "component:default/plain"));
	world_await(&w, 2, 0);
	cr_assert_not(world_has(&w, "component:default/gone"));
	cr_assert_not(world_has(&w, "component:default/plain"), "it has lost its annotation");
	cr_assert(world_has(&w, "component:default/garbled"), "it was not proven gone");
	assert_owner(&w, "component:default/hidden", "group:default/new-owner");
	cr_assert_eq(catalog_sync_status(w.sync).gone, 2);
	cr_assert_eq(w.troubles, 0);
	world_close(&w);
}

Test(catalog_sync, keeps_what_it_cannot_confirm_and_asks_again)
{
	struct world w;

	world_open(&w, "unconfirmed", 100, 20);
	world_await(&w, 2, 1);
	cr_assert_eq(w.catalogs, 2);
	cr_assert(world_has(&w, "component:default/parcel-api"));
	cr_assert_not_null(strstr(w.why, "503"), "%s", w.why);
	world_await(&w, 3, 1);
	cr_assert_not(world_has(&w, "component:default/parcel-api"));
	cr_assert_eq(w.troubles, 1);
	world_close(&w);
}

Test(catalog_sync, confirms_thousands_in_several_look_ups)
{
	struct world w;

	world_open(&w, "exodus", 1000, 20);
	world_await(&w, 1, 0);
	cr_assert_eq(catalog_count(w.catalog), 2506);
	world_await(&w, 2, 0);
	cr_assert_eq(catalog_count(w.catalog), 6);
	cr_assert_eq(catalog_sync_status(w.sync).gone, 2500);
	cr_assert_eq(w.troubles, 0);
	world_close(&w);
}

Test(catalog_sync, looks_a_remembered_entity_up_in_its_first_read)
{
	struct entity gone = { .ref = SPAN("component:default/bygone"), .slug = SPAN("acme/gone") };
	struct world w;

	world_open(&w, "plain", 100, 60000);
	cr_assert_eq(catalog_put(w.catalog, &gone), ERR_OK);
	world_await(&w, 1, 0);
	cr_assert_not(world_has(&w, "component:default/bygone"));
	cr_assert_eq(catalog_sync_status(w.sync).gone, 1);
	world_close(&w);
}

Test(catalog_sync, waits_with_the_next_page_until_it_may_go_on)
{
	struct world w;

	world_open(&w, "plain", 2, 60000);
	w.behind = 5;
	world_await(&w, 1, 0);
	cr_assert_eq(w.behind, 0);
	cr_assert_eq(catalog_count(w.catalog), 6);
	world_close(&w);
}

Test(catalog_sync, reads_again_on_a_hint)
{
	struct world w;

	world_open(&w, "plain", 100, 3600000);
	world_await(&w, 1, 0);
	catalog_sync_hint(w.sync);
	world_await(&w, 2, 0);
	cr_assert_eq(catalog_sync_status(w.sync).reads, 2);
	world_close(&w);
}

Test(catalog_sync, keeps_the_catalog_while_backstage_is_down)
{
	struct world w;

	world_open(&w, "plain", 100, 20);
	world_await(&w, 1, 0);
	standin_stop(&w.standin);
	world_await(&w, 1, 1);
	cr_assert_not_null(strstr(w.why, "does not answer"), "%s", w.why);
	cr_assert_eq(catalog_sync_status(w.sync).entities, 6);
	cr_assert(world_has(&w, "component:default/parcel-api"));
	world_close(&w);
}

/* Looks again and again, until a request is under way. */
static void on_look(void *ctx)
{
	struct world *w = ctx;

	if (catalog_sync_status(w->sync).syncing)
		loop_stop(w->loop);
	else
		loop_timer_set(w->look, 1);
}

Test(catalog_sync, can_be_freed_in_the_middle_of_a_read)
{
	struct world w;

	world_open(&w, "silent", 1, 60000);
	w.look = loop_timer_new(w.loop, on_look, &w);
	loop_timer_set(w.look, 1);
	world_await(&w, 1, 1);
	cr_assert(catalog_sync_status(w.sync).syncing);
	cr_assert_eq(w.catalogs + w.troubles, 0);
	loop_timer_free(w.look);
	world_close(&w);
}
