/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CIRCUIT_H
#define MODEL_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* When a sink counts as down, and for how long it is then left alone. */
struct circuit_conf {
	unsigned failures_pct; /* of the tries of the window, at which it opens; 0: never */
	unsigned tries_min;    /* fewer tries in the window say nothing */
	int64_t window_ms;
	int64_t hold_ms; /* the first hold; each failed probe doubles it */
	int64_t hold_max_ms;
};

/*
 *	closed --too many failures--> open --hold is over--> probing --success--> closed
 *	                               ^                        |
 *	                               +------- failure --------+
 */
enum circuit_state {
	CIRCUIT_CLOSED,  /* everything is admitted */
	CIRCUIT_OPEN,    /* nothing is, until the hold is over */
	CIRCUIT_PROBING, /* one try is under way, and nothing else */
};

#define CIRCUIT_SLOTS 10 /* of the window */

struct circuit {
	enum circuit_state state;
	struct mono until; /* while open: when a probe is admitted */
	struct mono since; /* of this state */
	int64_t hold_ms;   /* the last hold; it halves with each window without another */
	struct circuit_slot {
		int64_t number; /* of the slot since boot, so that an old one is known */
		unsigned ok, failed;
	} slot[CIRCUIT_SLOTS];
};

/* What a result changed. */
enum circuit_change {
	CIRCUIT_SAME,
	CIRCUIT_TRIPPED,  /* from closed to open */
	CIRCUIT_REOPENED, /* the probe failed */
	CIRCUIT_RECOVERED,
};

void circuit_init(struct circuit *c, struct mono now);

/* Milliseconds until a try may begin: 0 now, -1 once the probe has ended. */
int64_t circuit_wait(const struct circuit *c, struct mono now);

/* A try begins, of which circuit_wait() said 0. */
void circuit_begin(struct circuit *c, struct mono now);

/* A try ended. What was under way when the circuit opened changes nothing any more. */
enum circuit_change circuit_note(
	struct circuit *c, const struct circuit_conf *conf, bool ok, struct mono now);

/* Open at once, for the longest hold, whatever was counted. */
enum circuit_change circuit_trip(
	struct circuit *c, const struct circuit_conf *conf, struct mono now);

/* The probe under way will have no result: admit another one. */
void circuit_forsake(struct circuit *c, struct mono now);

/* If it is open, its hold is over now: somebody mended what it opened for. */
void circuit_hasten(struct circuit *c, struct mono now);

/* Closed, and nothing counted. */
void circuit_reset(struct circuit *c, struct mono now);

const char *circuit_state_str(enum circuit_state s);

/* Tries and failures of the window that ends now. */
struct circuit_tally {
	unsigned tries, failed;
};

struct circuit_tally circuit_tally(
	const struct circuit *c, const struct circuit_conf *conf, struct mono now);

#endif
