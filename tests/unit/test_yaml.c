/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/yaml.h"

static const struct yaml_limits limits = { .bytes_max = 4096, .nodes_max = 40, .depth_max = 5 };

/* The one document of a text that must be fine; freed by doc_free(). */
static struct yaml_node **doc_of(const char *text)
{
	struct yaml_error why = { 0 };
	struct yaml_node **docs;
	size_t n;
	enum err e = yaml_parse(span_of(text), &limits, &docs, &n, &why);

	cr_assert_eq(e, ERR_OK, "%u:%u: %s", why.line, why.column, why.text);
	cr_assert_eq(n, 1);
	return docs;
}

static void doc_free(struct yaml_node ***docs)
{
	yaml_free_all(*docs, 1);
}

Test(yaml, remembers_where_every_value_stood)
{
	CLEANUP(doc_free) struct yaml_node **doc = doc_of("a: 1\nb:\n  - x\n  - {c: \"y\"}\n");
	const struct yaml_node *list = yaml_get(doc[0], "b");

	cr_assert_eq(list->type, YAML_SEQUENCE);
	cr_assert_eq(list->count, 2);
	cr_assert_eq(list->item[0]->line, 3);
	cr_assert_eq(list->item[0]->column, 5);
	cr_assert_str_eq(yaml_get_text(list->item[1], "c"), "y");
	cr_assert_eq(yaml_get(list->item[1], "c")->column, 9);
}

Test(yaml, counts_columns_in_characters)
{
	CLEANUP(doc_free) struct yaml_node **doc = doc_of("{\"\xc3\xa4\xc3\xb6\": x}");

	cr_assert_eq(doc[0]->item[0]->column, 8);
}

Test(yaml, tells_quoted_text_from_plain)
{
	CLEANUP(doc_free)
	struct yaml_node **doc = doc_of("[5, \"5\", '5', !!str 5, !!int \"5\", \"\", ~]");
	static const bool quoted[] = { false, true, true, true, false, true, false };

	for (size_t i = 0; i < ARRAY_SIZE(quoted); i++)
		cr_assert_eq(doc[0]->item[i]->quoted, quoted[i], "item %zu", i);
	cr_assert(yaml_is_null(doc[0]->item[6]));
	cr_assert_not(yaml_is_null(doc[0]->item[5]));
}

Test(yaml, keeps_every_entry_of_long_lists_and_mappings)
{
	CLEANUP(doc_free)
	struct yaml_node **doc = doc_of("{a: 0, b: 1, c: 2, d: 3, e: 4, f: 5, g: 6, h: 7, i: 8}");
	char key[2] = "a";

	cr_assert_eq(doc[0]->count, 9);
	for (; key[0] <= 'i'; key[0]++)
		cr_assert_eq(atoi(yaml_get_text(doc[0], key)), key[0] - 'a');
}

Test(yaml, looking_up_in_what_is_no_mapping_finds_nothing)
{
	CLEANUP(doc_free) struct yaml_node **doc = doc_of("[a]");

	cr_assert_null(yaml_get(NULL, "a"));
	cr_assert_null(yaml_get(doc[0], "a"));
	cr_assert_null(yaml_get_text(doc[0], "a"));
}

Test(yaml, leaves_empty_documents_out)
{
	struct yaml_error why;
	struct yaml_node **docs;
	size_t n;

	cr_assert_eq(yaml_parse(SPAN("---\n---\na: 1\n---\n# no more\n...\n---\nb"), &limits, &docs,
			     &n, &why),
		ERR_OK);
	cr_assert_eq(n, 2);
	cr_assert_str_eq(docs[1]->text, "b");
	yaml_free_all(docs, n);
	cr_assert_eq(yaml_parse((struct span){ 0 }, &limits, &docs, &n, &why), ERR_OK);
	cr_assert_eq(n, 0);
	yaml_free_all(docs, n);
}

struct refusal {
	const char *text;
	enum err err;
	const char *why;
};

#define ALIAS                                                                                      \
	"aliases (*name) are not supported; write the value out, or put text that begins with "    \
	"'*' in quotes"
#define ANCHOR "anchors (&name) are not supported; put text that begins with '&' in quotes"
#define TAG    "this tag is not supported; put text that begins with '!' in quotes"

static const struct refusal refusals[] = {
	{ "a: 1\nb: 2\na: 3\n", ERR_PARSE, "3:1: the key 'a' is on line 1 already" },
	{ "{a: 1, \"a\": 2}", ERR_PARSE, "1:8: the key 'a' is on line 1 already" },
	{ "a: *b\n", ERR_PARSE, "1:4: " ALIAS },
	{ "a: [*b]\n", ERR_PARSE, "1:5: " ALIAS },
	{ "a: &b c\n", ERR_PARSE, "1:4: " ANCHOR },
	{ "a: &b\n  c: d\n", ERR_PARSE, "1:4: " ANCHOR },
	{ "a: !!binary aGk=\n", ERR_PARSE, "1:4: " TAG },
	{ "a: !ruby/object {}\n", ERR_PARSE, "1:4: " TAG },
	{ "a: !!set {}\n", ERR_PARSE, "1:4: " TAG },
	{ "<<: {a: b}\n", ERR_PARSE, "1:1: merging (<<) is not supported; write the values out" },
	{ "? [a]\n: b\n", ERR_PARSE, "1:3: a key must be a plain text" },
	{ "a: \"x\\0y\"\n", ERR_PARSE, "1:4: a text with a zero byte in it" },
	{ "a:\n\tb: 1\n", ERR_PARSE, "2:1: a tab cannot indent YAML; use spaces" },
	{ "a: @b\n", ERR_PARSE, "1:4: a text cannot begin with this character; put it in quotes" },
	{ "a: b: c\n", ERR_PARSE,
		"1:5: a second ':' or a wrong indent; put text that contains ': ' in quotes" },
	{ "a: [1, 2\n", ERR_PARSE,
		"2:1: did not find expected ',' or ']' while parsing a flow sequence that begins "
		"on line 1" },
	{ "a: 1\n b: 2\n", ERR_PARSE,
		"2:3: a second ':' or a wrong indent; put text that contains ': ' in quotes" },
	{ "ok: 1\nb: \xff\n", ERR_PARSE, "2:4: a byte that is no printable UTF-8 text" },
	{ "b: \x01\n", ERR_PARSE, "1:4: a byte that is no printable UTF-8 text" },
	{ "[[[[[[a]]]]]]", ERR_LIMIT, "1:6: nested too deeply" },
	{ "[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]",
		ERR_LIMIT, "1:80: too many values" },
};

Test(yaml, says_in_a_sentence_what_is_wrong_and_where)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct yaml_error why = { 0 };
		struct yaml_node **docs;
		char said[300];
		size_t n;

		cr_expect_eq(yaml_parse(span_of(r->text), &limits, &docs, &n, &why), r->err);
		snprintf(said, sizeof(said), "%u:%u: %s", why.line, why.column, why.text);
		cr_expect_str_eq(said, r->why, "%s\nsays  %s\nnot   %s", r->text, said, r->why);
	}
}

Test(yaml, refuses_a_text_over_its_bound_unread)
{
	CLEANUP(freep) char *text = xcalloc(limits.bytes_max + 1, 1);
	struct yaml_error why;
	struct yaml_node **docs;
	size_t n;

	memset(text, '[', limits.bytes_max + 1);
	cr_assert_eq(
		yaml_parse((struct span){ text, limits.bytes_max + 1 }, &limits, &docs, &n, &why),
		ERR_LIMIT);
	cr_assert_str_eq(why.text, "too large");
}
