/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

TestSuite(json_write);

Test(json_write, puts_commas_and_colons_where_they_belong)
{
	CLEANUP(buf_release) struct buf out;
	struct json_writer w;

	buf_init(&out, 1000);
	json_writer_init(&w, &out);
	json_object_begin(&w);
	json_member_str(&w, "a", "x");
	json_member_int(&w, "b", -5);
	json_key(&w, "c");
	json_array_begin(&w);
	json_put_int(&w, 1);
	json_object_begin(&w);
	json_object_end(&w);
	json_array_begin(&w);
	json_array_end(&w);
	json_put_null(&w);
	json_put_bool(&w, true);
	json_array_end(&w);
	json_member_bool(&w, "d", false);
	json_key(&w, "e");
	json_put_raw(&w, SPAN("[1,2]"));
	json_object_end(&w);
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_str_eq(out.data,
		"{\"a\":\"x\",\"b\":-5,\"c\":[1,{},[],null,true],\"d\":false,\"e\":[1,2]}");
}

static void cr_assert_written(struct span s, const char *want)
{
	CLEANUP(buf_release) struct buf out;
	struct json_writer w;

	buf_init(&out, 1000);
	json_writer_init(&w, &out);
	json_put_span(&w, s);
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_str_eq(out.data, want);
}

Test(json_write, escapes_what_a_string_must_not_hold)
{
	cr_assert_written(SPAN(""), "\"\"");
	cr_assert_written((struct span){ NULL, 0 }, "\"\"");
	cr_assert_written(SPAN("plain"), "\"plain\"");
	cr_assert_written(SPAN("\"\\/"), "\"\\\"\\\\/\"");
	cr_assert_written(SPAN("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"");
	cr_assert_written(SPAN("\x01\x1b[0m\x1f\x7f"), "\"\\u0001\\u001b[0m\\u001f\\u007f\"");
	cr_assert_written((struct span){ "a\0b", 3 }, "\"a\\u0000b\"");
	cr_assert_written(SPAN("Gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80"),
		"\"Gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80\"");
}

Test(json_write, replaces_bytes_that_are_no_utf8_and_keeps_the_rest)
{
	cr_assert_written(SPAN("\xff"), "\"\xef\xbf\xbd\"");
	cr_assert_written(SPAN("a\xc3"), "\"a\xef\xbf\xbd\"");
	cr_assert_written(SPAN("\xc3\xa4\xff\xc3\xa4"), "\"\xc3\xa4\xef\xbf\xbd\xc3\xa4\"");
	cr_assert_written(SPAN("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	cr_assert_written(SPAN("\xe6\x97\"\n"), "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\\n\"");
}

Test(json_write, every_byte_passes_the_gate_and_reads_back)
{
	for (int c = 1; c < 256; c++) {
		char s[] = { 'a', (char)c, 'z' };
		CLEANUP(buf_release) struct buf out, back;
		struct json_writer w;

		buf_init(&out, 100);
		buf_init(&back, 100);
		json_writer_init(&w, &out);
		json_put_span(&w, (struct span){ s, sizeof(s) });
		cr_assert_eq(json_gate(buf_span(&out), NULL, NULL), ERR_OK, "byte %d", c);
		cr_assert_eq(json_string(json_root(buf_span(&out)), &back), ERR_OK);
		if (c < 0x80)
			cr_assert(span_eq(buf_span(&back), (struct span){ s, sizeof(s) }));
		else
			cr_assert_str_eq(back.data, "a\xef\xbf\xbdz");
	}
}

Test(json_write, writes_the_ends_of_the_integers)
{
	CLEANUP(buf_release) struct buf out;
	struct json_writer w;

	buf_init(&out, 100);
	json_writer_init(&w, &out);
	json_array_begin(&w);
	json_put_int(&w, INT64_MIN);
	json_put_int(&w, 0);
	json_put_int(&w, INT64_MAX);
	json_array_end(&w);
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_str_eq(out.data, "[-9223372036854775808,0,9223372036854775807]");
}

Test(json_write, writes_times_as_text_and_no_time_as_null)
{
	CLEANUP(buf_release) struct buf out;
	struct json_writer w;

	buf_init(&out, 100);
	json_writer_init(&w, &out);
	json_object_begin(&w);
	json_member_wall(&w, "at", (struct wall){ .ms = 1353688199000 });
	json_member_wall(&w, "never", WALL_NONE);
	json_object_end(&w);
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_str_eq(out.data, "{\"at\":\"2012-11-23T16:29:59Z\",\"never\":null}");
}

Test(json_write, leaves_empty_members_out_where_asked)
{
	CLEANUP(buf_release) struct buf out;
	struct json_writer w;

	buf_init(&out, 100);
	json_writer_init(&w, &out);
	json_object_begin(&w);
	json_member_opt(&w, "none", SPAN(""));
	json_member_opt(&w, "some", SPAN("x"));
	json_member_span(&w, "empty", SPAN(""));
	json_object_end(&w);
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_str_eq(out.data, "{\"some\":\"x\",\"empty\":\"\"}");
}

Test(json_write, the_first_error_sticks)
{
	/* Whatever the ceiling, it is either the whole text or an error, never a shorter text. */
	for (size_t max = 0; max < 40; max++) {
		CLEANUP(buf_release) struct buf out;
		struct json_writer w;

		buf_init(&out, max);
		json_writer_init(&w, &out);
		json_object_begin(&w);
		json_member_str(&w, "key", "a value\n");
		json_member_int(&w, "n", 1);
		json_object_end(&w);
		if (max >= sizeof("{\"key\":\"a value\\n\",\"n\":1}") - 1) {
			cr_assert_eq(json_done(&w), ERR_OK);
			cr_assert_str_eq(out.data, "{\"key\":\"a value\\n\",\"n\":1}");
		} else {
			cr_assert_eq(json_done(&w), ERR_LIMIT, "ceiling %zu", max);
			cr_assert_leq(out.len, max);
		}
	}
}
