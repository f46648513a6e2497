/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/dispatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "model/sink.h"
#include "relay/lane.h"
#include "relay/parcel.h"
#include "relay/settle.h"
#include "store/store.h"

#define LEASE_MS        30000
#define CLAIM_PER_LANE  16
#define CLAIM_BYTES_MAX (256 * 1024)
#define LOAD_ITEMS_MAX  1024
#define AGAIN_MS        1000

/* A sink's name and everything that is true of it, whether it is configured now or not. */
struct outlet {
	struct dispatch *dispatch;
	char *name;
	struct sink *sink; /* NULL: not configured */
	struct lane *ready, **ready_last;
	struct dispatch_sink_stats stats;
};

struct dispatch {
	struct loop *loop;
	struct store *store;
	struct settler *settler;
	struct dispatch_conf conf;
	struct map lanes;       /* "sink\0okey" -> struct lane */
	struct map outlets;     /* name -> struct outlet */
	struct outlet **outlet; /* the same, in order of first mention */
	size_t outlets_n;
	int64_t token[STORE_PARTS];
	unsigned leases, loads; /* partitions leased, and searched */
	bool lease_failed;
	struct load_cursor { /* how far the partition is searched */
		char *sink, *okey;
	} cursor;
	struct loop_task pump; /* sends what is ready, at the end of the pass */
	struct loop_timer *again;
	size_t memory;
	bool draining;
};

static void lane_kick(struct lane *lane);
static void load_next(struct dispatch *d);

/* --- outlets and lanes --- */

static struct outlet *outlet_get(struct dispatch *d, const char *name)
{
	struct outlet *o = map_get(&d->outlets, span_of(name));

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof(*o));
	o->dispatch = d;
	o->name = xstrdup(name);
	o->ready_last = &o->ready;
	o->stats.sink = o->name;
	IGNORE(map_put(&d->outlets, span_of(name), o) != NULL);
	d->outlet = xrealloc(d->outlet, d->outlets_n + 1, sizeof(*d->outlet));
	d->outlet[d->outlets_n++] = o;
	return o;
}

#define LANE_KEY_MAX 1024

/* Sink names hold no NUL, so the two parts cannot run together. */
static struct span lane_key(const char *sink, struct span okey, char key[LANE_KEY_MAX])
{
	int n = snprintf(key, LANE_KEY_MAX, "%s%c%.*s", sink, '\0', SPAN_ARGS(okey));

	return (struct span){ key, n < LANE_KEY_MAX ? (size_t)n : LANE_KEY_MAX - 1 };
}

static struct lane *lane_get(struct dispatch *d, const char *sink, struct span okey)
{
	char text[LANE_KEY_MAX];
	struct span key = lane_key(sink, okey, text);
	struct lane *lane = map_get(&d->lanes, key);

	if (lane != NULL)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	lane->dispatch = d;
	lane->outlet = outlet_get(d, sink);
	lane->okey = xstrndup(okey.p, okey.n);
	lane->okey_len = okey.n;
	lane->part = store_part(okey);
	lane->tail = &lane->head;
	IGNORE(map_put(&d->lanes, key, lane) != NULL);
	return lane;
}

static struct span lane_okey(const struct lane *lane)
{
	return (struct span){ lane->okey, lane->okey_len };
}

static void lane_push(struct lane *lane, struct parcel *p, unsigned tries)
{
	struct lane_item *item = xcalloc(1, sizeof(*item));

	*item = (struct lane_item){ .parcel = parcel_hold(p), .tries = tries };
	*lane->tail = item;
	lane->tail = &item->next;
	if (p->seq > lane->last_seq)
		lane->last_seq = p->seq;
	lane->dispatch->memory += p->size;
}

static void lane_pop(struct lane *lane)
{
	struct lane_item *item = lane->head;

	lane->head = item->next;
	if (lane->head == NULL)
		lane->tail = &lane->head;
	lane->dispatch->memory -= item->parcel->size;
	parcel_release(item->parcel);
	free(item);
}

static void lane_free(struct lane *lane)
{
	while (lane->head != NULL)
		lane_pop(lane);
	loop_timer_free(lane->timer);
	free(lane->okey);
	free(lane);
}

static void lane_forget(struct lane *lane)
{
	char text[LANE_KEY_MAX];
	struct span key = lane_key(lane->outlet->name, lane_okey(lane), text);

	IGNORE(map_remove(&lane->dispatch->lanes, key) == NULL);
	lane_free(lane);
}

/* --- waiting --- */

static void on_due(void *ctx)
{
	struct lane *lane = ctx;

	lane->state = LANE_IDLE;
	lane_kick(lane);
}

static void lane_wait(struct lane *lane, int64_t wait_ms)
{
	if (lane->timer == NULL)
		lane->timer = loop_timer_new(lane->dispatch->loop, on_due, lane);
	lane->state = LANE_WAITING;
	loop_timer_set(lane->timer, wait_ms);
}

/* --- claiming --- */

static void lane_take_claimed(struct lane *lane, const struct store_delivery *d)
{
	char id[UUID_TEXT_MAX];
	struct parcel *p = parcel_new(uuid_format(d->event_id, id), d->okey, d->body, NULL, 0);

	p->seq = d->event_seq;
	lane_push(lane, p, d->tries);
	parcel_release(p);
}

static void on_claimed(
	void *ctx, enum claim_result r, const struct store_delivery *found, size_t n, bool more)
{
	struct lane *lane = ctx;

	lane->state = LANE_IDLE;
	if (r != CLAIM_OK) {
		lane_wait(lane, AGAIN_MS);
		return;
	}
	/* A full answer may have been cut at the most of one lane. */
	lane->on_disk = more || n == CLAIM_PER_LANE || lane->missed;
	lane->missed = false;
	for (size_t i = 0; i < n; i++)
		lane_take_claimed(lane, &found[i]);
	if (n > 0 && found[0].wait_ms > 0)
		lane_wait(lane, found[0].wait_ms);
	else
		lane_kick(lane);
}

/* What is settled but not committed would be claimed again: wait for it. */
static void lane_claim(struct lane *lane)
{
	struct dispatch *d = lane->dispatch;
	struct store_claim c = {
		.part = lane->part,
		.token = d->token[lane->part],
		.sink = lane->outlet->name,
		.okey = lane_okey(lane),
		.per_lane = CLAIM_PER_LANE,
		.items_max = CLAIM_PER_LANE,
		.bytes_max = CLAIM_BYTES_MAX,
	};

	if (lane->settling > 0)
		return;
	lane->state = LANE_CLAIMING;
	lane->missed = false;
	if (store_claim(d->store, &c, on_claimed, lane) != ERR_OK)
		lane_wait(lane, AGAIN_MS);
}

/* --- sending --- */

static void outlet_queue(struct outlet *o, struct lane *lane)
{
	lane->state = LANE_READY;
	lane->next_ready = NULL;
	*o->ready_last = lane;
	o->ready_last = &lane->next_ready;
	loop_defer(o->dispatch->loop, &o->dispatch->pump);
}

/* Give a lane that does nothing its next thing to do, or forget it if there is none. */
static void lane_kick(struct lane *lane)
{
	struct dispatch *d = lane->dispatch;

	if (lane->state != LANE_IDLE || d->draining || d->loads < STORE_PARTS)
		return;
	if (lane->outlet->sink == NULL)
		return;
	if (lane->head != NULL)
		outlet_queue(lane->outlet, lane);
	else if (lane->on_disk)
		lane_claim(lane);
	else if (lane->settling == 0)
		lane_forget(lane);
}

static void on_settled(void *ctx)
{
	struct lane *lane = ctx;

	lane->settling--;
	lane_kick(lane);
}

static enum finish_result attempt_finish(
	const struct dispatch *d, const struct sink_result *r, unsigned tries)
{
	switch (r->outcome) {
	case OUTCOME_OK: return FINISH_DONE;
	case OUTCOME_PERMFAIL: return FINISH_DEAD;
	case OUTCOME_TEMPFAIL: break;
	}
	return tries >= d->conf.backoff.max_tries ? FINISH_DEAD : FINISH_RETRY;
}

static void outlet_count(struct outlet *o, const struct sink_result *r, enum finish_result f)
{
	switch (r->outcome) {
	case OUTCOME_OK: o->stats.delivered++; break;
	case OUTCOME_TEMPFAIL: o->stats.tempfails++; break;
	case OUTCOME_PERMFAIL: o->stats.permfails++; break;
	}
	if (f == FINISH_DEAD)
		o->stats.dead++;
	if (r->outcome == OUTCOME_OK)
		o->stats.last_note[0] = '\0';
	else
		snprintf(o->stats.last_note, sizeof(o->stats.last_note), "%s", r->note);
}

static void attempt_log(const struct settlement *t, int64_t took_ms)
{
	static const char *const name[] = {
		[FINISH_DONE] = "delivery.ok",
		[FINISH_RETRY] = "delivery.tempfail",
		[FINISH_DEAD] = "delivery.dead",
	};
	char note[LOG_QUOTE_MAX];

	if (t->finish == FINISH_DONE)
		log_info(name[t->finish], "event=%s sink=%s try=%u status=%d ms=%" PRId64,
			t->parcel->id, t->sink, t->tries, t->result->status, took_ms);
	else
		log_warning(name[t->finish],
			"event=%s sink=%s try=%u status=%d wait_ms=%" PRId64 " note=%s",
			t->parcel->id, t->sink, t->tries, t->result->status, t->retry_ms,
			log_quote(span_of(t->result->note), note));
}

static int64_t retry_wait(const struct dispatch *d, const struct sink_result *r, unsigned tries)
{
	int64_t wait_ms = backoff_wait(&d->conf.backoff, tries, random_u64());

	return r->retry_after_ms > wait_ms ? r->retry_after_ms : wait_ms;
}

static void on_result(void *ctx, const struct sink_result *r)
{
	struct lane *lane = ctx;
	struct dispatch *d = lane->dispatch;
	struct lane_item *item = lane->head;
	struct settlement t = {
		.parcel = item->parcel,
		.sink = lane->outlet->name,
		.tries = item->tries + 1,
		.token = d->token[lane->part],
		.result = r,
	};
	int64_t took_ms = clock_mono().ms - lane->started.ms;

	t.finish = attempt_finish(d, r, t.tries);
	if (t.finish == FINISH_RETRY)
		t.retry_ms = retry_wait(d, r, t.tries);
	attempt_log(&t, took_ms);
	outlet_count(lane->outlet, r, t.finish);
	lane->outlet->stats.took_ms_total += took_ms;
	lane->outlet->stats.inflight--;
	lane->settling++;
	lane->state = LANE_IDLE;
	settler_settle(d->settler, &t, on_settled, lane);
	if (t.finish == FINISH_RETRY) {
		item->tries = t.tries;
		lane_wait(lane, t.retry_ms);
	} else {
		lane_pop(lane);
		lane_kick(lane);
	}
	loop_defer(d->loop, &d->pump);
}

static void lane_send(struct lane *lane)
{
	struct sink *sink = lane->outlet->sink;
	struct delivery delivery = {
		.event_id = lane->head->parcel->id,
		.event = lane->head->parcel->body,
		.tries = lane->head->tries,
	};

	lane->started = clock_mono();
	lane->state = LANE_SENDING;
	lane->outlet->stats.inflight++;
	sink->ops->send(sink->self, &delivery, on_result, lane);
}

static void outlet_pump(struct outlet *o)
{
	while (o->ready != NULL && o->sink != NULL && o->stats.inflight < o->sink->inflight_max) {
		struct lane *lane = o->ready;

		o->ready = lane->next_ready;
		if (o->ready == NULL)
			o->ready_last = &o->ready;
		lane_send(lane);
	}
}

static void on_pump(struct loop_task *task)
{
	struct dispatch *d = CONTAINER_OF(task, struct dispatch, pump);

	if (d->draining)
		return;
	for (size_t i = 0; i < d->outlets_n; i++)
		outlet_pump(d->outlet[i]);
}

/* --- offers --- */

static void lane_note_on_disk(struct lane *lane)
{
	lane->on_disk = true;
	if (lane->state == LANE_CLAIMING)
		lane->missed = true;
}

static void lane_offer(struct lane *lane, struct parcel *p)
{
	struct dispatch *d = lane->dispatch;

	/* The reader may tell of an event before the writer says that it is stored. */
	if (p->seq <= lane->last_seq)
		return;
	if (lane->state == LANE_CLAIMING || lane->on_disk || d->loads < STORE_PARTS ||
		lane->outlet->sink == NULL || d->memory + p->size > d->conf.memory_max)
		lane_note_on_disk(lane);
	else
		lane_push(lane, p, 0);
	lane_kick(lane);
}

void dispatch_offer(struct dispatch *d, struct parcel *p)
{
	for (size_t i = 0; i < p->sinks_n; i++)
		lane_offer(lane_get(d, p->sinks[i], p->okey), p);
}

void dispatch_hint(struct dispatch *d, const char *sink, struct span okey)
{
	struct lane *lane = lane_get(d, sink, okey);

	lane_note_on_disk(lane);
	lane_kick(lane);
}

/* --- start: lease every partition, and look into each for what is outstanding --- */

static void dispatch_kick_all(struct dispatch *d)
{
	struct lane **all = xcalloc(d->lanes.count, sizeof(struct lane *));
	size_t at = 0, n = 0;
	struct span key;
	void *lane;

	/* Kicking may forget lanes, and the map must not change under the walk. */
	while (map_next(&d->lanes, &at, &key, &lane))
		all[n++] = lane;
	for (size_t i = 0; i < n; i++)
		lane_kick(all[i]);
	free(all);
}

static void load_cursor_set(struct load_cursor *c, const char *sink, struct span okey)
{
	free(c->sink);
	free(c->okey);
	c->sink = sink == NULL ? NULL : xstrdup(sink);
	c->okey = sink == NULL ? NULL : xstrndup(okey.p, okey.n);
}

static void on_loaded(
	void *ctx, enum claim_result r, const struct store_delivery *found, size_t n, bool more)
{
	struct dispatch *d = ctx;

	if (r != CLAIM_OK) {
		loop_timer_set(d->again, AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < n; i++)
		lane_get(d, found[i].sink, found[i].okey)->on_disk = true;
	if (more && n > 0) {
		load_cursor_set(&d->cursor, found[n - 1].sink, found[n - 1].okey);
	} else {
		load_cursor_set(&d->cursor, NULL, (struct span){ NULL, 0 });
		d->loads++;
	}
	load_next(d);
}

/* The lanes only, not what is in them: each claims its own when its turn comes. */
static void load_next(struct dispatch *d)
{
	struct store_claim c = {
		.per_lane = 1,
		.items_max = LOAD_ITEMS_MAX,
		.bytes_max = SIZE_MAX,
		.after_sink = d->cursor.sink,
		.after_okey = span_of(d->cursor.okey),
	};

	if (d->loads == STORE_PARTS) {
		log_info("dispatch.ready", "lanes=%zu", d->lanes.count);
		dispatch_kick_all(d);
		return;
	}
	c.part = (uint16_t)d->loads;
	c.token = d->token[d->loads];
	if (store_claim(d->store, &c, on_loaded, d) != ERR_OK)
		loop_timer_set(d->again, AGAIN_MS);
}

/* Answers come in the order of the questions, so they need not name their partition. */
static void on_leased(void *ctx, bool held, int64_t token)
{
	struct dispatch *d = ctx;

	if (!held)
		d->lease_failed = true;
	d->token[d->leases++] = token;
	if (d->leases < STORE_PARTS)
		return;
	if (d->lease_failed)
		loop_timer_set(d->again, AGAIN_MS);
	else
		load_next(d);
}

/*
 * One host holds every partition, and an embedded store's leases do not end
 * while it is open, so they are not renewed.
 */
static void lease_all(struct dispatch *d)
{
	char name[16];

	d->leases = 0;
	d->lease_failed = false;
	for (unsigned i = 0; i < STORE_PARTS; i++) {
		snprintf(name, sizeof(name), "part/%u", i);
		if (store_lease(d->store, name, LEASE_MS, on_leased, d) != ERR_OK)
			on_leased(d, false, 0);
	}
}

static void on_again(void *ctx)
{
	struct dispatch *d = ctx;

	if (d->lease_failed)
		lease_all(d);
	else
		load_next(d);
}

void dispatch_start(struct dispatch *d)
{
	lease_all(d);
}

/* --- life --- */

struct dispatch *dispatch_new(struct loop *l, struct store *store, const struct dispatch_conf *conf)
{
	struct dispatch *d = xcalloc(1, sizeof(*d));

	*d = (struct dispatch){ .loop = l, .store = store, .conf = *conf };
	d->pump.run = on_pump;
	d->settler = settler_new(l, store);
	d->again = loop_timer_new(l, on_again, d);
	map_init(&d->lanes);
	map_init(&d->outlets);
	return d;
}

void dispatch_free(struct dispatch *d)
{
	size_t at = 0;
	struct span key;
	void *lane;

	if (d == NULL)
		return;
	while (map_next(&d->lanes, &at, &key, &lane))
		lane_free(lane);
	for (size_t i = 0; i < d->outlets_n; i++) {
		free(d->outlet[i]->name);
		free(d->outlet[i]);
	}
	free(d->outlet);
	map_release(&d->lanes);
	map_release(&d->outlets);
	load_cursor_set(&d->cursor, NULL, (struct span){ NULL, 0 });
	loop_undefer(d->loop, &d->pump);
	loop_timer_free(d->again);
	settler_free(d->settler);
	free(d);
}

/* What was with a sink that is gone comes back to the head of its lane. */
static void outlet_recall(struct dispatch *d, const struct outlet *o)
{
	size_t at = 0;
	struct span key;
	void *value;

	while (map_next(&d->lanes, &at, &key, &value)) {
		struct lane *lane = value;

		if (lane->outlet == o && (lane->state == LANE_SENDING || lane->state == LANE_READY))
			lane->state = LANE_IDLE;
	}
}

static void outlet_set_sink(struct outlet *o, struct sink *sink)
{
	if (o->sink == sink)
		return;
	o->sink = sink;
	o->stats.inflight = 0;
	o->ready = NULL;
	o->ready_last = &o->ready;
	outlet_recall(o->dispatch, o);
}

static struct sink *sink_named(struct sink *const *sinks, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(sinks[i]->name, name) == 0)
			return sinks[i];
	}
	return NULL;
}

void dispatch_set_sinks(struct dispatch *d, struct sink *const *sinks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		IGNORE(outlet_get(d, sinks[i]->name) == NULL);
	for (size_t i = 0; i < d->outlets_n; i++)
		outlet_set_sink(d->outlet[i], sink_named(sinks, n, d->outlet[i]->name));
	dispatch_kick_all(d);
}

void dispatch_set_conf(struct dispatch *d, const struct dispatch_conf *conf)
{
	d->conf = *conf;
}

void dispatch_drain(struct dispatch *d)
{
	d->draining = true;
}

bool dispatch_is_idle(const struct dispatch *d)
{
	for (size_t i = 0; i < d->outlets_n; i++) {
		if (d->outlet[i]->stats.inflight > 0)
			return false;
	}
	return settler_pending(d->settler) == 0;
}

size_t dispatch_sinks(const struct dispatch *d)
{
	return d->outlets_n;
}

struct dispatch_sink_stats dispatch_sink_stats(const struct dispatch *d, size_t i)
{
	return d->outlet[i]->stats;
}

struct dispatch_stats dispatch_stats(const struct dispatch *d)
{
	return (struct dispatch_stats){
		.lanes = d->lanes.count,
		.memory = d->memory,
		.loaded = d->loads == STORE_PARTS,
	};
}
