/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"

TestSuite(log);

static void cr_assert_quoted(struct span foreign, const char *want)
{
	char text[LOG_QUOTE_MAX];

	cr_assert_eq(log_quote(foreign, text), text);
	cr_assert_str_eq(text, want);
}

Test(log, quotes_what_would_end_or_forge_a_record)
{
	cr_assert_quoted(SPAN(""), "\"\"");
	cr_assert_quoted((struct span){ NULL, 0 }, "\"\"");
	cr_assert_quoted(SPAN("plain text"), "\"plain text\"");
	cr_assert_quoted(SPAN("a\" level=err b"), "\"a\\x22 level=err b\"");
	cr_assert_quoted(SPAN("back\\slash"), "\"back\\x5cslash\"");
	cr_assert_quoted(SPAN("two\r\nlines\t"), "\"two\\x0d\\x0alines\\x09\"");
	cr_assert_quoted(SPAN("\x1b[31mred\x7f"), "\"\\x1b[31mred\\x7f\"");
	cr_assert_quoted((struct span){ "a\0b", 3 }, "\"a\\x00b\"");
}

Test(log, keeps_utf8_and_escapes_what_is_none)
{
	cr_assert_quoted(SPAN("Gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80"),
		"\"Gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80\"");
	cr_assert_quoted(SPAN("\xff"), "\"\\xff\"");
	cr_assert_quoted(SPAN("\xc3\xa4\xff\xc3"), "\"\xc3\xa4\\xff\\xc3\"");
	cr_assert_quoted(SPAN("\xc0\x8a"), "\"\\xc0\\x8a\"");
	cr_assert_quoted(SPAN("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
}

Test(log, escapes_control_characters_of_two_bytes_too)
{
	cr_assert_quoted(SPAN("\xc2\x80\xc2\x9b"
			      "31m\xc2\x9f"),
		"\"\\xc2\\x80\\xc2\\x9b31m\\xc2\\x9f\"");
	cr_assert_quoted(SPAN("\xc2\xa0\xc3\x9b"), "\"\xc2\xa0\xc3\x9b\"");
}

Test(log, cuts_between_characters_and_stays_within_its_room)
{
	static const char *const pieces[] = { "a", "\n", "\xc3\xa4", "\xe6\x97\xa5",
		"\xf0\x9f\x98\x80", "\xff" };

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (size_t before = 0; before < 8; before++) {
			char text[LOG_QUOTE_MAX + 1];
			CLEANUP(buf_release) struct buf foreign;
			size_t n;

			text[LOG_QUOTE_MAX] = '#';
			buf_init(&foreign, 8192);
			cr_assert_eq(buf_add(&foreign, "12345678", before), ERR_OK);
			for (int j = 0; j < 600; j++)
				cr_assert_eq(buf_add_str(&foreign, pieces[i]), ERR_OK);
			log_quote(buf_span(&foreign), text);
			n = strlen(text);
			cr_assert_lt(n, LOG_QUOTE_MAX);
			cr_assert_gt(n, 512 - 4, "%zu bytes only", n);
			cr_assert(utf8_is_valid(span_of(text)));
			cr_assert_eq(text[0], '"');
			cr_assert_eq(text[n - 1], '"');
			cr_assert_eq(text[LOG_QUOTE_MAX], '#');
		}
	}
}

Test(log, keeps_512_bytes_whole)
{
	char foreign[513], text[LOG_QUOTE_MAX];

	memset(foreign, 'a', sizeof(foreign));
	cr_assert_eq(strlen(log_quote((struct span){ foreign, 512 }, text)), 514);
	cr_assert_eq(strlen(log_quote((struct span){ foreign, 513 }, text)), 514);
}

Test(log, knows_its_levels_by_name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "err", LOG_LEVEL_ERR }, { "warning", LOG_LEVEL_WARNING },
		{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG } };
	enum log_level level = LOG_LEVEL_ERR;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		cr_assert_eq(log_level_parse(span_of(levels[i].name), &level), ERR_OK);
		cr_assert_eq(level, levels[i].level);
	}
	cr_assert_eq(log_level_parse(SPAN("error"), &level), ERR_PARSE);
	cr_assert_eq(log_level_parse(SPAN("Info"), &level), ERR_PARSE);
	cr_assert_eq(log_level_parse(SPAN(""), &level), ERR_PARSE);
	cr_assert_eq(level, LOG_LEVEL_DEBUG);
}

/* What a function writes to stderr. */
static void capture(void (*speak)(void), struct buf *out)
{
	int before = dup(STDERR_FILENO), fd[2];
	ssize_t n;

	cr_assert_eq(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	close(fd[1]);
	speak();
	dup2(before, STDERR_FILENO);
	close(before);
	buf_init(out, 65536);
	while (buf_room(out, 4096) != NULL && (n = read(fd[0], out->data + out->len, 4096)) > 0)
		out->len += (size_t)n;
	out->data[out->len] = '\0';
	close(fd[0]);
}

static void speak_all(void)
{
	log_err("a.err", "n=%d", 1);
	log_warning("a.warning", "n=%d", 2);
	log_notice("a.notice", "n=%d", 3);
	log_info("a.info", "n=%d", 4);
	log_debug("a.debug", "n=%d", 5);
}

Test(log, under_the_journal_a_line_has_the_priority_and_no_time)
{
	CLEANUP(buf_release) struct buf out;

	setenv("JOURNAL_STREAM", "8:1", 1);
	capture(speak_all, &out);
	cr_assert_str_eq(
		out.data, "<3>a.err n=1\n<4>a.warning n=2\n<5>a.notice n=3\n<6>a.info n=4\n");
}

Test(log, elsewhere_a_line_has_time_and_level)
{
	CLEANUP(buf_release) struct buf out;
	struct wall t;
	char *space;

	unsetenv("JOURNAL_STREAM");
	capture(speak_all, &out);
	space = strchr(out.data, ' ');
	cr_assert_not_null(space);
	cr_assert_eq(wall_parse((struct span){ out.data, (size_t)(space - out.data) }, &t), ERR_OK);
	cr_assert_eq(strncmp(space, " err a.err n=1\n", 15), 0);
	cr_assert_not_null(strstr(out.data, " info a.info n=4\n"));
}

Test(log, drops_what_is_less_grave_than_the_level)
{
	CLEANUP(buf_release) struct buf some, all;

	setenv("JOURNAL_STREAM", "8:1", 1);
	log_set_level(LOG_LEVEL_WARNING);
	capture(speak_all, &some);
	cr_assert_str_eq(some.data, "<3>a.err n=1\n<4>a.warning n=2\n");
	log_set_level(LOG_LEVEL_DEBUG);
	capture(speak_all, &all);
	cr_assert_not_null(strstr(all.data, "<7>a.debug n=5\n"));
}

static void speak_long(void)
{
	log_info("a.long", "%05000d", 7);
	log_info("a.next", "n=1");
}

Test(log, a_line_too_long_is_cut_and_still_one_line)
{
	CLEANUP(buf_release) struct buf out;
	char *end;

	setenv("JOURNAL_STREAM", "8:1", 1);
	capture(speak_long, &out);
	end = strchr(out.data, '\n');
	cr_assert_not_null(end);
	cr_assert_lt(end - out.data, 4096);
	cr_assert_str_eq(end + 1, "<6>a.next n=1\n");
}
