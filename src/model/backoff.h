/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BACKOFF_H
#define MODEL_BACKOFF_H

#include <stdint.h>

/* When to try again. */
struct backoff {
	int64_t first_ms; /* wait after the first failure */
	int64_t max_ms;
};

/*
 * Milliseconds to wait after tries that ended: exponential, with the upper half
 * of each wait left to chance. dice is a uniform 64-bit draw, passed in to keep
 * this repeatable.
 */
int64_t backoff_wait(const struct backoff *p, unsigned tries, uint64_t dice);

#endif
