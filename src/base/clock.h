/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* Two clocks, two types: mixing them does not compile. */
struct mono {
	int64_t ms;
}; /* since boot; for delays and timeouts */
struct wall {
	int64_t ms;
}; /* since 1970 UTC; for records and expiry */

/* "Never" and "not known" of a wall time. */
#define WALL_NONE ((struct wall){ .ms = -1 })

/* Read the system's clocks. model/ never calls these: it is given the time. */
struct mono clock_mono(void);
struct wall clock_wall(void);

#define WALL_TEXT_MAX sizeof("2026-11-24T01:52:40.123Z")

/*
 * Write t as RFC 3339 in UTC; with milliseconds only if there are any. What is
 * outside the years 0000 to 9999 is written as their first or last moment.
 * Returns text.
 */
char *wall_format(struct wall t, char text[WALL_TEXT_MAX]);

/*
 * Read an RFC 3339 time, with or without fraction (cut to milliseconds) and
 * with Z or a numeric offset. A leap second is the second after it. ERR_PARSE
 * for anything else, also for a day that its month does not have.
 */
MUST_CHECK enum err wall_parse(struct span text, struct wall *t);

#endif
