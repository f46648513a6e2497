/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_DISPATCH_H
#define RELAY_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/backoff.h"

struct loop;
struct parcel;
struct sink;
struct store;

/*
 * Brings stored events to their sinks. Everything of one repository reaches one
 * sink in order, through a lane; lanes do not wait for each other. What is just
 * stored goes on from memory; what does not fit there, and what an earlier run
 * left, is claimed from the store lane by lane.
 */
struct dispatch;

struct dispatch_conf {
	struct backoff backoff;
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

/* What became of the tries at one sink. */
struct dispatch_sink_stats {
	const char *sink;
	uint64_t delivered, tempfails, permfails, dead;
	unsigned inflight;
	int64_t took_ms_total; /* of tries */
	char last_note[200];   /* of the last failure; empty if none since the last success */
};

size_t dispatch_sinks(const struct dispatch *d);
struct dispatch_sink_stats dispatch_sink_stats(const struct dispatch *d, size_t i);

struct dispatch_stats {
	size_t lanes, memory;
	bool loaded; /* what an earlier run left has been found */
};

struct dispatch_stats dispatch_stats(const struct dispatch *d);

#endif
