/* SPDX-License-Identifier: Apache-2.0 */
#include "model/policy.h"

#include <stdlib.h>
#include <string.h>

#include "model/agent.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "model/pattern.h"

static const char *const actions[] = {
	[ACCESS_TRIGGER] = "build.trigger",
	[ACCESS_RESTART] = "build.restart",
	[ACCESS_CANCEL] = "build.cancel",
	[ACCESS_READ] = "build.read",
};

const char *access_action_str(enum access_action a)
{
	return actions[a];
}

enum err access_action_parse(struct span text, enum access_action *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (span_is(text, actions[i])) {
			*a = (enum access_action)i;
			return ERR_OK;
		}
	}
	return ERR_PARSE;
}

bool access_is_agent(const struct access *a)
{
	return a->principal.n > strlen(AGENT_PREFIX) && span_starts(a->principal, AGENT_PREFIX);
}

void policy_rule_release(struct policy_rule *r)
{
	char **const list[] = { r->action, r->group, r->principal, r->kind, r->space, r->name,
		r->lifecycle, r->lifecycle_not, r->tag, r->branch };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		strings_free(list[i]);
	free(r->id);
	free(r->effect);
	*r = (struct policy_rule){ 0 };
}

static const char *const conditions[] = {
	[POLICY_ACTION] = "action",
	[POLICY_OWNER] = "subject.owner_of_entity",
	[POLICY_GROUP] = "subject.group",
	[POLICY_PRINCIPAL] = "subject.principal",
	[POLICY_KIND] = "entity.kind",
	[POLICY_NAMESPACE] = "entity.namespace",
	[POLICY_NAME] = "entity.name",
	[POLICY_LIFECYCLE] = "entity.lifecycle",
	[POLICY_LIFECYCLE_NOT] = "entity.lifecycle_not",
	[POLICY_TAG] = "entity.tag",
	[POLICY_BRANCH] = "branch",
	[POLICY_OVERRIDES] = "env_override",
	[POLICY_TOKEN_AGE] = "require.token_max_age",
	[POLICY_BEHALF] = "require.on_behalf_of",
};

const char *policy_condition_str(enum policy_condition c)
{
	return c == POLICY_MET ? "met" : conditions[c];
}

static bool rule_denies(const struct policy_rule *r)
{
	return strcmp(r->effect, "deny") == 0;
}

/* Refs and what is in them are lower case; case counts for the rest. */
static bool matches(char *const *patterns, struct span text)
{
	return patterns == NULL || patterns_match(patterns, text, false);
}

static bool tag_matches(char *const *patterns, const struct entity *e)
{
	for (size_t i = 0; i < e->tags; i++) {
		if (matches(patterns, e->tag[i]))
			return true;
	}
	return patterns == NULL;
}

static bool principal_owns(const struct access *a, const struct catalog *catalog)
{
	for (size_t i = 0; i < a->entity->owners; i++) {
		if (catalog_belongs(catalog, a->principal, a->entity->owner[i]))
			return true;
	}
	return false;
}

static bool principal_is_in(
	char *const *groups, const struct access *a, const struct catalog *catalog)
{
	for (; groups != NULL && *groups != NULL; groups++) {
		if (catalog_belongs(catalog, a->principal, span_of(*groups)))
			return true;
	}
	return false;
}

static bool token_is_young(const struct policy_rule *r, const struct access *a)
{
	return r->token_age_max_ms == 0 ||
	       (a->token_age_ms >= 0 && a->token_age_ms <= r->token_age_max_ms);
}

static bool overrides_fit(const struct policy_rule *r, const struct access *a)
{
	return rule_denies(r) ? !r->overrides || a->overrides : r->overrides || !a->overrides;
}

static bool condition_holds(const struct policy_rule *r, enum policy_condition c,
	const struct access *a, const struct catalog *catalog)
{
	const struct entity *e = a->entity;

	switch (c) {
	case POLICY_ACTION: return matches(r->action, span_of(access_action_str(a->action)));
	case POLICY_OWNER: return !r->owner || principal_owns(a, catalog);
	case POLICY_GROUP: return r->group == NULL || principal_is_in(r->group, a, catalog);
	case POLICY_PRINCIPAL: return matches(r->principal, a->principal);
	case POLICY_KIND: return matches(r->kind, entity_ref_kind(e->ref));
	case POLICY_NAMESPACE: return matches(r->space, entity_ref_namespace(e->ref));
	case POLICY_NAME: return matches(r->name, entity_ref_name(e->ref));
	case POLICY_LIFECYCLE: return matches(r->lifecycle, e->lifecycle);
	case POLICY_LIFECYCLE_NOT:
		return r->lifecycle_not == NULL || !matches(r->lifecycle_not, e->lifecycle);
	case POLICY_TAG: return tag_matches(r->tag, e);
	case POLICY_BRANCH:
		return r->branch == NULL || (a->branch.n > 0 && matches(r->branch, a->branch));
	case POLICY_OVERRIDES: return overrides_fit(r, a);
	case POLICY_TOKEN_AGE: return token_is_young(r, a);
	case POLICY_BEHALF: return !r->behalf || !access_is_agent(a) || a->behalf.n > 0;
	case POLICY_MET: break;
	}
	return true;
}

enum policy_condition policy_rule_unmet(
	const struct policy_rule *r, const struct access *a, const struct catalog *catalog)
{
	enum policy_condition c = POLICY_ACTION;

	while (c != POLICY_MET && condition_holds(r, c, a, catalog))
		c++;
	return c;
}

bool policy_rule_fits(const struct policy_rule *r, const struct entity *e)
{
	const struct access a = { .entity = e };

	for (enum policy_condition c = POLICY_KIND; c <= POLICY_TAG; c++) {
		if (!condition_holds(r, c, &a, NULL))
			return false;
	}
	return true;
}

bool policy_rule_chooses(const struct policy_rule *r)
{
	return r->kind != NULL || r->space != NULL || r->name != NULL || r->lifecycle != NULL ||
	       r->lifecycle_not != NULL || r->tag != NULL;
}

const char *policy_reason_str(enum policy_reason r)
{
	switch (r) {
	case POLICY_ALLOWED: return "allowed";
	case POLICY_DENIED: return "denied";
	case POLICY_NOT_ALLOWED: return "no-rule";
	case POLICY_STALE_CATALOG: return "stale-catalog";
	case POLICY_BEHALF_DENIED: break;
	}
	return "behalf-denied";
}

/* By the rules alone, for the principal alone. */
static struct decision decide_one(
	const struct policy *p, const struct access *a, const struct catalog *catalog)
{
	struct decision d = { .reason = POLICY_NOT_ALLOWED };

	for (size_t i = 0; i < p->n; i++) {
		const struct policy_rule *r = &p->rule[i];

		if (policy_rule_unmet(r, a, catalog) != POLICY_MET)
			continue;
		if (rule_denies(r))
			return (struct decision){ POLICY_DENIED, r };
		if (d.rule == NULL)
			d = (struct decision){ POLICY_ALLOWED, r };
	}
	return d;
}

static bool catalog_is_stale(const struct policy *p, const struct access *a)
{
	return a->catalog_age_ms < 0 || a->catalog_age_ms > p->catalog_age_max_ms;
}

struct decision policy_decide(
	const struct policy *p, const struct access *a, const struct catalog *catalog)
{
	struct access user = *a;
	struct decision d, of_user;

	if (catalog == NULL || catalog_is_stale(p, a))
		return (struct decision){ .reason = POLICY_STALE_CATALOG };
	d = decide_one(p, a, catalog);
	if (d.reason != POLICY_ALLOWED || !access_is_agent(a) || a->behalf.n == 0)
		return d;
	user.principal = a->behalf;
	user.behalf = (struct span){ 0 };
	of_user = decide_one(p, &user, catalog);
	if (of_user.reason == POLICY_ALLOWED)
		return d;
	return (struct decision){ POLICY_BEHALF_DENIED, of_user.rule };
}
