/* SPDX-License-Identifier: Apache-2.0 */
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
