/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/pace.h"

static struct mono at(int64_t ms)
{
	return (struct mono){ .ms = 1000000 + ms };
}

static const struct pace_conf four = { .inflight_max = 4 };
static const struct pace_conf ten_a_second = { .inflight_max = 100, .rate = 10 };

Test(pace, admits_as_many_at_once_as_is_allowed)
{
	struct pace p;

	pace_init(&p, &four, at(0));
	cr_expect_eq(pace_wait(&p, &four, 3, at(0)), 0);
	cr_expect_eq(pace_wait(&p, &four, 4, at(0)), -1);
}

/* Begin as many as may begin now. */
static unsigned begin_all(struct pace *p, struct mono now)
{
	unsigned n = 0;

	while (n < 100 && pace_wait(p, &ten_a_second, 0, now) == 0) {
		pace_begin(p, &ten_a_second);
		n++;
	}
	return n;
}

Test(pace, begins_no_more_in_a_second_than_its_rate)
{
	struct pace p;

	pace_init(&p, &ten_a_second, at(0));
	cr_expect_eq(begin_all(&p, at(0)), 10);
	cr_expect_eq(pace_wait(&p, &ten_a_second, 0, at(0)), 100);
	cr_expect_eq(begin_all(&p, at(99)), 0);
	cr_expect_eq(begin_all(&p, at(100)), 1);
	cr_expect_eq(begin_all(&p, at(600)), 5);
	/* What was not used is not saved up for more than a second. */
	cr_expect_eq(begin_all(&p, at(60000)), 10);
}

Test(pace, holds_its_rate_over_an_hour_to_the_try)
{
	struct pace p;
	unsigned n = 0;

	pace_init(&p, &ten_a_second, at(0));
	for (int64_t ms = 0; ms <= 3600000; ms += 7)
		n += begin_all(&p, at(ms));
	cr_assert(n >= 36000 && n <= 36010, "%u", n);
}

Test(pace, leaves_an_overloaded_sink_alone_and_comes_back_with_half)
{
	struct pace p;

	pace_init(&p, &four, at(0));
	pace_throttle(&p, 7000, at(0));
	cr_expect_eq(pace_wait(&p, &four, 0, at(0)), 7000);
	cr_expect_eq(pace_wait(&p, &four, 0, at(6999)), 1);
	cr_expect_eq(pace_wait(&p, &four, 1, at(7000)), 0);
	cr_expect_eq(pace_wait(&p, &four, 2, at(7000)), -1);
	pace_ease(&p, &four);
	cr_expect_eq(pace_wait(&p, &four, 2, at(7001)), 0);
	pace_ease(&p, &four);
	pace_ease(&p, &four);
	cr_expect_eq(pace_wait(&p, &four, 4, at(7001)), -1);
}

Test(pace, counts_what_is_said_at_once_as_one_throttling)
{
	struct pace p;

	pace_init(&p, &four, at(0));
	for (int i = 0; i < 4; i++)
		pace_throttle(&p, -1, at(i));
	cr_expect_eq(p.window, 2);
	cr_expect_eq(pace_wait(&p, &four, 0, at(3)), 997);
	/* But the longest wish holds. */
	pace_throttle(&p, 5000, at(10));
	cr_expect_eq(pace_wait(&p, &four, 0, at(10)), 5000);
}

Test(pace, pauses_longer_each_time_it_is_not_told_how_long)
{
	static const int64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 32000, 32000 };
	struct pace p;
	int64_t now = 0;

	pace_init(&p, &four, at(0));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		pace_throttle(&p, -1, at(now));
		cr_expect_eq(pace_wait(&p, &four, 0, at(now)), want[i], "throttling %zu", i);
		now += want[i];
	}
	cr_expect_eq(p.window, 1);
	pace_ease(&p, &four);
	pace_throttle(&p, -1, at(now));
	cr_expect_eq(pace_wait(&p, &four, 0, at(now)), 1000);
}
