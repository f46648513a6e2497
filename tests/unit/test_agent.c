/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/defs.h"
#include "base/json_gate.h"
#include "model/agent.h"

/* Of a token of GitHub Actions, as its documentation has it. */
#define CLAIMS                                                                                     \
	"{\"iss\":\"https://token.actions.githubusercontent.com\","                                \
	"\"sub\":\"repo:octo-org/octo-repo:environment:prod\",\"repository_id\":\"74\","           \
	"\"run_attempt\":2,\"ref\":\"refs\\/heads\\/main\",\"score\":1.5,\"public\":true,"         \
	"\"roles\":[\"admin\"],\"https://example.com/team\":\"blue\",\"empty\":\"\"}"

static struct json_value claims(void)
{
	static const char text[] = CLAIMS;
	struct span json = { text, sizeof(text) - 1 };

	cr_assert_eq(json_gate(json, NULL, NULL), ERR_OK);
	return json_root(json);
}

static size_t find(char **wanted, const char *issuer)
{
	char name[] = "a", github[] = "github";
	const struct agent agent = { name, github, wanted };
	const struct agent *found = NULL;
	size_t n = agents_find(&agent, 1, issuer, claims(), &found);

	cr_assert_eq(found, n == 0 ? NULL : &agent);
	return n;
}

static size_t find_one(const char *wanted)
{
	char claim[128], *list[] = { claim, NULL };

	cr_assert(agent_claim_is_valid(wanted), "%s", wanted);
	snprintf(claim, sizeof(claim), "%s", wanted);
	return find(list, "github");
}

Test(agent, a_claim_is_exact_or_the_beginning)
{
	static const char *const fit[] = { "repository_id=74",
		"sub=repo:octo-org/octo-repo:environment:prod", "sub=repo:octo-org/octo-repo:*",
		"run_attempt=2", "run_attempt=2*", "ref=refs/heads/main",
		"https://example.com/team=blue", "repository_id=74*" };
	static const char *const miss[] = { "repository_id=7", "repository_id=740", "sub=repo",
		"sub=Repo:octo-org/*", "run_attempt=02", "run_attempt=3", "REPOSITORY_ID=74",
		"actor=x", "score=1.5", "public=true", "roles=admin", "roles=[*", "empty=x*",
		"repository=74" };

	for (size_t i = 0; i < ARRAY_SIZE(fit); i++)
		cr_expect_eq(find_one(fit[i]), 1, "%s", fit[i]);
	for (size_t i = 0; i < ARRAY_SIZE(miss); i++)
		cr_expect_eq(find_one(miss[i]), 0, "%s", miss[i]);
}

Test(agent, every_claim_must_hold_and_the_issuer_be_its_own)
{
	char id[] = "repository_id=74", sub[] = "sub=repo:octo-org/*", other[] = "sub=repo:other/*";
	char *both[] = { id, sub, NULL }, *one[] = { id, other, NULL };

	cr_expect_eq(find(both, "github"), 1);
	cr_expect_eq(find(one, "github"), 0);
	cr_expect_eq(find(both, "gitlab"), 0);
}

Test(agent, several_that_fit_are_counted)
{
	char name[] = "a", github[] = "github", id[] = "repository_id=74", sub[] = "sub=repo:*";
	char no[] = "sub=x", *a[] = { id, NULL }, *b[] = { sub, NULL }, *c[] = { no, NULL };
	const struct agent agents[] = { { name, github, c }, { name, github, a },
		{ name, github, b } };
	const struct agent *found = NULL;

	cr_expect_eq(agents_find(agents, 3, "github", claims(), &found), 2);
	cr_expect_eq(found, &agents[1]);
	cr_expect_eq(agents_find(agents, 2, "github", claims(), &found), 1);
}

Test(agent, a_claim_without_a_value_of_its_own_is_none)
{
	static const char *const bad[] = { "", "=", "a", "a=", "=a", "a=*", "a=b*c", "a=**",
		"a b=c", "a\"=b", "\xc3\xa4=b" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_not(agent_claim_is_valid(bad[i]), "%s", bad[i]);
	cr_expect(span_is(agent_claim_name("a=b=c"), "a"));
	cr_expect(agent_claim_is_valid("a=b=c"));
}
