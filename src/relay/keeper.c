/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keeper.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "store/store.h"

#define NS_CATALOG "catalog"
#define SCAN_ROWS  512
#define PUT_ROWS   256
#define ROW_MAX    (64 * 1024)
#define AGAIN_MS   2000

struct keeper {
	struct store *store;
	struct catalog_builder *loading;
	size_t loaded;
	struct buf after; /* key of the last row read */
	void (*on_loaded)(void *ctx, struct catalog_builder *b);
	void *ctx;
	/* Rows of the batch being filled. */
	struct store_put put[PUT_ROWS];
	struct buf text[PUT_ROWS];
	size_t puts;
	struct map rest; /* refs that the store did not take */
	struct loop_timer *timer;
	void (*on_unkept)(void *ctx);
	void *unkept_ctx;
};

static void on_again(void *ctx)
{
	struct keeper *k = ctx;

	k->on_unkept(k->unkept_ctx);
}

struct keeper *keeper_new(
	struct loop *l, struct store *store, void (*on_unkept)(void *ctx), void *ctx)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->store = store;
	k->timer = loop_timer_new(l, on_again, k);
	k->on_unkept = on_unkept;
	k->unkept_ctx = ctx;
	map_init(&k->rest);
	buf_init(&k->after, ROW_MAX);
	for (size_t i = 0; i < PUT_ROWS; i++)
		buf_init(&k->text[i], ROW_MAX);
	return k;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	catalog_builder_free(k->loading);
	loop_timer_free(k->timer);
	map_release(&k->rest);
	buf_release(&k->after);
	for (size_t i = 0; i < PUT_ROWS; i++)
		buf_release(&k->text[i]);
	free(k);
}

static void load_finish(struct keeper *k)
{
	struct catalog_builder *b = TAKE(k->loading);

	if (k->loaded == 0) {
		catalog_builder_free(b);
		b = NULL;
	}
	k->on_loaded(k->ctx, b);
}

static void load_row(struct keeper *k, const struct store_row *row)
{
	struct entity e;

	if (entity_read(row->value, &e) != ERR_OK || catalog_builder_add(k->loading, &e) != ERR_OK)
		log_warning("catalog.row-unreadable", "version=%lld", (long long)row->version);
	k->loaded++;
}

static void load_more(struct keeper *k);

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct keeper *k = ctx;

	if (e != ERR_OK)
		log_err("catalog.unreadable", "error=\"%s\"", err_str(e));
	for (size_t i = 0; i < n; i++)
		load_row(k, &rows[i]);
	if (e != ERR_OK || !more || n == 0) {
		load_finish(k);
		return;
	}
	buf_clear(&k->after);
	IGNORE(buf_add_span(&k->after, rows[n - 1].key));
	load_more(k);
}

static void load_more(struct keeper *k)
{
	if (store_scan(k->store, NS_CATALOG, buf_span(&k->after), SCAN_ROWS, on_rows, k) != ERR_OK)
		load_finish(k);
}

void keeper_load(
	struct keeper *k, void (*on_loaded)(void *ctx, struct catalog_builder *b), void *ctx)
{
	k->on_loaded = on_loaded;
	k->ctx = ctx;
	k->loading = catalog_builder_new();
	load_more(k);
}

/* The refs of a batch under way, for the case that it is not taken. */
struct batch {
	struct keeper *keeper;
	char *ref[PUT_ROWS];
	size_t n;
};

/* The rest is known by name only: what is written then is what is true then. */
static void batch_unkept(struct batch *batch, const char *reason)
{
	struct keeper *k = batch->keeper;

	log_warning("catalog.unkept", "entities=%zu reason=%s", batch->n, reason);
	for (size_t i = 0; i < batch->n; i++)
		IGNORE(map_put(&k->rest, span_of(batch->ref[i]), k) != NULL);
	if (!loop_timer_is_set(k->timer))
		loop_timer_set(k->timer, AGAIN_MS);
}

static void batch_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		free(batch->ref[i]);
	free(batch);
}

static void on_kept(void *ctx, enum claim_result r)
{
	struct batch *batch = ctx;

	if (r != CLAIM_OK)
		batch_unkept(batch, "storage");
	batch_free(batch);
}

static void keep_flush(struct keeper *k)
{
	struct batch *batch;

	if (k->puts == 0)
		return;
	batch = xcalloc(1, sizeof(*batch));
	batch->keeper = k;
	for (size_t i = 0; i < k->puts; i++)
		batch->ref[batch->n++] = xstrndup(k->put[i].key.p, k->put[i].key.n);
	if (store_put(k->store, k->put, k->puts, on_kept, batch) != ERR_OK) {
		batch_unkept(batch, "busy");
		batch_free(batch);
	}
	k->puts = 0;
}

/* e is NULL for an entity that is gone. */
static void keep_row(struct keeper *k, struct span ref, const struct entity *e)
{
	struct buf *text = &k->text[k->puts];

	buf_clear(text);
	if (e != NULL && entity_write(e, text) != ERR_OK) {
		log_warning("catalog.unkept", "entity=%.*s reason=too-long", SPAN_ARGS(ref));
		return;
	}
	k->put[k->puts++] = (struct store_put){
		.ns = NS_CATALOG,
		.key = ref,
		.value = buf_span(text),
	};
	if (k->puts == PUT_ROWS)
		keep_flush(k);
}

/* Of another key's, or of none's, they differ though the entity is the same. */
static bool aliases_are_same(const struct entity *a, const struct entity *b)
{
	for (size_t i = 0; i < a->aliases && i < b->aliases; i++) {
		if (!span_eq(a->alias[i], b->alias[i]))
			return false;
	}
	return a->aliases == b->aliases;
}

/* An entity's etag covers its relations too; without one, every read is a change. */
static bool entity_is_same(const struct entity *a, const struct entity *b)
{
	return aliases_are_same(a, b) && a->etag.n > 0 && span_eq(a->etag, b->etag) &&
	       span_eq(a->uid, b->uid) && a->orphan == b->orphan;
}

static void keep_present(struct keeper *k, const struct catalog *before, const struct entity *e,
	struct keeper_change *change)
{
	struct entity known;

	if (before == NULL || !catalog_get(before, e->ref, &known))
		change->added++;
	else if (!entity_is_same(&known, e))
		change->changed++;
	else
		return;
	keep_row(k, e->ref, e);
}

struct keeper_change keeper_keep(
	struct keeper *k, const struct catalog *before, const struct catalog *now)
{
	struct keeper_change change = { 0 };
	struct entity e, other;

	for (size_t i = 0; catalog_at(now, i, &e); i++)
		keep_present(k, before, &e, &change);
	for (size_t i = 0; before != NULL && catalog_at(before, i, &e); i++) {
		if (catalog_get(now, e.ref, &other))
			continue;
		change.removed++;
		keep_row(k, e.ref, NULL);
	}
	keep_flush(k);
	return change;
}

void keeper_keep_rest(struct keeper *k, const struct catalog *now)
{
	struct map rest = k->rest;
	struct entity e;
	struct span ref;
	size_t at = 0;
	void *self;

	map_init(&k->rest);
	while (map_next(&rest, &at, &ref, &self))
		keep_row(k, ref, now != NULL && catalog_get(now, ref, &e) ? &e : NULL);
	keep_flush(k);
	map_release(&rest);
}
