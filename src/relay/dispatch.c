/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/dispatch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "model/sink.h"
#include "relay/dispatch_impl.h"
#include "relay/lane.h"
#include "relay/outlet.h"
#include "relay/parcel.h"
#include "relay/settle.h"

#define LEASE_MS       30000
#define LOAD_ITEMS_MAX 1024
#define AGAIN_MS       1000

static void load_next(struct dispatch *d);

const char *sink_gate_str(enum sink_gate g)
{
	switch (g) {
	case SINK_OPEN: return "open";
	case SINK_HELD: return "held";
	case SINK_DISABLED: break;
	}
	return "disabled";
}

/* --- outlets and lanes --- */

static struct outlet *outlet_get(struct dispatch *d, const char *name)
{
	struct outlet *o = map_get(&d->outlets, span_of(name));

	if (o != NULL)
		return o;
	o = outlet_new(d, name);
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
	lane = lane_new(d, outlet_get(d, sink), okey);
	IGNORE(map_put(&d->lanes, key, lane) != NULL);
	return lane;
}

void dispatch_forget(struct dispatch *d, struct lane *lane)
{
	char text[LANE_KEY_MAX];
	struct span key = lane_key(lane->outlet->name, lane_okey(lane), text);

	IGNORE(map_remove(&d->lanes, key) == NULL);
	lane_free(lane);
}

/* fn may forget lanes, and the map must not change under the walk. */
void dispatch_each_lane(struct dispatch *d, const struct outlet *o, void (*fn)(struct lane *lane))
{
	struct lane **all = xcalloc(d->lanes.count, sizeof(struct lane *));
	size_t at = 0, n = 0;
	struct span key;
	void *value;

	while (map_next(&d->lanes, &at, &key, &value)) {
		struct lane *lane = value;

		if (o == NULL || lane->outlet == o)
			all[n++] = lane;
	}
	for (size_t i = 0; i < n; i++)
		fn(all[i]);
	free(all);
}

bool dispatch_is_loaded(const struct dispatch *d)
{
	return d->loads == STORE_PARTS;
}

void dispatch_tell(struct dispatch *d, const struct sink_news *news)
{
	if (d->on_news != NULL)
		d->on_news(d->on_news_ctx, news);
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

	if (dispatch_is_loaded(d)) {
		log_info("dispatch.ready", "lanes=%zu", d->lanes.count);
		dispatch_each_lane(d, NULL, lane_kick);
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
	for (size_t i = 0; i < d->outlets_n; i++)
		outlet_free(d->outlet[i]);
	free(d->outlet);
	map_release(&d->lanes);
	map_release(&d->outlets);
	load_cursor_set(&d->cursor, NULL, (struct span){ NULL, 0 });
	loop_undefer(d->loop, &d->pump);
	loop_timer_free(d->again);
	settler_free(d->settler);
	free(d);
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
	dispatch_each_lane(d, NULL, lane_kick);
}

void dispatch_set_conf(struct dispatch *d, const struct dispatch_conf *conf)
{
	d->conf = *conf;
}

void dispatch_on_news(
	struct dispatch *d, void (*on_news)(void *ctx, const struct sink_news *news), void *ctx)
{
	d->on_news = on_news;
	d->on_news_ctx = ctx;
}

void dispatch_restore(
	struct dispatch *d, const char *sink, enum sink_gate gate, struct wall failing_since)
{
	struct outlet *o = outlet_get(d, sink);

	o->gate = gate;
	o->failing_since = failing_since;
	o->failing_told = failing_since.ms != WALL_NONE.ms;
}

void dispatch_set_gate(struct dispatch *d, const char *sink, enum sink_gate gate)
{
	outlet_set_gate(outlet_get(d, sink), gate);
}

void dispatch_hasten(struct dispatch *d, const char *sink)
{
	outlet_hasten(outlet_get(d, sink));
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
	const struct outlet *o = d->outlet[i];
	struct dispatch_sink_stats s = o->stats;

	s.gate = o->gate;
	s.circuit = o->circuit.state;
	s.waiting = o->lanes;
	s.window = o->pace.window;
	s.throttled = loop_now(d->loop).ms < o->pace.not_before.ms;
	s.failing_since = o->failing_since;
	s.configured = o->sink != NULL;
	return s;
}

struct dispatch_stats dispatch_stats(const struct dispatch *d)
{
	return (struct dispatch_stats){
		.lanes = d->lanes.count,
		.memory = d->memory,
		.loaded = dispatch_is_loaded(d),
	};
}
