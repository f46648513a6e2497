/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/outlet.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "io/loop.h"
#include "relay/dispatch_impl.h"
#include "relay/lane.h"

/* That a sink is failing is written down once it has lasted this long. */
#define FAILING_TOLD_MS 60000

static const struct sink_policy no_policy = { .pace = { .inflight_max = 1 } };

static const struct sink_policy *outlet_policy(const struct outlet *o)
{
	return o->sink == NULL ? &no_policy : &o->sink->policy;
}

static struct mono outlet_now(const struct outlet *o)
{
	return loop_now(o->dispatch->loop);
}

/* --- who waits --- */

static void outlet_wake(struct outlet *o)
{
	loop_defer(o->dispatch->loop, &o->dispatch->pump);
}

void outlet_queue(struct outlet *o, struct lane *lane)
{
	lane->state = LANE_READY;
	lane->next_ready = NULL;
	*o->ready_last = lane;
	o->ready_last = &lane->next_ready;
	outlet_wake(o);
}

void outlet_queue_first(struct outlet *o, struct lane *lane)
{
	lane->state = LANE_READY;
	lane->next_ready = o->ready;
	if (o->ready == NULL)
		o->ready_last = &lane->next_ready;
	o->ready = lane;
	outlet_wake(o);
}

static struct lane *outlet_next(struct outlet *o)
{
	struct lane *lane = o->ready;

	o->ready = lane->next_ready;
	if (o->ready == NULL)
		o->ready_last = &o->ready;
	return lane;
}

/* --- may it be sent to --- */

/* Milliseconds until a try may begin: 0 now, -1 not before something else happens. */
static int64_t outlet_wait(struct outlet *o)
{
	struct mono now = outlet_now(o);
	unsigned busy = o->stats.inflight + o->claiming;
	int64_t wait_ms;

	if (o->sink == NULL || o->gate != SINK_OPEN)
		return -1;
	wait_ms = circuit_wait(&o->circuit, now);
	if (wait_ms != 0)
		return wait_ms;
	/* A probe goes alone. */
	if (o->circuit.state != CIRCUIT_CLOSED && busy > 0)
		return -1;
	return pace_wait(&o->pace, &o->sink->policy.pace, busy, now);
}

void outlet_pump(struct outlet *o)
{
	int64_t wait_ms;

	while (o->ready != NULL && (wait_ms = outlet_wait(o)) == 0)
		lane_proceed(outlet_next(o));
	if (o->ready != NULL && wait_ms > 0)
		loop_timer_set(o->timer, wait_ms);
}

static void on_timer(void *ctx)
{
	outlet_pump(ctx);
}

void outlet_begin(struct outlet *o)
{
	circuit_begin(&o->circuit, outlet_now(o));
	pace_begin(&o->pace, &o->sink->policy.pace);
	o->stats.inflight++;
}

/* --- how it goes --- */

static void outlet_tell(
	struct outlet *o, enum sink_turn turn, const struct sink_result *r, int64_t hold_ms)
{
	struct sink_news news = {
		.sink = o->name,
		.turn = turn,
		.gate = o->gate,
		.failing_since = o->failing_since,
		.event_id = o->failing_event,
		.status = r->status,
		.note = r->note,
		.hold_ms = hold_ms,
	};

	o->failing_told = o->failing_since.ms != WALL_NONE.ms;
	dispatch_tell(o->dispatch, &news);
}

static void outlet_count(struct outlet *o, const struct sink_result *r, unsigned count, bool dead)
{
	switch (r->outcome) {
	case OUTCOME_OK: o->stats.delivered += count; break;
	case OUTCOME_TEMPFAIL: o->stats.tempfails += count; break;
	case OUTCOME_PERMFAIL: o->stats.permfails += count; break;
	case OUTCOME_MOOT: break; /* outlet_note() has counted it */
	}
	if (dead)
		o->stats.dead += count;
	if (r->outcome == OUTCOME_OK)
		o->stats.last_note[0] = '\0';
	else
		snprintf(o->stats.last_note, sizeof(o->stats.last_note), "%s", r->note);
}

/* A refusal of one delivery is an answer too: the sink is there. */
static void outlet_note_health(struct outlet *o, const struct sink_result *r, const char *event_id)
{
	if (r->outcome != OUTCOME_TEMPFAIL) {
		o->failing_since = WALL_NONE;
		return;
	}
	if (o->failing_since.ms != WALL_NONE.ms)
		return;
	o->failing_since = clock_wall();
	snprintf(o->failing_event, sizeof(o->failing_event), "%s", event_id);
}

static void outlet_note_pace(struct outlet *o, const struct sink_result *r)
{
	const struct sink_policy *p = outlet_policy(o);
	int64_t asked_ms = r->retry_after_ms;

	if (asked_ms > p->retry_after_max_ms)
		asked_ms = p->retry_after_max_ms;
	if (r->advice == ADVICE_THROTTLE)
		pace_throttle(&o->pace, asked_ms, outlet_now(o));
	else if (r->outcome == OUTCOME_OK)
		pace_ease(&o->pace, &p->pace);
}

static void outlet_note_circuit(struct outlet *o, const struct sink_result *r)
{
	const struct circuit_conf *conf = &outlet_policy(o)->circuit;
	bool refused = r->outcome == OUTCOME_TEMPFAIL && r->advice == ADVICE_PAUSE;
	struct mono now = outlet_now(o);
	enum circuit_change change =
		refused ? circuit_trip(&o->circuit, conf, now)
			: circuit_note(&o->circuit, conf, r->outcome != OUTCOME_TEMPFAIL, now);

	switch (change) {
	case CIRCUIT_TRIPPED:
		outlet_tell(o, refused ? SINK_REFUSES : SINK_TRIPPED, r, o->circuit.hold_ms);
		return;
	case CIRCUIT_RECOVERED: outlet_tell(o, SINK_RECOVERED, r, 0); return;
	case CIRCUIT_REOPENED:
	case CIRCUIT_SAME: break;
	}
	/* So that a restart does not begin to count anew, and forgets it when it is over. */
	if (o->failing_since.ms == WALL_NONE.ms
			? o->failing_told
			: !o->failing_told &&
				  clock_wall().ms - o->failing_since.ms >= FAILING_TOLD_MS)
		outlet_tell(o, SINK_SAME, r, 0);
}

static void outlet_note_end(struct outlet *o, const struct sink_result *r)
{
	int64_t most_ms = outlet_policy(o)->disable_after_ms;
	bool gone = r->advice == ADVICE_DISABLE;

	if (o->gate == SINK_DISABLED)
		return;
	if (!gone && (most_ms == 0 || o->failing_since.ms == WALL_NONE.ms ||
			     clock_wall().ms - o->failing_since.ms < most_ms))
		return;
	o->gate = SINK_DISABLED;
	outlet_tell(o, gone ? SINK_GONE : SINK_FAILED_LONG, r, 0);
}

void outlet_note(struct outlet *o, const struct sink_result *r, const char *event_id,
	unsigned count, bool dead, int64_t took_ms)
{
	o->stats.inflight--;
	if (r->outcome == OUTCOME_MOOT) {
		o->stats.moot += count;
		circuit_forsake(&o->circuit, outlet_now(o));
		return;
	}
	o->stats.took_ms_total += took_ms;
	outlet_count(o, r, count, dead);
	outlet_note_health(o, r, event_id);
	outlet_note_pace(o, r);
	outlet_note_circuit(o, r);
	outlet_note_end(o, r);
}

/* --- life --- */

struct outlet *outlet_new(struct dispatch *d, const char *name)
{
	struct outlet *o = xcalloc(1, sizeof(*o));

	*o = (struct outlet){ .dispatch = d, .name = xstrdup(name), .failing_since = WALL_NONE };
	o->ready_last = &o->ready;
	o->timer = loop_timer_new(d->loop, on_timer, o);
	o->stats.sink = o->name;
	circuit_init(&o->circuit, outlet_now(o));
	pace_init(&o->pace, &no_policy.pace, outlet_now(o));
	return o;
}

void outlet_free(struct outlet *o)
{
	loop_timer_free(o->timer);
	free(o->name);
	free(o);
}

/* What was with a sink that is gone comes back to the head of its lane. */
void outlet_set_sink(struct outlet *o, struct sink *sink)
{
	if (o->sink == sink) {
		if (sink != NULL)
			pace_set(&o->pace, &sink->policy.pace);
		return;
	}
	o->sink = sink;
	o->stats.inflight = 0;
	o->ready = NULL;
	o->ready_last = &o->ready;
	circuit_reset(&o->circuit, outlet_now(o));
	pace_init(&o->pace, &outlet_policy(o)->pace, outlet_now(o));
	dispatch_each_lane(o->dispatch, o, lane_recall);
}

void outlet_hasten(struct outlet *o)
{
	circuit_hasten(&o->circuit, outlet_now(o));
	outlet_wake(o);
}

void outlet_set_gate(struct outlet *o, enum sink_gate gate)
{
	bool opens = gate == SINK_OPEN && o->gate != SINK_OPEN;

	o->gate = gate;
	if (!opens)
		return;
	o->failing_since = WALL_NONE;
	circuit_reset(&o->circuit, outlet_now(o));
	dispatch_each_lane(o->dispatch, o, lane_hurry);
	outlet_wake(o);
}
