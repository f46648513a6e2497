/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_TRIGGER_SWEEP_H
#define RELAY_TRIGGER_SWEEP_H

#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

/* How long what is over is kept, in ms; 0: for ever. */
struct trigger_retention {
	int64_t triggers_ms; /* since they were over */
	int64_t keys_ms;     /* Idempotency-Keys, since they were used first */
};

struct trigger_removed {
	size_t triggers, keys;
};

/*
 * Removes triggers and keys that are old, a page of rows at a time with pauses in
 * between. One that is under way stays, however old it is.
 */
struct trigger_sweep;

struct trigger_sweep *trigger_sweep_new(struct loop *l, struct store *store);
void trigger_sweep_free(struct trigger_sweep *s);

/*
 * Go through all once. on_done runs once, with what was removed; also where the
 * store has no time for it, and the rest is left for the next one.
 */
void trigger_sweep_run(struct trigger_sweep *s, const struct trigger_retention *keep,
	void (*on_done)(void *ctx, const struct trigger_removed *n), void *ctx);

#endif
