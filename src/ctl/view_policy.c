/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ctl/view_impl.h"

/* What the policy would decide, for a person. */

static void print_rule(struct json_object *r, FILE *to)
{
	const char *unmet = jdoc_text(jdoc_member(r, "unmet"));

	fprintf(to, "  %s (%s): ", jdoc_text(jdoc_member(r, "name")),
		jdoc_text(jdoc_member(r, "effect")));
	if (unmet == NULL)
		fputs("covers it\n", to);
	else
		fprintf(to, "does not cover it, for its %s\n", unmet);
}

static void print_decision(struct json_object *root, FILE *to)
{
	struct json_object *rules = jdoc_member(root, "rules");

	fprintf(to, "%s\n", jdoc_is_true(jdoc_member(root, "allowed")) ? "allowed" : "denied");
	print_fact(root, "reason", "reason", to);
	print_fact(root, "rule", "rule", to);
	print_fact(root, "action", "action", to);
	print_fact(root, "principal", "principal", to);
	print_fact(root, "for", "on_behalf_of", to);
	print_fact(root, "branch", "branch", to);
	if (jdoc_is_true(jdoc_member(root, "env_override")))
		print_fact(root, "variables", "env_override", to);
	print_fact(root, "entity", "entity", to);
	print_fact(root, "owners", "owners", to);
	fputs("\nThe rules in force say:\n", to);
	for (size_t i = 0; i < jdoc_count(rules); i++)
		print_rule(jdoc_at(rules, i), to);
	if (jdoc_count(rules) == 0)
		fputs("  nothing: there are none, and so nobody may do anything\n", to);
}

enum err view_policy_explain(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print_decision(root, to);
	jdoc_free(root);
	return e;
}

/* "allow by rule owners", "deny, no-rule". */
static void print_got(struct json_object *o, FILE *to)
{
	const char *rule = jdoc_text(jdoc_member(o, "rule"));

	fputs(jdoc_text(jdoc_member(o, "got")), to);
	if (rule != NULL)
		fprintf(to, " by rule %s", rule);
	else
		fprintf(to, ", %s", jdoc_text(jdoc_member(o, "reason")));
}

static void print_case(const char *file, struct json_object *o, FILE *to)
{
	const char *name = jdoc_text(jdoc_member(o, "name"));
	const char *rule = jdoc_text(jdoc_member(o, "expect_rule"));

	fprintf(to, "%s:%" PRId64 ": ", file, jdoc_int(jdoc_member(o, "line"), 0));
	if (name != NULL)
		fprintf(to, "%s: ", name);
	fprintf(to, "expected %s", jdoc_text(jdoc_member(o, "expect")));
	if (rule != NULL)
		fprintf(to, " by rule %s", rule);
	fputs(", got ", to);
	print_got(o, to);
	fputc('\n', to);
}

static enum err print_cases(struct json_object *root, FILE *to)
{
	struct json_object *items = jdoc_member(root, "items");
	const char *file = jdoc_text(jdoc_member(root, "file"));
	int64_t failed = jdoc_int(jdoc_member(root, "failed"), -1);

	if (file == NULL || failed < 0)
		return ERR_PARSE;
	for (size_t i = 0; to != NULL && i < jdoc_count(items); i++) {
		if (!jdoc_is_true(jdoc_member(jdoc_at(items, i), "passed")))
			print_case(file, jdoc_at(items, i), to);
	}
	if (to != NULL)
		fprintf(to, "%" PRId64 " cases, %" PRId64 " not as expected\n",
			jdoc_int(jdoc_member(root, "cases"), 0), failed);
	return failed == 0 ? ERR_OK : ERR_IO;
}

enum err view_policy_test(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		e = print_cases(root, to);
	jdoc_free(root);
	return e;
}
