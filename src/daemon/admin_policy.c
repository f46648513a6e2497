/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_write.h"
#include "conf/conf_number.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "daemon/rules.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "relay/relay.h"

/* What the policy would decide, and why: nothing is started by asking. */

struct policy_order {
	const char *ref, *principal, *behalf, *action, *branch, *token_age;
	bool overrides;
};

static const struct order_field policy_fields[] = {
	{ "ref", ORDER_TEXT, offsetof(struct policy_order, ref), ENTITY_TEXT_MAX },
	{ "principal", ORDER_TEXT, offsetof(struct policy_order, principal), ENTITY_TEXT_MAX },
	{ "on_behalf_of", ORDER_TEXT, offsetof(struct policy_order, behalf), ENTITY_TEXT_MAX },
	{ "action", ORDER_TEXT, offsetof(struct policy_order, action), 0 },
	{ "branch", ORDER_TEXT, offsetof(struct policy_order, branch), 0 },
	{ "env_override", ORDER_FLAG, offsetof(struct policy_order, overrides), 0 },
	{ "token_age", ORDER_TEXT, offsetof(struct policy_order, token_age), 0 },
};

static void put_rules(struct json_writer *w, const struct policy *p, const struct access *a,
	const struct catalog *c)
{
	json_key(w, "rules");
	json_array_begin(w);
	for (size_t i = 0; c != NULL && i < p->n; i++) {
		enum policy_condition unmet = policy_rule_unmet(&p->rule[i], a, c);

		json_object_begin(w);
		json_member_str(w, "name", p->rule[i].id);
		json_member_str(w, "effect", p->rule[i].effect);
		json_member_bool(w, "covers", unmet == POLICY_MET);
		if (unmet != POLICY_MET)
			json_member_str(w, "unmet", policy_condition_str(unmet));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_access(struct json_writer *w, const struct access *a)
{
	json_member_str(w, "action", access_action_str(a->action));
	json_member_span(w, "principal", a->principal);
	json_member_opt(w, "on_behalf_of", a->behalf);
	json_member_opt(w, "branch", a->branch);
	json_member_span(w, "entity", a->entity->ref);
	json_member_spans(w, "owners", a->entity->owner, a->entity->owners);
	json_member_bool(w, "env_override", a->overrides);
	json_member_int(w, "token_age_s", a->token_age_ms / 1000);
	json_member_int(w, "catalog_age_s", a->catalog_age_ms < 0 ? -1 : a->catalog_age_ms / 1000);
}

static void explain(struct daemon *d, struct httpd_req *req, const struct access *a)
{
	CLEANUP(buf_release) struct buf page;
	const struct catalog *c = relay_catalog_now(d->relay);
	const struct policy p = rules_now(d);
	struct decision decision = policy_decide(&p, a, c);
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_bool(&w, "allowed", decision.reason == POLICY_ALLOWED);
	json_member_str(&w, "reason", policy_reason_str(decision.reason));
	if (decision.rule != NULL)
		json_member_str(&w, "rule", decision.rule->id);
	put_access(&w, a);
	put_rules(&w, &p, a, c);
	json_object_end(&w);
	reply_page(req, &w, &page);
}

/* The action, or the request is answered. */
static bool action_read(struct httpd_req *req, const char *text, enum access_action *a)
{
	*a = ACCESS_TRIGGER;
	if (text == NULL || access_action_parse(span_of(text), a) == ERR_OK)
		return true;
	reply_problem(req, 400, "action",
		"action is build.trigger, build.restart, build.cancel or build.read.");
	return false;
}

void admin_policy_explain(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text, ref;
	const struct catalog *c = relay_catalog_now(d->relay);
	struct policy_order o = { 0 };
	struct access a = { .catalog_age_ms = rules_catalog_age_ms(d) };
	struct entity e;

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	buf_init(&ref, ENTITY_TEXT_MAX);
	if (!order_read_query(req, policy_fields, ARRAY_SIZE(policy_fields), &o, &text) ||
		!action_read(req, o.action, &a.action))
		return;
	if (o.principal == NULL) {
		reply_problem(req, 400, "principal",
			"principal is a user such as user:default/alice, or an agent.");
		return;
	}
	if (o.ref == NULL || entity_ref_parse(span_of(o.ref), "component", &ref) != ERR_OK ||
		c == NULL || !catalog_get(c, buf_span(&ref), &e)) {
		reply_problem(req, 404, "entity-unknown", "The catalog has no such entity.");
		return;
	}
	a.entity = &e;
	a.principal = span_of(o.principal);
	a.behalf = span_of(o.behalf);
	a.branch = span_of(o.branch);
	a.overrides = o.overrides;
	if (o.token_age != NULL && conf_duration_read(o.token_age, &a.token_age_ms) != ERR_OK) {
		reply_problem(req, 400, "token-age", "token_age is a duration such as 5m.");
		return;
	}
	explain(d, req, &a);
}
