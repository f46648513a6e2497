/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include <stdint.h>

#define SCHEDULE_WAITS_MAX 32

/*
 * When a delivery is tried again: wait_ms[n] after n + 1 tries have failed. The
 * first try is at once; after the last wait there is one more.
 */
struct schedule {
	int64_t wait_ms[SCHEDULE_WAITS_MAX];
	unsigned waits;
};

/*
 * Milliseconds to wait after tries that ended, 20 % more or less by chance so
 * that what failed together does not come back together (Standard Webhooks 1.0,
 * "Deliverability and reliability"); -1 if that was the last try. dice is a
 * uniform 64-bit draw, passed in to keep this repeatable.
 */
int64_t schedule_wait(const struct schedule *s, unsigned tries, uint64_t dice);

#endif
