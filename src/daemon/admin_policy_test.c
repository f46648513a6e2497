/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "daemon/policy_cases.h"
#include "daemon/rules.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "relay/relay.h"

/* Decides cases by the policy and the catalog in force, and says which come out otherwise. */

#define CASES_MAX (1024 * 1024)

struct test_order {
	const char *cases, *name;
};

static const struct order_field test_fields[] = {
	{ "cases", ORDER_TEXT, offsetof(struct test_order, cases), CASES_MAX },
	{ "name", ORDER_TEXT, offsetof(struct test_order, name), 4096 },
};

/* What a case comes to. An entity that is not there can have nothing done to it. */
struct verdict {
	bool known, allowed;
	struct decision decision;
};

static struct verdict judge(const struct daemon *d, const struct policy *p,
	const struct catalog *catalog, const struct policy_case *c)
{
	struct entity e;
	struct verdict v = { .known = catalog_get(catalog, span_of(c->entity), &e) };
	struct access a = {
		.principal = span_of(c->principal),
		.behalf = span_of(c->behalf),
		.entity = &e,
		.branch = span_of(c->branch),
		.overrides = c->overrides,
		.token_age_ms = c->token_age_ms,
		.catalog_age_ms = rules_catalog_age_ms(d),
	};

	if (!v.known || access_action_parse(span_of(c->action), &a.action) != ERR_OK)
		return v;
	v.decision = policy_decide(p, &a, catalog);
	v.allowed = v.decision.reason == POLICY_ALLOWED;
	return v;
}

static bool is_as_expected(const struct policy_case *c, const struct verdict *v)
{
	const struct policy_rule *rule = v->decision.rule;

	return v->known && v->allowed == (strcmp(c->expect, "allow") == 0) &&
	       (c->rule == NULL || (rule != NULL && strcmp(rule->id, c->rule) == 0));
}

static void put_case(
	struct json_writer *w, const struct policy_case *c, const struct verdict *v, bool passed)
{
	json_object_begin(w);
	json_member_int(w, "line", c->line);
	json_member_opt(w, "name", span_of(c->name));
	json_member_str(w, "principal", c->principal);
	json_member_opt(w, "on_behalf_of", span_of(c->behalf));
	json_member_str(w, "action", c->action);
	json_member_str(w, "entity", c->entity);
	json_member_opt(w, "branch", span_of(c->branch));
	json_member_str(w, "expect", c->expect);
	json_member_opt(w, "expect_rule", span_of(c->rule));
	json_member_str(w, "got", v->allowed ? "allow" : "deny");
	json_member_str(
		w, "reason", v->known ? policy_reason_str(v->decision.reason) : "entity-unknown");
	if (v->decision.rule != NULL)
		json_member_str(w, "rule", v->decision.rule->id);
	json_member_bool(w, "passed", passed);
	json_object_end(w);
}

static void reply_cases(
	struct daemon *d, struct httpd_req *req, const char *name, const struct policy_cases *all)
{
	CLEANUP(buf_release) struct buf page;
	const struct policy p = rules_now(d);
	struct json_writer w;
	int64_t failed = 0;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_str(&w, "file", name);
	json_key(&w, "items");
	json_array_begin(&w);
	for (size_t i = 0; i < all->n; i++) {
		struct verdict v = judge(d, &p, relay_catalog_now(d->relay), &all->list[i]);
		bool passed = is_as_expected(&all->list[i], &v);

		put_case(&w, &all->list[i], &v, passed);
		failed += !passed;
	}
	json_array_end(&w);
	json_member_int(&w, "cases", (int64_t)all->n);
	json_member_int(&w, "failed", failed);
	json_object_end(&w);
	reply_page(req, &w, &page);
}

void admin_policy_test(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text;
	CLEANUP(freep) char *why = NULL;
	struct test_order o = { .name = "cases" };
	struct policy_cases all;

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_body(req, test_fields, ARRAY_SIZE(test_fields), &o, &text))
		return;
	if (o.cases == NULL) {
		reply_problem(req, 400, "body", "cases is the text of a file of cases.");
		return;
	}
	if (policy_cases_read(span_of(o.cases), o.name, &all, &why) != ERR_OK) {
		reply_problem(req, 400, "cases", why);
		return;
	}
	if (relay_catalog_now(d->relay) == NULL)
		reply_problem(req, 503, "catalog-missing", "The catalog is not known yet.");
	else
		reply_cases(d, req, o.name, &all);
	policy_cases_release(&all);
}
