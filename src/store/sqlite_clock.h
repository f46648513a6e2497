/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_CLOCK_H
#define STORE_SQLITE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * The store's clock: wall time that never goes back. It runs with the monotonic
 * clock and follows the host's clock forward only, so that a step back neither
 * freezes due times nor makes them wait again. Shared by the threads.
 */
struct store_clock {
	_Atomic int64_t ahead_ms; /* wall minus monotonic, the largest seen */
};

/* What it says at these readings of the two clocks. */
static inline struct wall store_clock_at(struct store_clock *c, struct wall wall, struct mono mono)
{
	int64_t ahead = wall.ms - mono.ms;
	int64_t seen = atomic_load_explicit(&c->ahead_ms, memory_order_relaxed);

	while (seen < ahead && !atomic_compare_exchange_weak(&c->ahead_ms, &seen, ahead))
		;
	return (struct wall){ .ms = mono.ms + (seen > ahead ? seen : ahead) };
}

static inline struct wall store_clock_now(struct store_clock *c)
{
	return store_clock_at(c, clock_wall(), clock_mono());
}

/* Without looking at the host's wall clock. */
static inline struct wall store_clock_read(const struct store_clock *c)
{
	return (struct wall){ .ms = clock_mono().ms + atomic_load(&c->ahead_ms) };
}

#endif
