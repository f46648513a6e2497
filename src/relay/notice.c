/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/notice.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "model/operator_event.h"
#include "relay/parcel.h"
#include "relay/relay_impl.h"

#define NS_SINK    "sink"
#define AGAIN_MS   1000
#define ROUNDS_MAX 4

/* The version that the store holds of a sink's state. */
struct kept {
	int64_t version;
};

static struct kept *kept_get(struct notice_desk *desk, struct span sink)
{
	struct kept *k = map_get(&desk->kept, sink);

	if (k != NULL)
		return k;
	k = xcalloc(1, sizeof(*k));
	IGNORE(map_put(&desk->kept, sink, k) != NULL);
	return k;
}

struct notice *notice_new(struct notice_desk *desk, const char *sink)
{
	struct notice *n = xcalloc(1, sizeof(*n));

	n->desk = desk;
	n->sink = sink == NULL ? NULL : xstrdup(sink);
	buf_init(&n->state, NOTICE_TEXT_MAX);
	buf_init(&n->event, NOTICE_TEXT_MAX);
	buf_init(&n->audit, NOTICE_TEXT_MAX);
	return n;
}

void notice_free(struct notice *n)
{
	parcel_release(n->parcel);
	buf_release(&n->state);
	buf_release(&n->event);
	buf_release(&n->audit);
	free(n->sink);
	free(n);
}

static void notice_end(struct notice *n, enum err e)
{
	if (n->on_done != NULL)
		n->on_done(n->ctx, e);
	notice_free(n);
}

void notice_set_state(
	struct notice *n, enum sink_gate gate, struct wall failing_since, struct span reason)
{
	struct json_writer w;

	buf_clear(&n->state);
	if (gate == SINK_OPEN && failing_since.ms == WALL_NONE.ms)
		return;
	json_writer_init(&w, &n->state);
	json_object_begin(&w);
	json_member_str(&w, "gate", sink_gate_str(gate));
	json_member_wall(&w, "failing_since", failing_since);
	json_member_opt(&w, "reason", reason);
	json_object_end(&w);
	IGNORE(json_done(&w));
}

void notice_set_event(struct notice *n, struct operator_event *e)
{
	random_bytes(e->id, sizeof(e->id));
	uuid_mark(e->id);
	uuid_format(e->id, n->id);
	snprintf(n->okey, sizeof(n->okey), "operator/%.*s", SPAN_ARGS(e->subject));
	n->type = e->type;
	e->time = clock_wall();
	IGNORE(operator_event_write(e, &n->event));
	n->head = (struct store_event){
		.place = EVENT_ROUTED,
		.okey = span_of(n->okey),
		.source = SPAN("stagewire"),
		.type = span_of(n->type),
		.body = buf_span(&n->event),
	};
	memcpy(n->head.id, e->id, sizeof(e->id));
}

/* A sink hears nothing of itself: it could not be told. */
static size_t notice_sinks(const struct notice *n, const char *sink[PLAN_SINKS])
{
	const struct relay_setup *setup = &n->desk->relay->setup;
	const struct route_facts facts = { .type = span_of(n->type), .source = SPAN("stagewire") };
	size_t all = routes_choose(setup->route, setup->routes, &facts, sink, PLAN_SINKS);
	size_t kept = 0;

	for (size_t i = 0; i < all; i++) {
		if (n->sink == NULL || strcmp(sink[i], n->sink) != 0)
			sink[kept++] = sink[i];
	}
	return kept;
}

static void notice_try(struct notice *n);

static void notice_again(struct notice *n)
{
	struct notice_desk *desk = n->desk;

	n->next = desk->again;
	desk->again = n;
	if (!loop_timer_is_set(desk->timer))
		loop_timer_set(desk->timer, AGAIN_MS);
}

static void on_again(void *ctx)
{
	struct notice_desk *desk = ctx;
	struct notice *n = TAKE(desk->again), *next;

	for (; n != NULL; n = next) {
		next = n->next;
		notice_try(n);
	}
}

static void notice_stored(struct notice *n, int64_t seq)
{
	struct relay *r = n->desk->relay;

	if (n->sink != NULL) {
		struct kept *k = kept_get(n->desk, span_of(n->sink));

		k->version = n->state.len == 0 ? 0 : k->version + 1;
	}
	if (n->parcel != NULL) {
		n->parcel->seq = seq;
		dispatch_offer(r->dispatch, n->parcel);
	}
	notice_end(n, ERR_OK);
}

static void on_appended(void *ctx, const struct append_answer *a)
{
	struct notice *n = ctx;

	switch (a->result) {
	case APPEND_STORED: notice_stored(n, a->seq); return;
	case APPEND_CONFLICT:
		kept_get(n->desk, span_of(n->sink))->version = a->held[0].version;
		if (++n->rounds < ROUNDS_MAX) {
			notice_try(n);
			return;
		}
		break;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: break;
	}
	/* An operator is told at once, and asks again; what happened by itself is not forgotten. */
	if (n->once)
		notice_end(n, ERR_IO);
	else
		notice_again(n);
}

static enum err notice_append(struct notice *n)
{
	struct store_put put = { .ns = NS_SINK };
	struct span audit = buf_span(&n->audit);
	const char *sink[PLAN_SINKS];
	struct store_append a = { .audit = &audit, .audit_n = audit.n > 0 };

	if (n->sink != NULL) {
		put.key = span_of(n->sink);
		put.expect = kept_get(n->desk, put.key)->version;
		put.value = buf_span(&n->state);
		a.puts = &put;
		a.puts_n = 1;
	}
	if (n->type != NULL) {
		a.event = &n->head;
		a.sinks = sink;
		a.sinks_n = notice_sinks(n, sink);
		parcel_release(n->parcel);
		n->parcel = a.sinks_n == 0 ? NULL
					   : parcel_new(n->id, n->head.okey, n->head.body, sink,
						     a.sinks_n);
	}
	return store_append(n->desk->relay->store, &a, on_appended, n);
}

static void notice_try(struct notice *n)
{
	if (notice_append(n) == ERR_OK)
		return;
	if (n->once)
		notice_end(n, ERR_IO);
	else
		notice_again(n);
}

enum err notice_submit(struct notice *n)
{
	if (!n->once) {
		notice_try(n);
		return ERR_OK;
	}
	if (notice_append(n) == ERR_OK)
		return ERR_OK;
	notice_free(n);
	return ERR_BUSY;
}

bool notice_is_wanted(const struct notice *n)
{
	const char *sink[PLAN_SINKS];

	return notice_sinks(n, sink) > 0;
}

void notice_desk_know(struct notice_desk *desk, struct span sink, int64_t version)
{
	kept_get(desk, sink)->version = version;
}

void notice_desk_init(struct notice_desk *desk, struct relay *r)
{
	*desk = (struct notice_desk){ .relay = r };
	desk->timer = loop_timer_new(r->loop, on_again, desk);
	map_init(&desk->kept);
}

void notice_desk_release(struct notice_desk *desk)
{
	struct notice *n, *next;
	struct span key;
	void *kept;

	for (n = desk->again; n != NULL; n = next) {
		next = n->next;
		notice_free(n);
	}
	for (size_t at = 0; map_next(&desk->kept, &at, &key, &kept);)
		free(kept);
	map_release(&desk->kept);
	loop_timer_free(desk->timer);
}
