/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_gate.h"

TestSuite(json_gate);

static void cr_assert_gate(struct span text, enum err want)
{
	/* On the heap and not NUL terminated, so that a sanitizer sees a read past the end. */
	char *copy = malloc(text.n == 0 ? 1 : text.n);
	size_t at = 99999;

	cr_assert_not_null(copy);
	memcpy(copy, text.p, text.n);
	cr_assert_eq(
		json_gate((struct span){ copy, text.n }, NULL, &at), want, "%.*s", SPAN_ARGS(text));
	if (want == ERR_OK)
		cr_assert_eq(at, 99999);
	else
		cr_assert_leq(at, text.n, "%.*s", SPAN_ARGS(text));
	free(copy);
}

static void cr_assert_all(const char *const *texts, size_t n, enum err want)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_gate(span_of(texts[i]), want);
}

#define ACCEPTS(...)                                                                               \
	do {                                                                                       \
		static const char *const texts[] = { __VA_ARGS__ };                                \
		cr_assert_all(texts, ARRAY_SIZE(texts), ERR_OK);                                   \
	} while (0)
#define REFUSES(...)                                                                               \
	do {                                                                                       \
		static const char *const texts[] = { __VA_ARGS__ };                                \
		cr_assert_all(texts, ARRAY_SIZE(texts), ERR_PARSE);                                \
	} while (0)

Test(json_gate, takes_every_kind_of_document)
{
	ACCEPTS("{}", "[]", "\"\"", "0", "true", "false", "null", "[1]", "{\"a\":1}", "[[]]",
		"[{}]", "{\"a\":{}}", "{\"a\":[]}", "[[],[],{}]", "[null,true,false]",
		"{\"a\":1,\"b\":2}", "{\"\":0}", "[\"a\",\"b\"]", "[[[[[[[[]]]]]]]]",
		"{\"a\":{\"b\":{\"c\":[{\"d\":null}]}}}");
}

Test(json_gate, takes_white_space_between_tokens_and_nowhere_else)
{
	ACCEPTS(" {}", "{} ", "\t\n\r 1\r\n\t ", "[ ]", "{ }", "[ 1 , 2 ]",
		" { \"a\" : 1 , \"b\" : [ ] } ", "[\n1\n]", "\n\n\n[]");
	REFUSES("", " ", "\n", "\f[]", "\v1", "[1\f]", "\xc2\xa0[]", "[\xe2\x80\xa8]", "tr ue",
		"1 2", "- 1", "1 .5", "{\"a\" \"b\"}", "\xef\xbb\xbf{}", "\xef\xbb\xbf");
}

Test(json_gate, refuses_what_follows_the_document)
{
	REFUSES("{}{}", "[]]", "{}}", "1 1", "null,", "\"a\"b", "[],", "{}#", "[]//c", "[]/**/",
		"truefalse", "nullx", "[] []");
	cr_assert_gate((struct span){ "{}\0", 3 }, ERR_PARSE);
	cr_assert_gate((struct span){ "1\0", 2 }, ERR_PARSE);
	cr_assert_gate((struct span){ "\0", 1 }, ERR_PARSE);
}

Test(json_gate, refuses_structure_that_is_off)
{
	REFUSES("[", "]", "{", "}", "[1", "[1,", "[,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1:2]",
		"{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\"::1}",
		"{\"a\",1}", "{1:1}", "{a:1}", "{'a':1}", "{null:1}", "{\"a\":1,,\"b\":2}",
		"{\"a\":1", "{\"a\":", "{\"a\"", "{\"a", "{\"", "[}", "{]", "[{]}", "{\"a\":[}",
		"{[]:1}", "[\"a\":1]", "{:1}", "{,\"a\":1}", "[[]", "[]]", "{\"a\":{}", ":", ",");
}

Test(json_gate, takes_the_three_words_and_no_others)
{
	REFUSES("True", "TRUE", "tru", "t", "fals", "f", "nul", "n", "nil", "undefined", "NaN",
		"nan", "Infinity", "-Infinity", "-NaN", "inf", "None", "[truE]", "[nul]", "nulll");
}

Test(json_gate, takes_numbers_by_the_grammar)
{
	ACCEPTS("0", "-0", "1", "-1", "10", "123456789012345678901234567890", "0.0", "-0.0", "1.5",
		"0.000001", "1e1", "1E1", "1e+1", "1e-1", "1E+01", "0e0", "0E-0", "-0e-0",
		"1.5e300", "1e99999", "[0,-0]", "{\"a\":-1.5E-7}");
	REFUSES("-", "+1", "01", "-01", "00", "1.", ".1", "-.1", "1.e1", "1e", "1e+", "1e-", "1E",
		"1.5e", "0x1", "0b1", "1_000", "1,5", "--1", "-a", "1e1.5", "1e1e1", "0.1.2", "1a",
		"[01]", "[1.]", "[-]", "[.5]", "[1e]", "\xef\xbc\x91", "1-", "-0-", "0-1", "1+1",
		"[-01]", "[1ea]", "[0e+]", "\xd9\xa1");
}

Test(json_gate, takes_the_escapes_of_the_rfc_and_no_others)
{
	ACCEPTS("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\"", "\"\\u00e4\\u00E4\"",
		"\"\\uFFFF\"", "\"\\u0001\"", "\"\\u001f\\u007f\"", "\"\\\\u0000\"",
		"\"\\u2028\\u2029\"", "\"a\\\"\"", "\"\\\\\"", "\"\\\\\\\\\"",
		"\"\\uD7FF\\uE000\"");
	REFUSES("\"\\", "\"\\\"", "\"\\a\"", "\"\\v\"", "\"\\0\"", "\"\\x41\"", "\"\\'\"",
		"\"\\ \"", "\"\\U0041\"", "\"\\u\"", "\"\\u0\"", "\"\\u00\"", "\"\\u004\"",
		"\"\\u004g\"", "\"\\u-041\"", "\"\\u 041\"", "\"\\u004", "\"\\u0041", "\"\\\n\"",
		"\"\\\xc3\xa4\"", "\"\\\\\\\"");
}

Test(json_gate, refuses_nul_however_it_is_written)
{
	REFUSES("\"\\u0000\"", "\"a\\u0000b\"", "{\"a\\u0000\":1}", "[\"\\u0000\"]");
	cr_assert_gate((struct span){ "\"a\0b\"", 5 }, ERR_PARSE);
	cr_assert_gate((struct span){ "{\"a\0b\":1}", 9 }, ERR_PARSE);
}

Test(json_gate, takes_surrogates_in_pairs_only)
{
	ACCEPTS("\"\\uD83D\\uDE00\"", "\"\\ud83d\\ude00\"", "\"\\uD800\\uDC00\"",
		"\"\\uDBFF\\uDFFF\"", "\"x\\uD834\\uDD1Ey\"", "{\"\\uD834\\uDD1E\":1}");
	REFUSES("\"\\uD800\"", "\"\\uDBFF\"", "\"\\uDC00\"", "\"\\uDFFF\"", "\"\\uD800\\uD800\"",
		"\"\\uDC00\\uD800\"", "\"\\uD800x\"", "\"\\uD800\\n\"", "\"\\uD800\\u0041\"",
		"\"\\uD800\\\"", "\"\\uD800\\u\"", "\"\\uD800\\uDC0\"", "\"\\uD800 \\uDC00\"",
		"{\"\\uD800\":1}", "\"\\uD83D\\uDE00\\uDE00\"", "\"\\uD800", "\"\\uD800\\",
		"\"\\uD800\\u", "\"\\uD800\\uDC00");
}

Test(json_gate, refuses_control_characters_in_strings)
{
	for (int c = 0; c < 0x20; c++) {
		char text[] = "[\"ab?cd\"]", name[] = "{\"?\":1}";

		text[4] = (char)c;
		name[2] = (char)c;
		cr_assert_gate((struct span){ text, sizeof(text) - 1 }, ERR_PARSE);
		cr_assert_gate((struct span){ name, sizeof(name) - 1 }, ERR_PARSE);
	}
	ACCEPTS("\"\x7f\"");
}

Test(json_gate, takes_well_formed_utf8_only)
{
	ACCEPTS("\"\xc3\xa4\"", "\"\xe6\x97\xa5\"", "\"\xf0\x9f\x98\x80\"", "\"\xed\x9f\xbf\"",
		"\"\xf4\x8f\xbf\xbf\"", "\"\xef\xbf\xbf\"", "\"\xe2\x80\xa8\"",
		"{\"\xc3\xa4\":\"\\n\xc3\xa4\\n\"}", "\"\xef\xbb\xbf\"", "\"\xc2\x80\"");
	REFUSES("\"\x80\"", "\"\xbf\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"",
		"\"\xf0\x80\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xff\"", "\"\xfe\"", "\"\xc3\"",
		"\"\xe6\x97\"", "\"\xf0\x9f\x98\"", "\"abc\xc3\"", "\"\xc3\\n\xa4\"",
		"{\"\xc3\":1}", "\"\xc3\xa4", "\"a\\n\xe9\"", "[\xc3\xa4]", "\xc3\xa4");
}

/* The fast scan takes eight bytes at once: put what matters at every place in them. */
Test(json_gate, sees_what_matters_at_every_place_of_a_long_string)
{
	static const struct {
		const char *piece;
		enum err want;
	} pieces[] = { { "\\n", ERR_OK }, { "\x1f", ERR_PARSE }, { "\n", ERR_PARSE },
		{ "\xff", ERR_PARSE }, { "\xc3\xa4", ERR_OK }, { "\xa4", ERR_PARSE },
		{ "\\q", ERR_PARSE }, { "\"", ERR_PARSE }, { "!", ERR_OK }, { " ", ERR_OK },
		{ "\x7f", ERR_OK }, { "\\uD800", ERR_PARSE }, { "\xe2\x80\xa8", ERR_OK },
		{ "\x80", ERR_PARSE }, { "\xa2", ERR_PARSE }, { "\xdc", ERR_PARSE } };

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (int before = 0; before < 20; before++) {
			for (int after = 0; after < 20; after++) {
				char text[128];
				int n = snprintf(text, sizeof(text), "[\"%.*s%s%.*s\"]", before,
					"abcdefghijklmnopqrstuvwxyz", pieces[i].piece, after,
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ");

				cr_assert_gate((struct span){ text, (size_t)n }, pieces[i].want);
			}
		}
	}
}

Test(json_gate, refuses_a_member_that_is_there_twice)
{
	REFUSES("{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"\":1,\"\":2}",
		"{\"x\":{\"a\":1,\"a\":2}}", "[{\"a\":1,\"a\":2}]", "{\"a\":{},\"a\":[]}",
		"{\"a\":{\"b\":1},\"a\":2}", "{\"\xc3\xa4\":1,\"\xc3\xa4\":2}");
	ACCEPTS("{\"a\":1,\"A\":2}", "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]",
		"{\"a\":[{\"a\":1},{\"a\":2}],\"b\":1}", "{\"a\":1,\"a \":2,\" a\":3,\"aa\":4}",
		"{\"a\":{\"b\":1},\"b\":{\"a\":1}}");
}

Test(json_gate, knows_the_twin_of_an_escaped_name)
{
	REFUSES("{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":1,\"a\":2}",
		"{\"\\u0061\":1,\"\\u0061\":2}", "{\"a/b\":1,\"a\\/b\":2}",
		"{\"\\n\":1,\"\\u000a\":2}", "{\"\\u000A\":1,\"\\u000a\":2}",
		"{\"\xc3\xa4\":1,\"\\u00e4\":2}", "{\"\\u00C4\":1,\"\xc3\x84\":2}",
		"{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}", "{\"state\":1,\"st\\u0061te\":2}",
		"{\"\\\"\":1,\"\\u0022\":2}", "{\"\\\\\":1,\"\\u005c\":2}");
	ACCEPTS("{\"a\":1,\"\\\\u0061\":2}", "{\"\\n\":1,\"n\":2}",
		"{\"\\u0061\":1,\"\\u0062\":2}");
}

Test(json_gate, finds_a_twin_among_very_many_names)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1 << 20);
	cr_assert_eq(buf_add_str(&text, "{"), ERR_OK);
	for (int i = 0; i < 15000; i++)
		cr_assert_eq(buf_addf(&text, "\"name%d\":%d,", i, i), ERR_OK);
	cr_assert_eq(buf_add_str(&text, "\"last\":0}"), ERR_OK);
	cr_assert_gate(buf_span(&text), ERR_OK);
	text.len--;
	cr_assert_eq(buf_add_str(&text, ",\"name7777\":0}"), ERR_OK);
	cr_assert_gate(buf_span(&text), ERR_PARSE);
}

static void nest(struct buf *text, const char *open, const char *middle, const char *close, int n)
{
	for (int i = 0; i < n; i++)
		cr_assert_eq(buf_add_str(text, open), ERR_OK);
	cr_assert_eq(buf_add_str(text, middle), ERR_OK);
	for (int i = 0; i < n; i++)
		cr_assert_eq(buf_add_str(text, close), ERR_OK);
}

Test(json_gate, holds_the_limit_of_depth)
{
	static const struct {
		unsigned limit;
		int deepest;
	} cases[] = { { 0, 32 }, { 1, 1 }, { 2, 2 }, { 33, 33 }, { 128, 128 }, { 1000000, 128 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_limits limits = { .depth = cases[i].limit };
		CLEANUP(buf_release) struct buf fits, over, members;

		buf_init(&fits, 4096);
		buf_init(&over, 4096);
		buf_init(&members, 4096);
		nest(&fits, "[", "", "]", cases[i].deepest);
		nest(&over, "[", "", "]", cases[i].deepest + 1);
		nest(&members, "{\"a\":", "{}", "}", cases[i].deepest);
		cr_assert_eq(json_gate(buf_span(&fits), &limits, NULL), ERR_OK);
		cr_assert_eq(json_gate(buf_span(&over), &limits, NULL), ERR_LIMIT);
		cr_assert_eq(json_gate(buf_span(&members), &limits, NULL), ERR_LIMIT);
	}
}

Test(json_gate, depth_counts_what_is_open_and_not_what_was)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1 << 16);
	cr_assert_eq(buf_add_str(&text, "["), ERR_OK);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(buf_add_str(&text, "[[]],"), ERR_OK);
	cr_assert_eq(buf_add_str(&text, "0]"), ERR_OK);
	cr_assert_eq(json_gate(buf_span(&text), &(struct json_limits){ .depth = 3 }, NULL), ERR_OK);
	cr_assert_eq(
		json_gate(buf_span(&text), &(struct json_limits){ .depth = 2 }, NULL), ERR_LIMIT);
}

Test(json_gate, holds_the_budget_of_values)
{
	static const struct {
		const char *text;
		unsigned values;
	} cases[] = { { "1", 1 }, { "[]", 1 }, { "[1,2]", 3 }, { "{\"a\":1}", 2 },
		{ "{\"a\":{},\"b\":[null,true]}", 5 }, { "\"a\"", 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_limits limits = { .values = cases[i].values };

		cr_assert_eq(json_gate(span_of(cases[i].text), &limits, NULL), ERR_OK);
		if (cases[i].values == 1)
			continue;
		limits.values--;
		cr_assert_eq(json_gate(span_of(cases[i].text), &limits, NULL), ERR_LIMIT);
	}
}

Test(json_gate, refuses_a_bomb_of_empty_objects_by_default)
{
	CLEANUP(buf_release) struct buf text;
	size_t at = 0;

	buf_init(&text, 2 << 20);
	cr_assert_eq(buf_add_str(&text, "["), ERR_OK);
	for (int i = 0; i < 350000; i++)
		cr_assert_eq(buf_add_str(&text, "{},"), ERR_OK);
	cr_assert_eq(buf_add_str(&text, "{}]"), ERR_OK);
	cr_assert_eq(json_gate(buf_span(&text), NULL, &at), ERR_LIMIT);
	cr_assert_lt(at, 70000, "it stops where the budget is spent");
}

Test(json_gate, says_where_it_went_wrong)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "", 0 }, { "x", 0 }, { "[1,x]", 3 }, { "{\"a\":1}x", 7 }, { "[1 2]", 3 },
		{ "  tru", 2 }, { "{\"a\" 1}", 6 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t at = 999;

		cr_assert_eq(json_gate(span_of(cases[i].text), NULL, &at), ERR_PARSE);
		cr_assert_eq(at, cases[i].at, "%s at %zu", cases[i].text, at);
	}
}

Test(json_gate, refuses_every_proper_prefix_of_a_document)
{
	static const char text[] = "{\"id\":1,\"s\":\"\\u00e4\\ud83d\\ude00\xc3\xa4\",\"l\":[true,"
				   "false,null,-1.5e+3,{\"x\":{}}]}";

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		cr_assert_gate((struct span){ text, n }, ERR_PARSE);
	cr_assert_gate(SPAN(text), ERR_OK);
	cr_assert_eq(json_gate((struct span){ NULL, 0 }, NULL, NULL), ERR_PARSE);
}
