/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/push_ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/webhook_key.h"
#include "store/store.h"

#define NS_PUSH   "push"
#define KEY_MAX   (64 + 1 + WEBHOOK_ID_MAX)
#define VALUE_MAX 24
#define SCAN_ROWS 256
#define SWEEP_MS  (10 * 60 * 1000)
#define KEEP_S    (2 * PUSH_TOLERANCE_MAX_MS / 1000)

struct push_ids {
	struct store *store;
	struct loop_timer *timer;
	struct buf after; /* key of the last row that was swept */
};

/* One push under way. */
struct claim {
	struct push_ids *ids;
	struct buf key;
	char value[VALUE_MAX];
	int64_t at;
	void (*on_done)(void *ctx, enum push_claim claim);
	void *ctx;
};

static void claim_end(struct claim *c, enum push_claim claim)
{
	c->on_done(c->ctx, claim);
	buf_release(&c->key);
	free(c);
}

static int64_t value_read(struct span value)
{
	char text[VALUE_MAX];

	snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(value));
	return strtoll(text, NULL, 10);
}

static struct store_put claim_put(const struct claim *c, int64_t expect)
{
	return (struct store_put){ NS_PUSH, buf_span(&c->key), expect, span_of(c->value) };
}

/* If somebody else was faster, it is as well remembered. */
static void on_renewed(void *ctx, const struct append_answer *a)
{
	claim_end(ctx, a->result == APPEND_RETRY ? PUSH_UNSTORED : PUSH_KNOWN);
}

/* Keep it for as long as the latest time that it was signed at wants. */
static void claim_renew(struct claim *c, int64_t version)
{
	const struct store_put put = claim_put(c, version);
	const struct store_append a = { .puts = &put, .puts_n = 1 };

	if (store_append(c->ids->store, &a, on_renewed, c) != ERR_OK)
		claim_end(c, PUSH_UNSTORED);
}

static void on_claimed(void *ctx, const struct append_answer *a)
{
	struct claim *c = ctx;

	switch (a->result) {
	case APPEND_STORED: claim_end(c, PUSH_NEW); return;
	case APPEND_CONFLICT:
		if (a->held != NULL && a->held[0].version > 0 &&
			value_read(a->held[0].value) < c->at)
			claim_renew(c, a->held[0].version);
		else
			claim_end(c, PUSH_KNOWN);
		return;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: break;
	}
	claim_end(c, PUSH_UNSTORED);
}

enum err push_ids_claim(struct push_ids *ids, const struct push_id *id,
	void (*on_done)(void *ctx, enum push_claim claim), void *ctx)
{
	struct claim *c = xcalloc(1, sizeof(*c));
	struct store_append a = { .audit = &id->audit, .audit_n = 1 };
	struct store_put put;
	enum err e;

	*c = (struct claim){ .ids = ids, .at = id->at, .on_done = on_done, .ctx = ctx };
	buf_init(&c->key, KEY_MAX);
	snprintf(c->value, sizeof(c->value), "%" PRId64, id->at);
	e = buf_addf(&c->key, "%s/%.*s", id->source, SPAN_ARGS(id->id));
	put = claim_put(c, 0);
	if (id->id.n > 0) {
		a.puts = &put;
		a.puts_n = 1;
	}
	if (e == ERR_OK)
		e = store_append(ids->store, &a, on_claimed, c);
	if (e != ERR_OK) {
		buf_release(&c->key);
		free(c);
	}
	return e;
}

/* --- forgetting --- */

static void sweep(struct push_ids *ids);

/* One that was renewed meanwhile makes the whole page stay until the next time. */
static void on_forgotten(void *ctx, const struct append_answer *a)
{
	(void)ctx;
	if (a->result != APPEND_STORED)
		log_debug("push.ids-stay", "result=%d", (int)a->result);
}

static void rows_forget(struct push_ids *ids, const struct store_row *rows, size_t n)
{
	const int64_t oldest = clock_wall().ms / 1000 - KEEP_S;
	struct store_put put[SCAN_ROWS];
	struct store_append a = { .puts = put };

	for (size_t i = 0; i < n && i < SCAN_ROWS; i++) {
		if (value_read(rows[i].value) < oldest)
			put[a.puts_n++] = (struct store_put){
				.ns = NS_PUSH, .key = rows[i].key, .expect = rows[i].version
			};
	}
	if (a.puts_n > 0 && store_append(ids->store, &a, on_forgotten, ids) != ERR_OK)
		log_debug("push.ids-stay", "reason=busy");
}

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct push_ids *ids = ctx;

	if (e == ERR_OK)
		rows_forget(ids, rows, n);
	buf_clear(&ids->after);
	if (e == ERR_OK && more && n > 0 && buf_add_span(&ids->after, rows[n - 1].key) == ERR_OK)
		sweep(ids);
	else
		loop_timer_set(ids->timer, SWEEP_MS);
}

static void sweep(struct push_ids *ids)
{
	if (store_scan(ids->store, NS_PUSH, buf_span(&ids->after), SCAN_ROWS, on_rows, ids) !=
		ERR_OK)
		loop_timer_set(ids->timer, SWEEP_MS);
}

static void on_due(void *ctx)
{
	sweep(ctx);
}

struct push_ids *push_ids_new(struct loop *l, struct store *store)
{
	struct push_ids *ids = xcalloc(1, sizeof(*ids));

	ids->store = store;
	buf_init(&ids->after, KEY_MAX);
	ids->timer = loop_timer_new(l, on_due, ids);
	loop_timer_set(ids->timer, 0);
	return ids;
}

void push_ids_free(struct push_ids *ids)
{
	if (ids == NULL)
		return;
	loop_timer_free(ids->timer);
	buf_release(&ids->after);
	free(ids);
}
