/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_DISPATCH_H
#define RELAY_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/circuit.h"

struct loop;
struct parcel;
struct sink;
struct store;

/*
 * Brings stored events to their sinks. Everything of one repository reaches one
 * sink in order, through a lane; lanes do not wait for each other. What is just
 * stored goes on from memory; what does not fit there, and what an earlier run
 * left, is claimed from the store lane by lane, as the sink has room for it.
 *
 *	dispatch: the lanes and outlets there are; start, offers
 *	lane:     what goes from one repository to one sink
 *	outlet:   whether a sink may be sent to, and what its answers change
 */
struct dispatch;

struct dispatch_conf {
	size_t memory_max; /* bytes of events waiting in memory */
};

struct dispatch *dispatch_new(
	struct loop *l, struct store *store, const struct dispatch_conf *conf);

/* Gives up tries under way; they are made again by the next run. */
void dispatch_free(struct dispatch *d);

/* Take the leases and find what is outstanding. Deliveries start from here on. */
void dispatch_start(struct dispatch *d);

/*
 * Use these sinks from now on; borrowed until the next call has returned. A sink
 * that was in the set before and is the same object goes on undisturbed; tries
 * under way at one that is gone must have been cancelled by its owner.
 */
void dispatch_set_sinks(struct dispatch *d, struct sink *const *sinks, size_t n);
void dispatch_set_conf(struct dispatch *d, const struct dispatch_conf *conf);

/* An event was stored with its deliveries; parcel->seq is set. Borrowed. */
void dispatch_offer(struct dispatch *d, struct parcel *p);

/* An older event was given a delivery: look for it in the store. */
void dispatch_hint(struct dispatch *d, const char *sink, struct span okey);

/* Start nothing more; dispatch_is_idle() says when what was under way is settled. */
void dispatch_drain(struct dispatch *d);
bool dispatch_is_idle(const struct dispatch *d);

/* Is a sink sent to? */
enum sink_gate {
	SINK_OPEN,
	SINK_HELD, /* an operator said so: what is for it waits */
	SINK_DISABLED, /* as SINK_HELD; the sink is gone or failed for too long, or an operator said so */
};

const char *sink_gate_str(enum sink_gate g);

/* Something about a sink changed that somebody should hear of. */
enum sink_turn {
	SINK_SAME,        /* only failing_since: to be kept, not told */
	SINK_TRIPPED,     /* the circuit opened: too many failures */
	SINK_REFUSES,     /* the circuit opened: it refuses our credentials */
	SINK_RECOVERED,   /* the circuit closed */
	SINK_GONE,        /* disabled: it wants no more, for good */
	SINK_FAILED_LONG, /* disabled: it failed for as long as is allowed */
};

/* Borrowed for the call. */
struct sink_news {
	const char *sink;
	enum sink_turn turn;
	enum sink_gate gate;
	struct wall failing_since; /* WALL_NONE: it is not */
	const char *event_id;      /* the first that failed */
	int status;                /* of the last answer, and what it was */
	const char *note;
	int64_t hold_ms; /* until it is tried again, where the circuit opened */
};

void dispatch_on_news(
	struct dispatch *d, void (*on_news)(void *ctx, const struct sink_news *news), void *ctx);

/* What was kept of a sink by an earlier run: before dispatch_start(). */
void dispatch_restore(
	struct dispatch *d, const char *sink, enum sink_gate gate, struct wall failing_since);

/*
 * An operator's word. Opened again, the sink's circuit is closed and everything
 * that waits for it is due. Nothing is written down here.
 */
void dispatch_set_gate(struct dispatch *d, const char *sink, enum sink_gate gate);

/* A sink has other secrets: if its circuit is open, it is probed now. */
void dispatch_hasten(struct dispatch *d, const char *sink);

/* What became of the tries at one sink, and how it is now. */
struct dispatch_sink_stats {
	const char *sink;
	uint64_t delivered, tempfails, permfails, dead;
	uint64_t moot; /* done with, unsent */
	unsigned inflight;
	int64_t took_ms_total; /* of tries */
	char last_note[200];   /* of the last failure; empty if none since the last success */
	enum sink_gate gate;
	enum circuit_state circuit;
	size_t waiting;  /* repositories with something outstanding for it */
	unsigned window; /* tries at once for now */
	bool throttled;
	struct wall failing_since; /* WALL_NONE: it is not */
	bool configured;
};

size_t dispatch_sinks(const struct dispatch *d);
struct dispatch_sink_stats dispatch_sink_stats(const struct dispatch *d, size_t i);

struct dispatch_stats {
	size_t lanes, memory;
	bool loaded; /* what an earlier run left has been found */
};

struct dispatch_stats dispatch_stats(const struct dispatch *d);

#endif
