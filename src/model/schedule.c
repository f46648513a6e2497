/* SPDX-License-Identifier: Apache-2.0 */
#include "model/schedule.h"

#define JITTER_PCT 20

int64_t schedule_wait(const struct schedule *s, unsigned tries, uint64_t dice)
{
	int64_t wait_ms, spread;

	if (tries == 0)
		return 0;
	if (tries > s->waits)
		return -1;
	wait_ms = s->wait_ms[tries - 1];
	spread = wait_ms * JITTER_PCT / 100;
	return wait_ms - spread + (int64_t)(dice % (uint64_t)(2 * spread + 1));
}
