/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_gate.h"
#include "base/json_read.h"

TestSuite(json_read);

static struct json_value root_of(const char *text)
{
	cr_assert_eq(json_gate(span_of(text), NULL, NULL), ERR_OK, "%s", text);
	return json_root(span_of(text));
}

Test(json_read, root_is_the_one_value_without_the_space_around_it)
{
	static const struct {
		const char *text;
		enum json_type type;
		const char *value;
	} cases[] = {
		{ "{}", JSON_OBJECT, "{}" },
		{ " \n[1, 2]\t ", JSON_ARRAY, "[1, 2]" },
		{ "\r\n{ \"a\" : 1 }\r\n", JSON_OBJECT, "{ \"a\" : 1 }" },
		{ " \"a b\" ", JSON_STRING, "\"a b\"" },
		{ "\"\\\"\"", JSON_STRING, "\"\\\"\"" },
		{ "-1.5e3 ", JSON_NUMBER, "-1.5e3" },
		{ "true", JSON_BOOL, "true" },
		{ " false", JSON_BOOL, "false" },
		{ "null\n", JSON_NULL, "null" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_value v = root_of(cases[i].text);

		cr_assert_eq(v.type, cases[i].type, "%s", cases[i].text);
		cr_assert(span_is(v.text, cases[i].value), "%s", cases[i].text);
	}
}

Test(json_read, walks_members_in_their_order)
{
	struct json_iter it = json_iter(root_of(
		" { \"a\" : 1 ,\"b\":[1,{\"x\":\"]}\"}],\n\"\":{},\"d\":\"\\\"\" , \"e\":null } "));
	static const char *const names[] = { "a", "b", "", "d", "e" };
	static const char *const values[] = { "1", "[1,{\"x\":\"]}\"}]", "{}", "\"\\\"\"", "null" };
	struct json_value v;
	struct span name;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cr_assert(json_next_member(&it, &name, &v));
		cr_assert(span_is(name, names[i]));
		cr_assert(span_is(v.text, values[i]), "%.*s", SPAN_ARGS(v.text));
	}
	cr_assert_not(json_next_member(&it, &name, &v));
	cr_assert_not(json_next_member(&it, &name, &v), "and it stays at the end");
}

Test(json_read, walks_elements_of_every_kind)
{
	struct json_iter it =
		json_iter(root_of("[ 1,\"a,b\" ,[[],{}],{\"a\":[\"[\"]},true , null]"));
	static const char *const values[] = { "1", "\"a,b\"", "[[],{}]", "{\"a\":[\"[\"]}", "true",
		"null" };
	struct json_value v;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		cr_assert(json_next_element(&it, &v));
		cr_assert(span_is(v.text, values[i]), "%.*s", SPAN_ARGS(v.text));
	}
	cr_assert_not(json_next_element(&it, &v));
}

Test(json_read, walks_nothing_where_there_is_nothing)
{
	static const char *const texts[] = { "{}", "[]", "[ ]", "{ \n}", "1", "\"{}\"", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_iter it = json_iter(root_of(texts[i]));
		struct json_value v;
		struct span name;

		cr_assert_not(json_next_element(&it, &v), "%s", texts[i]);
		cr_assert_not(json_next_member(&it, &name, &v), "%s", texts[i]);
	}
}

Test(json_read, names_are_compared_with_their_escapes_resolved)
{
	cr_assert(json_name_is(SPAN("state"), "state"));
	cr_assert(json_name_is(SPAN("st\\u0061te"), "state"));
	cr_assert(json_name_is(SPAN("\\/"), "/"));
	cr_assert(json_name_is(SPAN(""), ""));
	cr_assert_not(json_name_is(SPAN("state2"), "state"));
	cr_assert_not(json_name_is(SPAN("stat"), "state"));
	cr_assert_not(json_name_is(SPAN("\\u0061"), "\\u0061"));
}

Test(json_read, gets_a_member_by_name_or_a_null)
{
	struct json_value o = root_of("{\"a\":1,\"b\":{\"a\":2},\"c\\u0021\":3}"), v;

	cr_assert(json_get(o, "b", &v));
	cr_assert_eq(v.type, JSON_OBJECT);
	cr_assert(json_get(v, "a", &v));
	cr_assert(span_is(v.text, "2"));
	cr_assert(json_get(o, "c!", &v));
	cr_assert_not(json_get(o, "d", &v));
	cr_assert_eq(v.type, JSON_NULL);
	cr_assert_not(json_get(root_of("[\"a\"]"), "a", &v));
	cr_assert_not(json_get(root_of("\"a\""), "a", &v));
	cr_assert_eq(v.type, JSON_NULL);
}

Test(json_read, resolves_every_escape)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "\"\"", "" },
		{ "\"plain\"", "plain" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00e4\\u65E5\"", "A\xc3\xa4\xe6\x97\xa5" },
		{ "\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!" },
		{ "\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
			"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
		{ "\"\\\\u0041\"", "\\u0041" },
		{ "\"\\\\\\\\\"", "\\\\" },
		{ "\"raw \xc3\xa4\"", "raw \xc3\xa4" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_release) struct buf out;

		buf_init(&out, 100);
		cr_assert_eq(json_string(root_of(cases[i].text), &out), ERR_OK);
		cr_assert_str_eq(out.data, cases[i].plain);
	}
}

Test(json_read, string_is_a_string_and_fits)
{
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 3);
	cr_assert_eq(json_string(root_of("1"), &out), ERR_PARSE);
	cr_assert_eq(json_string(root_of("null"), &out), ERR_PARSE);
	cr_assert_eq(json_string(root_of("[\"a\"]"), &out), ERR_PARSE);
	cr_assert_eq(json_string(root_of("\"abcd\""), &out), ERR_LIMIT);
	cr_assert_eq(json_string(root_of("\"abc\""), &out), ERR_OK);
	cr_assert_str_eq(out.data, "abc");
}

Test(json_read, plain_is_a_string_without_escapes)
{
	struct span s = SPAN("before");

	cr_assert_eq(json_plain(root_of("\"a\\n\""), &s), ERR_PARSE);
	cr_assert_eq(json_plain(root_of("1"), &s), ERR_PARSE);
	cr_assert(span_is(s, "before"));
	cr_assert_eq(json_plain(root_of("\"passed\""), &s), ERR_OK);
	cr_assert(span_is(s, "passed"));
	cr_assert_eq(json_plain(root_of("\"\""), &s), ERR_OK);
	cr_assert_eq(s.n, 0);
}

Test(json_read, int_is_a_whole_number_that_fits)
{
	static const struct {
		const char *text;
		int64_t n;
	} good[] = { { "0", 0 }, { "-0", 0 }, { "7", 7 }, { "-7", -7 },
		{ "9223372036854775807", INT64_MAX }, { "-9223372036854775808", INT64_MIN } };
	static const char *const bad[] = { "9223372036854775808", "-9223372036854775809",
		"18446744073709551616", "100000000000000000000000", "1.0", "1e3", "1E0", "0.5",
		"\"7\"", "null", "true", "[7]" };
	int64_t n = 42;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_assert_eq(json_int(root_of(bad[i]), &n), ERR_PARSE, "%s", bad[i]);
		cr_assert_eq(n, 42, "%s", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_assert_eq(json_int(root_of(good[i].text), &n), ERR_OK, "%s", good[i].text);
		cr_assert_eq(n, good[i].n);
	}
}

Test(json_read, true_is_only_true)
{
	cr_assert(json_is_true(root_of("true")));
	cr_assert_not(json_is_true(root_of("false")));
	cr_assert_not(json_is_true(root_of("\"true\"")));
	cr_assert_not(json_is_true(root_of("1")));
	cr_assert_not(json_is_true(root_of("null")));
}

Test(json_read, finds_the_end_of_strings_of_every_length)
{
	/* Quotes and backslashes at every place of the eight bytes looked at together. */
	for (int n = 0; n < 24; n++) {
		for (int at = 0; at <= n; at++) {
			CLEANUP(buf_release) struct buf text;
			struct json_iter it;
			struct json_value v;

			buf_init(&text, 100);
			cr_assert_eq(buf_addf(&text, "[\"%.*s\\\"\\\\%.*s\",7]", at,
					     "abcdefghijklmnopqrstuvwxyz", n - at,
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
				ERR_OK);
			it = json_iter(root_of(text.data));
			cr_assert(json_next_element(&it, &v));
			cr_assert_eq(v.text.n, (size_t)n + 6, "%s", text.data);
			cr_assert(json_next_element(&it, &v));
			cr_assert(span_is(v.text, "7"));
		}
	}
}
