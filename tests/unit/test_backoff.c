/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/backoff.h"

static const struct backoff policy = { .first_ms = 1000, .max_ms = 5000 };

Test(backoff, doubles_up_to_the_ceiling)
{
	static const struct {
		unsigned tries;
		int64_t most;
	} row[] = { { 1, 1000 }, { 2, 2000 }, { 3, 4000 }, { 4, 5000 }, { 60, 5000 } };

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		int64_t half = row[i].most / 2;

		cr_expect_eq(backoff_wait(&policy, row[i].tries, (uint64_t)half), row[i].most,
			"after %u tries", row[i].tries);
		cr_expect_eq(backoff_wait(&policy, row[i].tries, 0), row[i].most - half,
			"after %u tries", row[i].tries);
	}
}

Test(backoff, stays_between_half_and_all_of_the_wait_whatever_the_dice)
{
	for (uint64_t dice = 0; dice < 3000; dice++) {
		int64_t wait_ms = backoff_wait(&policy, 2, dice * 0x9e3779b97f4a7c15);

		cr_assert(wait_ms >= 1000 && wait_ms <= 2000, "%lld", (long long)wait_ms);
	}
}
