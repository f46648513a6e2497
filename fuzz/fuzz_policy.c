/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "daemon/policy_cases.h"
#include "model/catalog.h"
#include "model/policy.h"

/*
 * Rules and somebody who wants something, as text or as bytes that choose among
 * words, decided by a catalog with groups in a circle. Text that begins with '-' is
 * the policy of a configuration, a line "---", and cases as of "policy test".
 */
#define RULES_MAX  16
#define AGE_MAX_MS INT64_C(900000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* --- what there is --- */

static const struct entity things[] = {
	{ .ref = SPAN("component:default/parcel-api"),
		.lifecycle = SPAN("production"),
		.owner = { SPAN("group:default/payments") },
		.owners = 1,
		.tag = { SPAN("java"), SPAN("deploys") },
		.tags = 2 },
	{ .ref = SPAN("api:prod/rates"),
		.lifecycle = SPAN("experimental"),
		.owner = { SPAN("user:default/bob"), SPAN("group:default/nobody") },
		.owners = 2 },
	{ .ref = SPAN("component:default/lost") },
};

static const struct entity people[] = {
	{ .ref = SPAN("user:default/alice"),
		.parent = { SPAN("group:default/payments") },
		.parents = 1 },
	{ .ref = SPAN("user:default/bob"),
		.parent = { SPAN("group:default/circle") },
		.parents = 1 },
	{ .ref = SPAN("user:default/mallory") },
	{ .ref = SPAN("group:default/payments"),
		.parent = { SPAN("group:default/circle") },
		.parents = 1 },
	{ .ref = SPAN("group:default/circle"),
		.parent = { SPAN("group:default/payments") },
		.parents = 1 },
};

static const struct catalog *catalog(void)
{
	static struct catalog *c;

	if (c != NULL)
		return c;
	c = catalog_new();
	for (size_t i = 0; i < ARRAY_SIZE(things); i++)
		must(catalog_put(c, &things[i]) == ERR_OK);
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		must(catalog_put(c, &people[i]) == ERR_OK);
	return c;
}

/* --- what always holds --- */

static bool is_deny(const struct policy_rule *r)
{
	return strcmp(r->effect, "deny") == 0;
}

static struct decision decide(const struct policy_rule *rule, size_t n, const struct access *a)
{
	const struct policy p = { rule, n, AGE_MAX_MS };

	return policy_decide(&p, a, catalog());
}

static bool is_allowed(const struct policy_rule *rule, size_t n, const struct access *a)
{
	return decide(rule, n, a).reason == POLICY_ALLOWED;
}

static bool is_met(const struct policy_rule *r, const struct access *a)
{
	return policy_rule_unmet(r, a, catalog()) == POLICY_MET;
}

static void check_decision(
	const struct policy_rule *rule, size_t n, const struct access *a, struct decision d)
{
	switch (d.reason) {
	case POLICY_ALLOWED:
		must(d.rule != NULL && !is_deny(d.rule) && is_met(d.rule, a));
		must(!d.rule->owner || !span_is(a->principal, "user:default/mallory"));
		must(!a->overrides || d.rule->overrides);
		break;
	case POLICY_DENIED: must(d.rule != NULL && is_deny(d.rule) && is_met(d.rule, a)); break;
	case POLICY_NOT_ALLOWED:
		must(d.rule == NULL);
		for (size_t i = 0; i < n; i++)
			must(!is_met(&rule[i], a));
		break;
	case POLICY_STALE_CATALOG:
		must(a->catalog_age_ms < 0 || a->catalog_age_ms > AGE_MAX_MS);
		break;
	case POLICY_BEHALF_DENIED: must(access_is_agent(a) && a->behalf.n > 0); break;
	}
}

/* One rule less: without one that denies as much is allowed, without one that allows no more. */
static void check_less(const struct policy_rule *rule, size_t n, const struct access *a)
{
	struct policy_rule less[RULES_MAX];
	bool all = is_allowed(rule, n, a);

	for (size_t i = 0; i < n; i++) {
		memcpy(less, rule, i * sizeof(*less));
		memcpy(less + i, rule + i + 1, (n - i - 1) * sizeof(*less));
		if (is_deny(&rule[i]))
			must(!all || is_allowed(less, n - 1, a));
		else
			must(all || !is_allowed(less, n - 1, a));
	}
}

/* The order of the rules says nothing, and rules that deny allow nothing. */
static void check_kinds(const struct policy_rule *rule, size_t n, const struct access *a)
{
	struct policy_rule turned[RULES_MAX], denies[RULES_MAX];
	size_t deny = 0;

	for (size_t i = 0; i < n; i++) {
		turned[n - 1 - i] = rule[i];
		if (is_deny(&rule[i]))
			denies[deny++] = rule[i];
	}
	must(is_allowed(turned, n, a) == is_allowed(rule, n, a));
	must(!is_allowed(denies, deny, a));
}

/* What asks for less, or is known less well. */
static void check_access(const struct policy_rule *rule, size_t n, const struct access *a)
{
	const struct policy p = { rule, n, AGE_MAX_MS };
	struct access other = *a;
	bool allowed = is_allowed(rule, n, a);

	other.overrides = false;
	must(!allowed || is_allowed(rule, n, &other));
	other = *a;
	other.catalog_age_ms = AGE_MAX_MS + 1;
	must(decide(rule, n, &other).reason == POLICY_STALE_CATALOG);
	other.catalog_age_ms = -1;
	must(decide(rule, n, &other).reason == POLICY_STALE_CATALOG);
	must(policy_decide(&p, a, NULL).reason == POLICY_STALE_CATALOG);
	if (!allowed || !access_is_agent(a) || a->behalf.n == 0)
		return;
	other = *a;
	other.principal = a->behalf;
	other.behalf = (struct span){ 0 };
	must(is_allowed(rule, n, &other));
}

static void check(const struct policy_rule *rule, size_t n, const struct access *a)
{
	check_decision(rule, n, a, decide(rule, n, a));
	check_less(rule, n, a);
	check_kinds(rule, n, a);
	check_access(rule, n, a);
}

/* --- as text --- */

static void check_cases(const struct conf *c, const struct policy_cases *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct policy_case *one = &all->list[i];
		struct entity e;
		struct access a = {
			.principal = span_of(one->principal),
			.behalf = span_of(one->behalf),
			.entity = &e,
			.branch = span_of(one->branch),
			.overrides = one->overrides,
			.token_age_ms = one->token_age_ms,
		};

		must(access_action_parse(span_of(one->action), &a.action) == ERR_OK);
		if (catalog_get(catalog(), span_of(one->entity), &e))
			check(c->policy, c->policies, &a);
	}
}

/* A complaint is a line with a place. */
static void check_why(char *why, const char *name)
{
	must(strncmp(why, name, strlen(name)) == 0 && strchr(why, '\n') == NULL);
	free(why);
}

static void decide_text(struct span text)
{
	static const char begin[] = "catalog: {file: /c}\npolicy:\n", line[] = "\n---\n";
	CLEANUP(buf_release) struct buf whole;
	const char *cut = memmem(text.p, text.n, line, strlen(line));
	size_t n = cut == NULL ? text.n : (size_t)(cut - text.p);
	struct policy_cases all = { 0 };
	struct conf *c = NULL;
	char *why = NULL;

	buf_init(&whole, 1 << 20);
	if (buf_add_str(&whole, begin) != ERR_OK || buf_add(&whole, text.p, n) != ERR_OK)
		return;
	if (conf_parse(buf_span(&whole), "conf:", &c, &why) != ERR_OK)
		check_why(why, "conf:");
	if (cut != NULL && policy_cases_read((struct span){ cut + 5, text.n - n - 5 },
				   "cases:", &all, &why) != ERR_OK)
		check_why(why, "cases:");
	if (c != NULL && c->policies <= RULES_MAX)
		check_cases(c, &all);
	policy_cases_release(&all);
	conf_free(c);
}

/* --- as bytes --- */

struct dice {
	const uint8_t *at;
	size_t left;
};

static unsigned throw(struct dice * d, unsigned sides)
{
	if (d->left == 0)
		return 0;
	d->left--;
	return *d->at++ % sides;
}

/* How many words there are, parted by blanks; and the one of a number, empty behind the last. */
static unsigned words_count(const char *words)
{
	unsigned n = 1;

	while ((words = strchr(words, ' ')) != NULL) {
		words++;
		n++;
	}
	return n;
}

static struct span word_at(const char *words, unsigned i)
{
	for (; i > 0; i--) {
		words = strchr(words, ' ');
		if (words == NULL)
			return (struct span){ NULL, 0 };
		words++;
	}
	return (struct span){ words, strcspn(words, " ") };
}

struct list {
	char text[2][32];
	char *item[3];
};

static char **list_fill(struct list *l, struct span first, struct span second)
{
	const struct span word[] = { first, second };

	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		memcpy(l->text[i], word[i].p, word[i].n);
		l->text[i][word[i].n] = '\0';
		l->item[i] = l->text[i];
	}
	l->item[2] = NULL;
	return l->item;
}

/* Two of the words; or no list, as often as not. */
static char **some(struct dice *d, const char *words, struct list *l)
{
	unsigned n = words_count(words), first = throw(d, 2 * n);

	if (first >= n)
		return NULL;
	return list_fill(l, word_at(words, first), word_at(words, throw(d, n)));
}

#define LISTS 9

static struct policy_rule rule_of(struct dice *d, struct list l[LISTS])
{
	static char id[] = "r", allow[] = "allow", deny[] = "deny";
	char **action = some(d, "build.trigger build.re* build.cancel", &l[0]);

	return (struct policy_rule){
		.id = id,
		.effect = throw(d, 3) == 0 ? deny : allow,
		.action = action == NULL ? list_fill(&l[0], SPAN("build.*"), SPAN("x")) : action,
		.owner = throw(d, 3) == 0,
		.group = some(d, "group:default/payments group:default/circle", &l[1]),
		.principal = some(d, "user:default/alice user:* agent:* agent:bot", &l[2]),
		.kind = some(d, "component api a*", &l[3]),
		.space = some(d, "default prod", &l[4]),
		.name = some(d, "parcel-* rates", &l[5]),
		.lifecycle_not = some(d, "production exp*", &l[6]),
		.tag = some(d, "java x", &l[7]),
		.branch = some(d, "main release/* *", &l[8]),
		.overrides = throw(d, 2) == 0,
		.token_age_max_ms = throw(d, 3) == 0 ? 60000 : 0,
		.behalf = throw(d, 4) == 0,
	};
}

/* One of the words, or none. */
static struct span pick(struct dice *d, const char *words)
{
	return word_at(words, throw(d, words_count(words) + 1));
}

static void decide_bytes(struct dice d)
{
	struct policy_rule rule[RULES_MAX];
	struct list lists[RULES_MAX][LISTS];
	size_t n = throw(&d, RULES_MAX / 2);
	struct access a = {
		.action = (enum access_action) throw(&d, ACCESS_ACTIONS),
		.principal = pick(&d, "user:default/alice user:default/bob user:default/mallory "
				      "agent:bot agent:other"),
		.behalf = pick(&d, "user:default/alice user:default/mallory"),
		.entity = &things[throw(&d, ARRAY_SIZE(things))],
		.branch = pick(&d, "main release/1 dev"),
		.overrides = throw(&d, 2) == 0,
		.token_age_ms = (const int64_t[]){ -1, 0, 60000, 60001 }[throw(&d, 4)],
		.catalog_age_ms =
			(const int64_t[]){ 0, AGE_MAX_MS, AGE_MAX_MS + 1, -1 }[throw(&d, 4)],
	};

	for (size_t i = 0; i < n; i++)
		rule[i] = rule_of(&d, lists[i]);
	check(rule, n, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 0 && data[0] == '-')
		decide_text((struct span){ (const char *)data, len });
	else
		decide_bytes((struct dice){ data, len });
	return 0;
}
