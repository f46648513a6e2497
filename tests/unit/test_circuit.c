/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/circuit.h"

static const struct circuit_conf conf = {
	.failures_pct = 70,
	.tries_min = 10,
	.window_ms = 300000,
	.hold_ms = 30000,
	.hold_max_ms = 900000,
};

static struct mono at(int64_t ms)
{
	return (struct mono){ .ms = 50000000 + ms };
}

/* One that tripped at 0. */
static struct circuit tripped(void)
{
	struct circuit c;

	circuit_init(&c, at(0));
	for (int i = 0; i < 9; i++)
		cr_assert_eq(circuit_note(&c, &conf, false, at(0)), CIRCUIT_SAME);
	cr_assert_eq(circuit_note(&c, &conf, false, at(0)), CIRCUIT_TRIPPED);
	return c;
}

Test(circuit, opens_at_the_share_of_failures_and_not_before)
{
	struct circuit c;

	circuit_init(&c, at(0));
	for (int i = 0; i < 3; i++)
		circuit_note(&c, &conf, true, at(i));
	for (int i = 0; i < 6; i++)
		cr_assert_eq(circuit_note(&c, &conf, false, at(10 + i)), CIRCUIT_SAME);
	cr_assert_eq(circuit_wait(&c, at(20)), 0);
	cr_assert_eq(circuit_note(&c, &conf, false, at(20)), CIRCUIT_TRIPPED);
	cr_assert_eq(circuit_wait(&c, at(20)), 30000);
}

Test(circuit, forgets_what_is_older_than_its_window)
{
	struct circuit c;

	circuit_init(&c, at(0));
	for (int i = 0; i < 9; i++)
		circuit_note(&c, &conf, false, at(0));
	cr_assert_eq(circuit_tally(&c, &conf, at(200000)).failed, 9);
	cr_assert_eq(circuit_tally(&c, &conf, at(300000)).failed, 0);
	cr_assert_eq(circuit_note(&c, &conf, false, at(300000)), CIRCUIT_SAME);
}

Test(circuit, never_opens_where_the_share_is_zero)
{
	struct circuit_conf never = conf;
	struct circuit c;

	never.failures_pct = 0;
	circuit_init(&c, at(0));
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(circuit_note(&c, &never, false, at(i)), CIRCUIT_SAME);
}

Test(circuit, probes_with_one_try_when_the_hold_is_over)
{
	struct circuit c = tripped();

	cr_assert_eq(circuit_wait(&c, at(29999)), 1);
	cr_assert_eq(circuit_wait(&c, at(30000)), 0);
	circuit_begin(&c, at(30000));
	cr_assert_eq(circuit_wait(&c, at(90000)), -1);
	cr_assert_eq(circuit_note(&c, &conf, true, at(90000)), CIRCUIT_RECOVERED);
	cr_assert_eq(circuit_wait(&c, at(90000)), 0);
}

Test(circuit, ignores_results_of_tries_begun_before_it_opened)
{
	struct circuit c = tripped();

	cr_assert_eq(circuit_note(&c, &conf, true, at(10)), CIRCUIT_SAME);
	cr_assert_eq(circuit_note(&c, &conf, false, at(20)), CIRCUIT_SAME);
	cr_assert_eq(circuit_wait(&c, at(20)), 29980);
}

Test(circuit, holds_twice_as_long_after_each_failed_probe_up_to_the_most)
{
	static const int64_t hold[] = { 60000, 120000, 240000, 480000, 900000, 900000 };
	struct circuit c = tripped();
	int64_t now = 30000;

	for (size_t i = 0; i < ARRAY_SIZE(hold); i++) {
		circuit_begin(&c, at(now));
		cr_assert_eq(circuit_note(&c, &conf, false, at(now)), CIRCUIT_REOPENED);
		cr_expect_eq(circuit_wait(&c, at(now)), hold[i], "probe %zu", i);
		now += hold[i];
	}
}

/* Trip at now, after it was well since it recovered. */
static int64_t hold_of_next_trip(struct circuit *c, int64_t now)
{
	for (int i = 0; i < 10; i++)
		circuit_note(c, &conf, false, at(now));
	cr_assert_eq(c->state, CIRCUIT_OPEN);
	return circuit_wait(c, at(now));
}

Test(circuit, remembers_a_bad_time_for_as_long_as_a_good_one_does_not_outlast_it)
{
	struct circuit soon = tripped(), late;

	circuit_begin(&soon, at(30000));
	circuit_note(&soon, &conf, true, at(30000));
	late = soon;
	cr_expect_eq(hold_of_next_trip(&soon, 40000), 60000);
	cr_expect_eq(hold_of_next_trip(&late, 30000 + 5 * 300000), 30000);
}

Test(circuit, opens_for_the_longest_hold_when_told_to)
{
	struct circuit c;

	circuit_init(&c, at(0));
	cr_assert_eq(circuit_trip(&c, &conf, at(0)), CIRCUIT_TRIPPED);
	cr_assert_eq(circuit_wait(&c, at(0)), 900000);
	cr_assert_eq(circuit_trip(&c, &conf, at(1)), CIRCUIT_REOPENED);
}

Test(circuit, admits_another_probe_for_one_that_has_no_result)
{
	struct circuit c = tripped();

	circuit_begin(&c, at(30000));
	circuit_forsake(&c, at(31000));
	cr_assert_eq(circuit_wait(&c, at(31000)), 0);
}

/* A sink that is down for a day costs some hundred probes, and one that is back is found soon. */
Test(circuit, is_cheap_over_a_long_outage)
{
	struct circuit c = tripped();
	const int64_t day = 24 * 3600000;
	unsigned probes = 0;

	for (int64_t now = 0; now < day; now += 1000) {
		if (circuit_wait(&c, at(now)) != 0)
			continue;
		circuit_begin(&c, at(now));
		circuit_note(&c, &conf, false, at(now));
		probes++;
	}
	cr_assert(probes > 90 && probes < 110, "%u", probes);
	cr_assert(circuit_wait(&c, at(day)) <= conf.hold_max_ms);
}
