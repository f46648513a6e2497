/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "io/secmem.h"
#include "travis/env_var.h"

TestSuite(env_var, .timeout = 30);

static struct json_value root_of(const char *text)
{
	cr_assert_eq(json_gate(span_of(text), NULL, NULL), ERR_OK);
	return json_root(span_of(text));
}

static enum err find(const char *text, const char *name, const char *branch, char id[80])
{
	struct travis_env_var v = { 0 };
	enum err e = travis_env_vars_find(root_of(text), span_of(name), span_of(branch), &v);

	snprintf(id, 80, "%s%s", v.id, v.is_public ? "!" : "");
	return e;
}

static const char list[] =
	"{\"@type\":\"env_vars\",\"env_vars\":["
	"{\"id\":\"a-1\",\"name\":\"KEY\",\"value\":null,\"public\":false,"
	"\"branch\":\"main\"},"
	"{\"id\":\"a-2\",\"name\":\"KEY\",\"public\":true,\"branch\":null},"
	"{\"id\":\"a-3\",\"name\":\"OLDER\",\"public\":false},"
	"{\"id\":\"../x\",\"name\":\"CLIMBS\",\"public\":false,\"branch\":null}]}";

Test(env_var, is_found_by_name_and_branch)
{
	static const struct {
		const char *name, *branch, *id;
		enum err err;
	} table[] = {
		{ "KEY", "main", "a-1", ERR_OK },
		{ "KEY", "", "a-2!", ERR_OK },
		{ "KEY", "next", "", ERR_NOTFOUND },
		{ "OLDER", "", "a-3", ERR_OK },
		{ "OLDER", "main", "", ERR_NOTFOUND },
		{ "key", "", "", ERR_NOTFOUND },
		{ "CLIMBS", "", "", ERR_PARSE },
	};
	char id[80];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cr_assert_eq(
			find(list, table[i].name, table[i].branch, id), table[i].err, "%zu", i);
		cr_assert_str_eq(id, table[i].id);
	}
	cr_assert_eq(find("{\"env_vars\":{}}", "KEY", "", id), ERR_PARSE);
	cr_assert_eq(find("{\"@type\":\"error\"}", "KEY", "", id), ERR_PARSE);
}

Test(env_var, that_was_written_is_of_the_name_that_was_sent)
{
	struct json_value v = root_of("{\"id\":\"b-7\",\"name\":\"KEY\",\"public\":false}");
	struct travis_env_var out = { 0 };

	cr_assert_eq(travis_env_var_read(v, SPAN("KEY"), &out), ERR_OK);
	cr_assert_str_eq(out.id, "b-7");
	cr_assert_eq(travis_env_var_read(v, SPAN("OTHER"), &out), ERR_PARSE);
}

/* What a shell makes of the value when it stands in an export. */
static void shell_reads(const char *word, char out[256])
{
	char script[1024];
	FILE *p;
	size_t n;

	snprintf(script, sizeof(script), "export V=%s\nprintf %%s \"$V\"", word);
	cr_assert_eq(setenv("SCRIPT", script, 1), 0);
	p = popen("sh -c \"$SCRIPT\"", "r"); /* NOLINT(cert-env33-c) */
	cr_assert_not_null(p);
	n = fread(out, 1, 255, p);
	out[n] = '\0';
	cr_assert_eq(pclose(p), 0);
}

static void written_is_read_back(const char *value)
{
	struct secret *s = secret_new(value, strlen(value)), *body = NULL;
	CLEANUP(buf_release) struct buf word;
	struct json_value v, member;
	char seen[256];

	cr_assert_eq(travis_env_var_write(SPAN("KEY"), SPAN("a/\"b"), s, &body), ERR_OK);
	v = root_of(secret_text(body));
	buf_init(&word, 1024);
	cr_assert(json_get(v, "env_var.value", &member));
	cr_assert_eq(json_string(member, &word), ERR_OK);
	shell_reads(word.data, seen);
	cr_assert_str_eq(seen, value);
	buf_clear(&word);
	cr_assert(json_get(v, "env_var.branch", &member));
	cr_assert_eq(json_string(member, &word), ERR_OK);
	cr_assert_str_eq(word.data, "a/\"b");
	cr_assert(json_get(v, "env_var.public", &member) && !json_is_true(member));
	secret_free(body);
	secret_free(s);
}

Test(env_var, reaches_a_jobs_shell_as_it_is)
{
	static const char *const values[] = { "plain-1.2:3/4@5%6+7=8,9_", "two words", "it's",
		"$HOME `id` $(id) \\ \" ' ''", "line\none", "tab\tand \x01\x7f",
		"\xc3\xa9\xe2\x82\xac", "{\"json\": [1, \"2\"]}", "''''''", "~root", "#no comment",
		"a;b&c|d<e>f*g?h[i]!" };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		written_is_read_back(values[i]);
}

Test(env_var, is_of_all_branches_by_null_and_never_other_than_text)
{
	struct secret *plain = secret_new("v", 1), *bytes = secret_new("\xff\xfe", 2);
	struct secret *body = NULL;

	cr_assert_eq(travis_env_var_write(SPAN("KEY"), (struct span){ 0 }, plain, &body), ERR_OK);
	cr_assert_str_eq(secret_text(body), "{\"env_var.name\":\"KEY\",\"env_var.value\":\"v\","
					    "\"env_var.public\":false,\"env_var.branch\":null}");
	secret_free(body);
	cr_assert_eq(
		travis_env_var_write(SPAN("KEY"), (struct span){ 0 }, bytes, &body), ERR_PARSE);
	secret_free(plain);
	secret_free(bytes);
}
