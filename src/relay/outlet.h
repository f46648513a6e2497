/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_OUTLET_H
#define RELAY_OUTLET_H

#include <stdbool.h>

#include "model/sink.h"
#include "relay/dispatch.h"

struct lane;

/*
 * A sink's name and everything that is true of it, whether it is configured now
 * or not: who waits for it, and whether it may be sent to. Four things say so, in
 * this order: the gate (an operator's word, or ours after it failed for long),
 * the circuit, the pace, and the tries under way.
 */
struct outlet {
	struct dispatch *dispatch;
	char *name;
	struct sink *sink; /* NULL: not configured */
	struct lane *ready, **ready_last;
	enum sink_gate gate;
	struct circuit circuit;
	struct pace pace;
	unsigned claiming; /* lanes that ask the store on its behalf */
	struct loop_timer *timer;
	struct wall failing_since;         /* WALL_NONE: its last try was a success */
	bool failing_told;                 /* that it is failing was written down */
	char failing_event[UUID_TEXT_MAX]; /* the first one */
	size_t lanes;                      /* that lead here */
	struct dispatch_sink_stats stats;
};

struct outlet *outlet_new(struct dispatch *d, const char *name);
void outlet_free(struct outlet *o);

/* Put a lane at the end of the ready list, or at its head. */
void outlet_queue(struct outlet *o, struct lane *lane);
void outlet_queue_first(struct outlet *o, struct lane *lane);

/* Start what may be started. */
void outlet_pump(struct outlet *o);

/* A try begins; how it ended. count is how many deliveries it was about. */
void outlet_begin(struct outlet *o);
void outlet_note(struct outlet *o, const struct sink_result *r, const char *event_id,
	unsigned count, bool dead, int64_t took_ms);

/* It leads to this sink from now on; NULL: to none. */
void outlet_set_sink(struct outlet *o, struct sink *sink);

/* What it opened its circuit for may be mended: probe now. */
void outlet_hasten(struct outlet *o);

/* Open it, hold it, disable it: nothing is written down here. */
void outlet_set_gate(struct outlet *o, enum sink_gate gate);

#endif
