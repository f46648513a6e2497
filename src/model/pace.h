/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PACE_H
#define MODEL_PACE_H

#include <stdint.h>

#include "base/clock.h"

/* How fast a sink is sent to at most. */
struct pace_conf {
	unsigned inflight_max; /* tries under way at once */
	unsigned rate;         /* tries begun in a second, a second's worth at once; 0: any */
};

/*
 * How fast it is sent to now. One that says it is overloaded gets nothing for a
 * while and then half as much at once; each success gives one back.
 */
struct pace {
	unsigned window;        /* tries at once for now, at most inflight_max */
	unsigned throttles;     /* in a row */
	struct mono not_before; /* while it is throttled */
	int64_t credit;         /* of the rate, in thousandths of a try */
	struct mono credited;
};

void pace_init(struct pace *p, const struct pace_conf *c, struct mono now);

/* The limits changed. */
void pace_set(struct pace *p, const struct pace_conf *c);

/* Milliseconds until a try may begin: 0 now, -1 once another one has ended. */
int64_t pace_wait(struct pace *p, const struct pace_conf *c, unsigned inflight, struct mono now);

/* One begins, of which pace_wait() said 0. */
void pace_begin(struct pace *p, const struct pace_conf *c);

/* One succeeded. */
void pace_ease(struct pace *p, const struct pace_conf *c);

/*
 * The sink is overloaded. asked_ms is how long it wants to be left alone, -1 if
 * it did not say: then 1 s, and twice as long each time up to a minute.
 */
void pace_throttle(struct pace *p, int64_t asked_ms, struct mono now);

#endif
