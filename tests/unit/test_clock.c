/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"

TestSuite(clock);

static void cr_assert_time(const char *text, int64_t ms)
{
	struct wall t = WALL_NONE;

	cr_assert_eq(wall_parse(span_of(text), &t), ERR_OK, "%s", text);
	cr_assert_eq(t.ms, ms, "%s is %lld", text, (long long)t.ms);
}

Test(clock, parses_times_known_from_elsewhere)
{
	/* By date -u -d TEXT +%s. */
	cr_assert_time("1970-01-01T00:00:00Z", 0);
	cr_assert_time("2012-11-23T16:29:59Z", 1353688199000);
	cr_assert_time("2026-03-18T10:28:09Z", 1773829689000);
	cr_assert_time("2026-11-24T01:52:40.123Z", 1795485160123);
	cr_assert_time("1969-12-31T23:59:58Z", -2000);
	cr_assert_time("0000-01-01T00:00:00Z", -62167219200000);
	cr_assert_time("9999-12-31T23:59:59.999Z", 253402300799999);
}

Test(clock, knows_leap_days)
{
	struct wall t;

	cr_assert_time("2024-02-29T12:00:00Z", 1709208000000);
	cr_assert_time("2000-02-29T00:00:00Z", 951782400000);
	cr_assert_eq(wall_parse(SPAN("2023-02-29T12:00:00Z"), &t), ERR_PARSE);
	cr_assert_eq(wall_parse(SPAN("1900-02-29T12:00:00Z"), &t), ERR_PARSE);
	cr_assert_eq(wall_parse(SPAN("2024-02-30T12:00:00Z"), &t), ERR_PARSE);
}

Test(clock, a_leap_second_is_the_second_after_it)
{
	cr_assert_time("2016-12-31T23:59:60Z", 1483228800000);
	cr_assert_time("2017-01-01T00:00:00Z", 1483228800000);
}

Test(clock, counts_offsets_off)
{
	cr_assert_time("2026-03-18T12:28:09+02:00", 1773829689000);
	cr_assert_time("2026-03-18T04:58:09-05:30", 1773829689000);
	cr_assert_time("2026-03-18T10:28:09+00:00", 1773829689000);
	cr_assert_time("2026-03-18T10:28:09-00:00", 1773829689000);
	cr_assert_time("2026-01-01T00:30:00+23:59", 1767141060000);
}

Test(clock, cuts_fractions_to_milliseconds)
{
	cr_assert_time("1970-01-01T00:00:00.5Z", 500);
	cr_assert_time("1970-01-01T00:00:00.05Z", 50);
	cr_assert_time("1970-01-01T00:00:00.1239Z", 123);
	cr_assert_time("1970-01-01T00:00:00.000000000000000000000001Z", 0);
}

Test(clock, refuses_what_is_no_rfc_3339_time_and_leaves_the_output_alone)
{
	static const char *const bad[] = { "", "Z", "2026", "2026-03-18", "2026-03-18T10:28:09",
		"2026-03-18T10:28Z", "2026-03-18 10:28:09Z", "2026-03-18T10:28:09z",
		"2026-03-18T10:28:09ZZ", "2026-03-18T10:28:09Z ", " 2026-03-18T10:28:09Z",
		"2026-03-18T10:28:09.Z", "2026-03-18T10:28:09.+01:00", "2026-3-18T10:28:09Z",
		"2026-00-18T10:28:09Z", "2026-13-18T10:28:09Z", "2026-03-00T10:28:09Z",
		"2026-04-31T10:28:09Z", "2026-03-32T10:28:09Z", "2026-03-18T24:00:00Z",
		"2026-03-18T10:60:09Z", "2026-03-18T10:28:61Z", "2026-03-18T10:28:09+1:00",
		"2026-03-18T10:28:09+0100", "2026-03-18T10:28:09+24:00",
		"2026-03-18T10:28:09+01:60", "2026-03-18T10:28:09+", "-026-03-18T10:28:09Z",
		"+2026-03-18T10:28:09Z", "20260318T102809Z", "2026-03-18T10:28:09,5Z",
		"2026-03-18T10:28:0\xd9\xa9Z", "12026-03-18T10:28:09Z" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wall t = { .ms = 42 };

		cr_assert_eq(wall_parse(span_of(bad[i]), &t), ERR_PARSE, "%s", bad[i]);
		cr_assert_eq(t.ms, 42);
	}
}

Test(clock, refuses_every_prefix_of_a_time)
{
	static const char whole[] = "2026-03-18T10:28:09.123+02:00";
	struct wall t;

	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		cr_assert_eq(wall_parse((struct span){ whole, n }, &t), ERR_PARSE);
	cr_assert_eq(wall_parse(SPAN(whole), &t), ERR_OK);
}

Test(clock, reads_back_what_it_wrote)
{
	char text[WALL_TEXT_MAX];
	struct wall back;

	/* A stride that meets every hour, month and millisecond in its time. */
	for (int64_t ms = -62167219200000; ms < 253402300799999; ms += 84411822023) {
		cr_assert_eq(wall_parse(span_of(wall_format((struct wall){ ms }, text)), &back),
			ERR_OK, "%s", text);
		cr_assert_eq(back.ms, ms, "%s", text);
	}
}

Test(clock, writes_milliseconds_only_if_there_are_any)
{
	char text[WALL_TEXT_MAX];

	cr_assert_str_eq(wall_format((struct wall){ 0 }, text), "1970-01-01T00:00:00Z");
	cr_assert_str_eq(wall_format((struct wall){ 7 }, text), "1970-01-01T00:00:00.007Z");
	cr_assert_str_eq(wall_format((struct wall){ -1 }, text), "1969-12-31T23:59:59.999Z");
	cr_assert_str_eq(wall_format((struct wall){ -1000 }, text), "1969-12-31T23:59:59Z");
}

Test(clock, writes_no_year_that_four_digits_cannot_name)
{
	char text[WALL_TEXT_MAX];

	cr_assert_str_eq(wall_format((struct wall){ INT64_MAX }, text), "9999-12-31T23:59:59.999Z");
	cr_assert_str_eq(wall_format((struct wall){ INT64_MIN }, text), "0000-01-01T00:00:00Z");
	cr_assert_str_eq(
		wall_format((struct wall){ 253402300800000 }, text), "9999-12-31T23:59:59.999Z");
}

Test(clock, the_systems_clocks_do_not_run_backwards)
{
	struct mono before = clock_mono();

	cr_assert_geq(clock_mono().ms, before.ms);
	cr_assert_gt(clock_wall().ms, 1700000000000);
}
