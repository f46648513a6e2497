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
#define PUT_ROWS   64 /* in one transaction, which webhooks may wait for */
#define ROW_MAX    (64 * 1024)
#define AGAIN_MS   2000

struct keeper {
	struct loop *loop;
	struct store *store;
	struct catalog *catalog;
	struct buf after; /* key of the last row read */
	void (*on_loaded)(void *ctx);
	void *ctx;
	struct map unkept; /* refs that changed and are not in a batch */
	/* The batch that the store has, or that is being filled. */
	char *ref[PUT_ROWS];
	struct store_put put[PUT_ROWS];
	struct buf text[PUT_ROWS];
	size_t puts;
	bool writing;             /* the store has it */
	struct loop_task task;    /* deferred if something is to be written */
	struct loop_timer *timer; /* set after the store did not take something */
};

static void on_turn(struct loop_task *t);
static void on_again(void *ctx);

struct keeper *keeper_new(struct loop *l, struct store *store, struct catalog *catalog)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->store = store;
	k->catalog = catalog;
	k->task.run = on_turn;
	k->timer = loop_timer_new(l, on_again, k);
	map_init(&k->unkept);
	buf_init(&k->after, ROW_MAX);
	for (size_t i = 0; i < PUT_ROWS; i++)
		buf_init(&k->text[i], ROW_MAX);
	return k;
}

static void batch_clear(struct keeper *k)
{
	for (size_t i = 0; i < k->puts; i++)
		free(k->ref[i]);
	k->puts = 0;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	loop_undefer(k->loop, &k->task);
	loop_timer_free(k->timer);
	batch_clear(k);
	map_release(&k->unkept);
	buf_release(&k->after);
	for (size_t i = 0; i < PUT_ROWS; i++)
		buf_release(&k->text[i]);
	free(k);
}

static void load_row(struct keeper *k, const struct store_row *row)
{
	struct entity e;

	if (entity_read(row->value, &e) != ERR_OK || catalog_put(k->catalog, &e) != ERR_OK)
		log_warning("catalog.row-unreadable", "version=%lld", (long long)row->version);
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
		k->on_loaded(k->ctx);
		return;
	}
	buf_clear(&k->after);
	IGNORE(buf_add_span(&k->after, rows[n - 1].key));
	load_more(k);
}

static void load_more(struct keeper *k)
{
	if (store_scan(k->store, NS_CATALOG, buf_span(&k->after), SCAN_ROWS, on_rows, k) != ERR_OK)
		k->on_loaded(k->ctx);
}

void keeper_load(struct keeper *k, void (*on_loaded)(void *ctx), void *ctx)
{
	k->on_loaded = on_loaded;
	k->ctx = ctx;
	load_more(k);
}

/* Put one entity into the batch, as it is now, or that it is gone. */
static void batch_add(struct keeper *k, struct span ref)
{
	struct buf *text = &k->text[k->puts];
	struct entity e;

	buf_clear(text);
	if (catalog_get(k->catalog, ref, &e) && entity_write(&e, text) != ERR_OK) {
		log_warning("catalog.unkept", "entity=%.*s reason=too-long", SPAN_ARGS(ref));
		return;
	}
	k->ref[k->puts] = xstrndup(ref.p, ref.n);
	k->put[k->puts] = (struct store_put){
		.ns = NS_CATALOG,
		.key = { k->ref[k->puts], ref.n },
		.value = buf_span(text),
	};
	k->puts++;
}

static void batch_fill(struct keeper *k)
{
	struct span ref, taken[PUT_ROWS];
	size_t at = 0, n = 0;
	void *self;

	while (n < PUT_ROWS && map_next(&k->unkept, &at, &ref, &self)) {
		taken[n++] = ref;
		batch_add(k, ref);
	}
	for (size_t i = 0; i < n; i++)
		IGNORE(map_remove(&k->unkept, taken[i]) != NULL);
	if (k->unkept.count == 0) {
		map_release(&k->unkept);
		map_init(&k->unkept);
	}
}

/* What is written later is what is true then. */
static void batch_return(struct keeper *k, const char *reason)
{
	log_warning("catalog.unkept", "entities=%zu reason=%s", k->puts, reason);
	for (size_t i = 0; i < k->puts; i++)
		IGNORE(map_put(&k->unkept, k->put[i].key, k) != NULL);
	batch_clear(k);
	loop_timer_set(k->timer, AGAIN_MS);
}

static void keeper_turn(struct keeper *k)
{
	if (!k->writing && k->unkept.count > 0 && !loop_timer_is_set(k->timer))
		loop_defer(k->loop, &k->task);
}

static void on_again(void *ctx)
{
	keeper_turn(ctx);
}

static void on_kept(void *ctx, enum claim_result r)
{
	struct keeper *k = ctx;

	k->writing = false;
	if (r == CLAIM_OK)
		batch_clear(k);
	else
		batch_return(k, "storage");
	keeper_turn(k);
}

static void on_turn(struct loop_task *t)
{
	struct keeper *k = CONTAINER_OF(t, struct keeper, task);

	batch_fill(k);
	if (k->puts == 0)
		return;
	k->writing = store_put(k->store, k->put, k->puts, on_kept, k) == ERR_OK;
	if (!k->writing)
		batch_return(k, "busy");
}

void keeper_keep(struct keeper *k, struct span ref)
{
	IGNORE(map_put(&k->unkept, ref, k) != NULL);
	keeper_turn(k);
}

size_t keeper_behind(const struct keeper *k)
{
	return k->unkept.count + k->puts;
}
