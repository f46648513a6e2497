/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_patch.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "backstage/catalog_reader.h"
#include "backstage/catalog_rest.h"
#include "backstage/client.h"
#include "base/buf.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "io/pseudonym.h"
#include "model/catalog.h"
#include "standin.h"

#define MOVED   "component:default/moved"
#define GARBLED "component:default/garbled"
#define GONE    "component:default/gone"
#define SAME    "component:default/parcel-api"

/* A patch against a stand-in, and what it has told so far. */
struct world {
	struct standin standin;
	struct loop *loop;
	struct httpc *http;
	struct backstage_client *client;
	struct catalog_reader *reader;
	struct catalog_patch *patch;
	struct catalog *catalog;
	unsigned catalogs, owed;
	struct loop_timer *look;
	uint64_t want_lookups;
	bool want_idle, done;
};

static void on_patched(void *ctx, struct wall began)
{
	struct world *w = ctx;

	cr_assert_leq(began.ms, clock_wall().ms);
	w->catalogs++;
}

static void on_owed(void *ctx)
{
	struct world *w = ctx;

	w->owed++;
}

static void add(struct catalog *c, const char *ref, const char *slug, const char *owner)
{
	CLEANUP(buf_release) struct buf etag, uid;
	struct entity e = { .ref = span_of(ref), .slug = span_of(slug), .type = SPAN("service") };

	/* As the stand-in's are. */
	buf_init(&etag, 256);
	buf_init(&uid, 256);
	cr_assert_eq(buf_addf(&etag, "etag-%s", strchr(ref, '/') + 1), ERR_OK);
	cr_assert_eq(buf_addf(&uid, "uid-%s", strchr(ref, '/') + 1), ERR_OK);
	e.etag = buf_span(&etag);
	e.uid = buf_span(&uid);
	if (owner != NULL) {
		e.owner[0] = span_of(owner);
		e.owners = 1;
	}
	if (strcmp(ref, MOVED) == 0)
		e.etag = SPAN("older");
	cr_assert_eq(catalog_put(c, &e), ERR_OK);
}

static struct catalog *catalog_before(void)
{
	struct catalog *c = catalog_new();
	add(c, MOVED, "acme/moved", "group:default/old-owner");
	add(c, GARBLED, "acme/garbled", "group:default/payments");
	add(c, GONE, "acme/gone", NULL);
	add(c, SAME, "Acme/Parcel-API", "group:default/payments");
	add(c, "component:default/untouched", "acme/untouched", NULL);
	return c;
}

/* Looks again and again, until what is waited for is there. */
static void on_look(void *ctx)
{
	struct world *w = ctx;
	struct catalog_patch_status s = catalog_patch_status(w->patch);

	if (s.lookups >= w->want_lookups && (!w->want_idle || s.pending == 0)) {
		w->done = true;
		loop_stop(w->loop);
	} else {
		loop_timer_set(w->look, 1);
	}
}

static void world_open(struct world *w, const char *scenario, struct catalog *catalog)
{
	struct backstage_client_conf client = { .timeout_ms = 10000, .connections_max = 2 };
	struct catalog_patch_conf conf = { .rules = { .repository = "travis-ci.com/repo-slug" },
		.on_patched = on_patched,
		.on_owed = on_owed,
		.ctx = w };

	*w = (struct world){ .catalog = catalog };
	standin_start_script(&w->standin, "catalog_standin.py", scenario);
	client.url = w->standin.url;
	w->loop = loop_new();
	w->http = httpc_new(w->loop);
	w->client = backstage_client_new(w->http, &client, NULL);
	cr_assert_eq(catalog_reader_new(w->loop, w->catalog, &w->reader), ERR_OK);
	conf.reader = w->reader;
	w->patch = catalog_patch_new(w->loop, w->client, &conf);
	w->look = loop_timer_new(w->loop, on_look, w);
}

static void world_close(struct world *w)
{
	loop_timer_free(w->look);
	catalog_patch_free(w->patch);
	catalog_reader_free(w->reader);
	backstage_client_free(w->client);
	httpc_free(w->http);
	loop_free(w->loop);
	catalog_free(w->catalog);
	standin_stop(&w->standin);
}

/* Run until that many look-ups were begun, and, if idle, nothing is left to do. */
static void world_await(struct world *w, uint64_t lookups, bool idle)
{
	w->want_lookups = lookups;
	w->want_idle = idle;
	w->done = false;
	loop_timer_set(w->look, 0);
	loop_run_until(w->loop, &w->done);
}

static void hint(struct world *w, const char *ref)
{
	catalog_patch_hint(w->patch, span_of(ref));
}

static void hint_numbers(struct world *w, unsigned from, unsigned n)
{
	char ref[64];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(ref, sizeof(ref), "component:default/number-%u", i);
		hint(w, ref);
	}
}

static bool has(const struct world *w, const char *ref)
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

TestSuite(catalog_patch, .timeout = 60);

Test(catalog_patch, changes_what_was_found_and_leaves_the_rest)
{
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint(&w, MOVED);
	hint(&w, GARBLED);
	hint(&w, GONE);
	hint(&w, SAME);
	hint(&w, "component:default/number-1");
	world_await(&w, 1, true);
	cr_assert_eq(w.catalogs, 1);
	cr_assert_eq(catalog_patch_status(w.patch).lookups, 1, "they share one");
	assert_owner(&w, MOVED, "group:default/new-owner");
	assert_owner(&w, GARBLED, "group:default/payments");
	cr_assert_not(has(&w, GONE), "a null is the proof");
	cr_assert(has(&w, SAME));
	cr_assert(has(&w, "component:default/untouched"));
	cr_assert(has(&w, "component:default/number-1"));
	cr_assert_eq(catalog_count(w.catalog), 5);
	cr_assert_eq(w.owed, 0);
	world_close(&w);
}

Test(catalog_patch, tells_nothing_if_nothing_changed)
{
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint(&w, SAME);
	hint(&w, GARBLED);
	hint(&w, "component:default/neither-here-nor-there");
	world_await(&w, 1, true);
	cr_assert_eq(w.catalogs, 0);
	cr_assert_eq(w.owed, 0);
	cr_assert_eq(catalog_patch_status(w.patch).changes, 0);
	world_close(&w);
}

Test(catalog_patch, asks_together_for_what_is_hinted_at_while_it_asks)
{
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint(&w, MOVED);
	world_await(&w, 1, false);
	hint(&w, GONE);
	hint_numbers(&w, 0, 100);
	hint(&w, GONE);
	world_await(&w, 2, true);
	cr_assert_eq(catalog_patch_status(w.patch).lookups, 2);
	cr_assert_eq(catalog_count(w.catalog), 4 + 100);
	world_close(&w);
}

Test(catalog_patch, asks_for_three_thousand_in_one_call)
{
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint_numbers(&w, 1000, 3000);
	world_await(&w, 1, true);
	cr_assert_eq(catalog_patch_status(w.patch).lookups, 1);
	cr_assert_eq(catalog_count(w.catalog), 5 + 3000);
	hint_numbers(&w, 10000, 3001);
	world_await(&w, 2, true);
	cr_assert_eq(catalog_patch_status(w.patch).lookups, 3);
	cr_assert_eq(catalog_count(w.catalog), 5 + 3000 + 3001);
	cr_assert_eq(w.owed, 0, "no call was larger than Backstage takes");
	world_close(&w);
}

Test(catalog_patch, asks_for_fewer_if_their_refs_are_long)
{
	char ref[256];
	struct world w;

	world_open(&w, "patched", catalog_before());
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(ref, sizeof(ref), "component:default/number-%0160u", i);
		hint(&w, ref);
	}
	world_await(&w, 2, true);
	cr_assert_eq(w.owed, 0, "no call was larger than Backstage takes");
	cr_assert_eq(catalog_count(w.catalog), 5 + 2000);
	world_close(&w);
}

/* Refs of all bytes there are, the longest annotations: the body must be what Backstage takes. */
Test(catalog_patch, never_composes_more_than_backstage_takes)
{
	static char annotation[318], text[CATALOG_REST_REFS_BYTES];
	static struct span ref[CATALOG_REST_REFS_MAX];
	static const uint8_t seed[PSEUDONYM_SEED_BYTES];
	struct entity_rules rules = { .repository = annotation, .login = annotation };
	struct pseudonym_key *names = pseudonym_key_new(seed);
	const size_t each = CATALOG_REST_REFS_BYTES / CATALOG_REST_REFS_MAX;
	CLEANUP(buf_release) struct buf body;
	rules.names = names;
	memset(annotation, 'a', sizeof(annotation) - 1);
	memset(text, 'r', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(ref); i++)
		ref[i] = (struct span){ text + i * each, each };
	buf_init(&body, 1 << 20);
	cr_assert_eq(catalog_rest_lookup(ref, ARRAY_SIZE(ref), &rules, &body), ERR_OK);
	cr_assert_leq(body.len, 100 * 1000);
	pseudonym_key_free(names);
}

Test(catalog_patch, owes_a_whole_read_if_it_cannot_look_up)
{
	struct world w;

	world_open(&w, "unavailable", catalog_before());
	hint(&w, GONE);
	world_await(&w, 1, true);
	cr_assert_eq(w.owed, 1);
	cr_assert_eq(w.catalogs, 0);
	world_close(&w);
}

Test(catalog_patch, owes_a_whole_read_if_there_is_too_much_to_look_up)
{
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint_numbers(&w, 0, 20000);
	cr_assert_eq(w.owed, 0);
	hint_numbers(&w, 20000, 1);
	cr_assert_eq(w.owed, 1);
	world_close(&w);
}

Test(catalog_patch, can_be_freed_while_it_asks)
{
	unsigned before;
	struct world w;

	world_open(&w, "patched", catalog_before());
	hint(&w, MOVED);
	world_await(&w, 1, false);
	/* On a fast machine the answer may be there already. */
	before = w.catalogs;
	world_close(&w);
	cr_assert_eq(w.catalogs, before);
}
