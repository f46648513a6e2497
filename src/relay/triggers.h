/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_TRIGGERS_H
#define RELAY_TRIGGERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/trigger.h"

struct relay;

/*
 * The builds that were asked for and allowed. Each is written down before Travis
 * hears of it, and followed until there is a build or the reason why there is
 * none; a restart goes on where the last run stopped. What Travis may have heard
 * is never said to it twice.
 */
struct triggers;

struct triggers *triggers_new(struct relay *r);
void triggers_free(struct triggers *t);

/* What secrets are in is another one from now on; the old one is there yet. */
void triggers_rekey(struct triggers *t);

/*
 * Read what an earlier run kept of late: who asked for which build, and how many
 * builds each repository has had. on_done runs once, also where it cannot be read.
 */
void triggers_remember(struct triggers *t, void (*on_done)(void *ctx), void *ctx);

/* Go on with what an earlier run left open. */
void triggers_restore(struct triggers *t);

enum trigger_taken {
	TRIGGER_TAKEN,    /* written down */
	TRIGGER_REPEATED, /* the same was asked for before with this key: here it is */
	TRIGGER_DIFFERS,  /* something else was asked for with this key */
	TRIGGER_LIMITED,  /* too many at once, or Travis's limits are reached */
	TRIGGER_UNSTORED, /* the store has no room now */
};

struct trigger_answer {
	enum trigger_taken taken;
	struct span id;  /* of the trigger, where there is one */
	int64_t wait_ms; /* TRIGGER_LIMITED: when it is worth asking again */
	const char *why; /* TRIGGER_LIMITED: a sentence for who asks */
};

/* What would wait for its turn at Travis for longer is not taken. */
#define TRIGGERS_WAIT_MS INT64_C(60000)

typedef void (*trigger_taken_cb)(void *ctx, const struct trigger_answer *a);

/*
 * Take one that was allowed. All of it is copied; id, state, note, request, builds
 * and times are ours to fill in. That it was allowed is written down with it; or by
 * itself, where there is no new trigger. key, from the one who asks, may be empty. on_taken runs once,
 * perhaps at once.
 */
void triggers_take(struct triggers *t, const struct trigger *wish, struct span key,
	trigger_taken_cb on_taken, void *ctx);

/* Who asked for a build of that host; empty if nobody asked us, or that is long ago. */
struct span triggers_principal(const struct triggers *t, struct span host, int64_t build);

/* The name in the store of what is known of them: the key is the id, in the order of time. */
#define NS_TRIGGER "trigger"

/* And of the keys they were asked for with: the value ends with ":" and the time in ms. */
#define NS_TRIGGER_KEY "trigger-key"

#endif
