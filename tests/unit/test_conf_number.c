/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf_number.h"
#include "model/schedule.h"

struct spelling {
	const char *text;
	int64_t n; /* -1: refused */
	const char *back;
};

static void check(const struct spelling *s, enum err (*read)(const char *, int64_t *),
	const char *(*write)(int64_t, char[CONF_NUMBER_MAX]))
{
	char text[CONF_NUMBER_MAX];
	int64_t n = -1;
	enum err e = read(s->text, &n);

	if (s->n < 0) {
		cr_expect_eq(e, ERR_PARSE, "%s", s->text);
		return;
	}
	cr_expect_eq(e, ERR_OK, "%s", s->text);
	cr_expect_eq(n, s->n, "%s", s->text);
	cr_expect_str_eq(write(n, text), s->back);
}

Test(conf_number, sizes_are_read_and_written)
{
	static const struct spelling table[] = {
		{ "0", 0, "0B" },
		{ "512", 512, "512B" },
		{ "512B", 512, "512B" },
		{ "1024", 1024, "1KiB" },
		{ "1536KiB", 1536 * 1024, "1536KiB" },
		{ "64 MiB", 64 << 20, "64MiB" },
		{ "1024GiB", (int64_t)1 << 40, "1024GiB" },
		{ "8589934591GiB", INT64_MAX - (1 << 30) + 1, "8589934591GiB" },
		{ "8589934592GiB", -1, NULL },
		{ "9223372036854775808", -1, NULL },
		{ "64MB", -1, NULL },
		{ "64M", -1, NULL },
		{ "MiB", -1, NULL },
		{ "-1MiB", -1, NULL },
		{ "1.5MiB", -1, NULL },
		{ "1  MiB", -1, NULL },
		{ "1MiB ", -1, NULL },
		{ "", -1, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check(&table[i], conf_size_read, conf_size_write);
}

Test(conf_number, durations_are_read_and_written)
{
	static const struct spelling table[] = {
		{ "0ms", 0, "0ms" },
		{ "0s", 0, "0ms" },
		{ "500ms", 500, "500ms" },
		{ "90s", 90000, "90s" },
		{ "60s", 60000, "1m" },
		{ "24h", 86400000, "1d" },
		{ "36h", 129600000, "36h" },
		{ "106751991167d", (int64_t)106751991167 * 86400000, "106751991167d" },
		{ "106751991168d", -1, NULL },
		{ "0", -1, NULL },
		{ "5", -1, NULL },
		{ "1m30s", -1, NULL },
		{ "5 minutes", -1, NULL },
		{ "5S", -1, NULL },
		{ "05s", -1, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check(&table[i], conf_duration_read, conf_duration_write);
}

Test(conf_number, integers_and_modes_are_read_and_written)
{
	static const struct spelling integers[] = {
		{ "0", 0, "0" },
		{ "9223372036854775807", INT64_MAX, "9223372036854775807" },
		{ "9223372036854775808", -1, NULL },
		{ "010", -1, NULL },
		{ "+1", -1, NULL },
		{ "1_000", -1, NULL },
		{ "0x10", -1, NULL },
		{ "1 ", -1, NULL },
	};
	static const struct spelling modes[] = {
		{ "660", 0660, "0660" },
		{ "0660", 0660, "0660" },
		{ "0o660", -1, NULL },
		{ "680", -1, NULL },
		{ "60", -1, NULL },
		{ "00660", -1, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(integers); i++)
		check(&integers[i], conf_integer_read, conf_integer_write);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		check(&modes[i], conf_mode_read, conf_mode_write);
}

Test(conf_number, reads_a_schedule_of_durations)
{
	struct schedule s = { .waits = 9 };

	cr_assert_eq(conf_schedule_read("5s 5m  2h", &s), ERR_OK);
	cr_assert_eq(s.waits, 3);
	cr_assert_eq(s.wait_ms[0], 5000);
	cr_assert_eq(s.wait_ms[1], 300000);
	cr_assert_eq(s.wait_ms[2], 7200000);
	cr_assert_eq(conf_schedule_read("none", &s), ERR_OK);
	cr_assert_eq(s.waits, 0);
	cr_assert_eq(conf_schedule_read("5s,5m", &s), ERR_PARSE);
	cr_assert_eq(conf_schedule_read("5s none", &s), ERR_PARSE);
	cr_assert_eq(conf_schedule_read("1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s"
					" 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s",
			     &s),
		ERR_LIMIT);
}
