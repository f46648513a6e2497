/* SPDX-License-Identifier: Apache-2.0 */
#include "model/backoff.h"

int64_t backoff_wait(const struct backoff *p, unsigned tries, uint64_t dice)
{
	int64_t ceiling = p->first_ms;
	int64_t half;

	while (tries-- > 1 && ceiling < p->max_ms)
		ceiling *= 2;
	if (ceiling > p->max_ms)
		ceiling = p->max_ms;
	half = ceiling / 2;
	return ceiling - half + (int64_t)(dice % ((uint64_t)half + 1));
}
