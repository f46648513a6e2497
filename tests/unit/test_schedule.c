/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/schedule.h"

static const struct schedule two = { .wait_ms = { 5000, 300000 }, .waits = 2 };

Test(schedule, begins_at_once_and_ends_after_its_last_wait)
{
	cr_assert_eq(schedule_wait(&two, 0, 7), 0);
	cr_assert_eq(schedule_wait(&two, 3, 7), -1);
	cr_assert_eq(schedule_wait(&two, 4, 7), -1);
	cr_assert_eq(schedule_wait(&(struct schedule){ 0 }, 1, 7), -1);
}

Test(schedule, varies_each_wait_by_a_fifth_both_ways)
{
	int64_t least = INT64_MAX, most = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		int64_t wait_ms = schedule_wait(&two, 1, i * 0x9e3779b97f4a7c15);

		least = wait_ms < least ? wait_ms : least;
		most = wait_ms > most ? wait_ms : most;
	}
	cr_expect_eq(schedule_wait(&two, 2, 0), 240000);
	cr_expect_eq(schedule_wait(&two, 2, 120000), 360000);
	cr_expect(least >= 4000 && least < 4010, "%lld", (long long)least);
	cr_expect(most <= 6000 && most > 5990, "%lld", (long long)most);
}

Test(schedule, waits_nothing_where_it_says_nothing)
{
	const struct schedule at_once = { .wait_ms = { 0 }, .waits = 1 };

	cr_assert_eq(schedule_wait(&at_once, 1, UINT64_MAX), 0);
}
