/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/catalog.h"
#include "model/policy.h"

#define LIST1(a)    ((char *[]){ (char[]){ a }, NULL })
#define LIST2(a, b) ((char *[]){ (char[]){ a }, (char[]){ b }, NULL })
#define ALLOW                                                                                      \
	.id = (char[]){ "yes" }, .effect = (char[])                                                \
	{                                                                                          \
		"allow"                                                                            \
	}
#define DENY                                                                                       \
	.id = (char[]){ "no" }, .effect = (char[])                                                 \
	{                                                                                          \
		"deny"                                                                             \
	}
#define MINUTE_MS INT64_C(60000)

static struct entity api = {
	.ref = SPAN("component:default/parcel-api"),
	.lifecycle = SPAN("production"),
	.owner = { SPAN("group:default/payments") },
	.owners = 1,
	.tag = { SPAN("java"), SPAN("deploys") },
	.tags = 2,
};

/* alice is of the payments team, payments of the division, bob of nothing. */
static struct catalog *people(void)
{
	const struct entity e[] = {
		api,
		{ .ref = SPAN("user:default/alice"),
			.parent = { SPAN("group:default/payments") },
			.parents = 1 },
		{ .ref = SPAN("user:default/bob") },
		{ .ref = SPAN("group:default/payments"),
			.parent = { SPAN("group:default/division") },
			.parents = 1 },
		{ .ref = SPAN("group:default/division") },
	};
	struct catalog *b = catalog_new();

	for (size_t i = 0; i < ARRAY_SIZE(e); i++)
		cr_assert_eq(catalog_put(b, &e[i]), ERR_OK);
	return b;
}

static struct access wish(const char *principal)
{
	return (struct access){
		.action = ACCESS_TRIGGER,
		.principal = span_of(principal),
		.entity = &api,
		.branch = SPAN("release/1.2"),
		.token_age_ms = MINUTE_MS,
		.catalog_age_ms = MINUTE_MS,
	};
}

static struct decision decide(
	const struct policy_rule *rule, size_t n, const struct access *a, const struct catalog *c)
{
	const struct policy p = { rule, n, 15 * MINUTE_MS };

	return policy_decide(&p, a, c);
}

Test(policy, denies_what_no_rule_allows)
{
	struct catalog *c = people();
	struct access a = wish("user:default/alice");
	struct decision d = decide(NULL, 0, &a, c);

	cr_expect_eq(d.reason, POLICY_NOT_ALLOWED);
	cr_expect_null(d.rule);
	catalog_free(c);
}

Test(policy, a_rule_that_denies_wins_wherever_it_stands)
{
	const struct policy_rule first[] = { { DENY, .tag = LIST1("deploys") }, { ALLOW } };
	const struct policy_rule last[] = { { ALLOW }, { DENY, .tag = LIST1("deploys") } };
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	cr_expect_eq(decide(first, 2, &a, c).reason, POLICY_DENIED);
	cr_expect_eq(decide(last, 2, &a, c).reason, POLICY_DENIED);
	cr_expect_eq(decide(last, 2, &a, c).rule, &last[1]);
	cr_expect_eq(decide(last, 1, &a, c).reason, POLICY_ALLOWED);
	catalog_free(c);
}

Test(policy, owners_are_the_owner_and_who_belongs_to_it)
{
	const struct policy_rule r = { ALLOW, .owner = true };
	const struct {
		const char *principal;
		bool allowed;
	} row[] = {
		{ "user:default/alice", true },
		{ "group:default/payments", true },
		{ "user:default/bob", false },
		{ "group:default/division", false },
		{ "user:default/nobody", false },
		{ "agent:alice", false },
	};
	struct catalog *c = people();

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct access a = wish(row[i].principal);

		cr_expect_eq(decide(&r, 1, &a, c).reason == POLICY_ALLOWED, row[i].allowed, "%s",
			row[i].principal);
	}
	catalog_free(c);
}

Test(policy, every_condition_that_is_set_must_hold)
{
	const struct {
		struct policy_rule r;
		enum policy_condition unmet;
	} row[] = {
		{ { ALLOW }, POLICY_MET },
		{ { ALLOW, .action = LIST1("build.restart") }, POLICY_ACTION },
		{ { ALLOW, .action = LIST1("build.*") }, POLICY_MET },
		{ { ALLOW, .action = LIST2("build.read", "build.trigger") }, POLICY_MET },
		{ { ALLOW, .group = LIST1("group:default/division") }, POLICY_MET },
		{ { ALLOW, .group = LIST1("group:default/else") }, POLICY_GROUP },
		{ { ALLOW, .principal = LIST1("user:default/*") }, POLICY_MET },
		{ { ALLOW, .principal = LIST1("agent:*") }, POLICY_PRINCIPAL },
		{ { ALLOW, .kind = LIST1("component") }, POLICY_MET },
		{ { ALLOW, .kind = LIST1("api") }, POLICY_KIND },
		{ { ALLOW, .space = LIST1("default") }, POLICY_MET },
		{ { ALLOW, .space = LIST1("prod*") }, POLICY_NAMESPACE },
		{ { ALLOW, .name = LIST1("parcel-*") }, POLICY_MET },
		{ { ALLOW, .name = LIST1("parcel") }, POLICY_NAME },
		{ { ALLOW, .lifecycle = LIST1("production") }, POLICY_MET },
		{ { ALLOW, .lifecycle = LIST1("experimental") }, POLICY_LIFECYCLE },
		{ { ALLOW, .lifecycle_not = LIST1("deprecated") }, POLICY_MET },
		{ { ALLOW, .lifecycle_not = LIST1("production") }, POLICY_LIFECYCLE_NOT },
		{ { ALLOW, .tag = LIST1("java") }, POLICY_MET },
		{ { ALLOW, .tag = LIST1("rust") }, POLICY_TAG },
		{ { ALLOW, .branch = LIST2("main", "release/*") }, POLICY_MET },
		{ { ALLOW, .branch = LIST1("main") }, POLICY_BRANCH },
		{ { ALLOW, .token_age_max_ms = MINUTE_MS }, POLICY_MET },
		{ { ALLOW, .token_age_max_ms = MINUTE_MS - 1 }, POLICY_TOKEN_AGE },
		{ { ALLOW, .kind = LIST1("component"), .branch = LIST1("main") }, POLICY_BRANCH },
	};
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(policy_rule_unmet(&row[i].r, &a, c), row[i].unmet, "row %zu", i);
	catalog_free(c);
}

Test(policy, what_is_of_no_branch_meets_no_condition_on_branches)
{
	const struct policy_rule r = { ALLOW, .branch = LIST1("*") };
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	a.branch = (struct span){ 0 };
	cr_expect_eq(policy_rule_unmet(&r, &a, c), POLICY_BRANCH);
	catalog_free(c);
}

Test(policy, variables_are_covered_only_by_a_rule_that_says_so)
{
	const struct policy_rule plain = { ALLOW }, with = { ALLOW, .overrides = true };
	const struct policy_rule ban[] = { { ALLOW, .overrides = true },
		{ DENY, .overrides = true } };
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	cr_expect_eq(decide(&with, 1, &a, c).reason, POLICY_ALLOWED);
	cr_expect_eq(decide(ban, 2, &a, c).reason, POLICY_ALLOWED);
	a.overrides = true;
	cr_expect_eq(decide(&plain, 1, &a, c).reason, POLICY_NOT_ALLOWED);
	cr_expect_eq(decide(&with, 1, &a, c).reason, POLICY_ALLOWED);
	cr_expect_eq(decide(ban, 2, &a, c).reason, POLICY_DENIED);
	catalog_free(c);
}

Test(policy, a_credential_of_unknown_age_is_not_young)
{
	const struct policy_rule r = { ALLOW, .token_age_max_ms = MINUTE_MS };
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	a.token_age_ms = -1;
	cr_expect_eq(policy_rule_unmet(&r, &a, c), POLICY_TOKEN_AGE);
	catalog_free(c);
}

Test(policy, denies_by_a_catalog_that_is_old_or_was_never_read)
{
	const struct policy_rule r = { ALLOW };
	struct catalog *c = people();
	struct access a = wish("user:default/alice");

	a.catalog_age_ms = 15 * MINUTE_MS;
	cr_expect_eq(decide(&r, 1, &a, c).reason, POLICY_ALLOWED);
	cr_expect_eq(decide(&r, 1, &a, NULL).reason, POLICY_STALE_CATALOG);
	a.catalog_age_ms++;
	cr_expect_eq(decide(&r, 1, &a, c).reason, POLICY_STALE_CATALOG);
	a.catalog_age_ms = -1;
	cr_expect_eq(decide(&r, 1, &a, c).reason, POLICY_STALE_CATALOG);
	catalog_free(c);
}

Test(policy, an_agent_and_the_user_it_acts_for_must_both_be_allowed)
{
	const struct policy_rule rule[] = {
		{ ALLOW, .owner = true },
		{ ALLOW, .principal = LIST1("agent:bot"), .behalf = true },
	};
	struct catalog *c = people();
	struct access a = wish("agent:bot");

	cr_expect_eq(decide(rule, 2, &a, c).reason, POLICY_NOT_ALLOWED);
	a.behalf = SPAN("user:default/bob");
	cr_expect_eq(decide(rule, 2, &a, c).reason, POLICY_BEHALF_DENIED);
	a.behalf = SPAN("user:default/alice");
	cr_expect_eq(decide(rule, 2, &a, c).reason, POLICY_ALLOWED);
	cr_expect_eq(decide(rule, 2, &a, c).rule, &rule[1]);
	/* Being allowed through the user is not enough. */
	cr_expect_eq(decide(rule, 1, &a, c).reason, POLICY_NOT_ALLOWED);
	catalog_free(c);
}
