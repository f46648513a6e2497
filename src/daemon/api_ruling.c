/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_ruling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/record.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/rules.h"
#include "io/httpd.h"
#include "model/entity.h"
#include "relay/relay.h"
#include "relay/source.h"

#define DETAIL_MAX 512

/* What the policy looked at, beside what an entry has a place for. */
static void inputs_write(const struct access *a, char text[DETAIL_MAX])
{
	snprintf(text, DETAIL_MAX,
		"branch=%.*s on_behalf_of=%.*s token_age_s=%" PRId64 " catalog_age_s=%" PRId64
		" variables=%s",
		SPAN_ARGS(a->branch), SPAN_ARGS(a->behalf), a->token_age_ms / 1000,
		a->catalog_age_ms / 1000, a->overrides ? "yes" : "no");
}

static void audit_denial(struct daemon *d, const struct httpd_req *req, const struct access *access,
	struct span token, const struct decision *decision, const struct span *ref, size_t refs)
{
	char detail[DETAIL_MAX];
	struct audit_record record = {
		.action = access_action_str(access->action),
		.outcome = "denied",
		.reason = policy_reason_str(decision->reason),
		.actor = access->principal,
		.address = span_of(httpd_req_peer(req)),
		.entity = ref,
		.entities = refs,
		.owner = access->entity->owner,
		.owners = access->entity->owners,
		.repository = access->entity->slug,
		.rule = span_of(decision->rule == NULL ? "" : decision->rule->id),
		.token = token,
		.status = 403,
	};

	inputs_write(access, detail);
	record.detail = span_of(detail);
	log_notice("access.deny", "action=%s principal=%.*s entity=%.*s reason=%s rule=%.*s %s",
		record.action, SPAN_ARGS(access->principal), SPAN_ARGS(*ref), record.reason,
		SPAN_ARGS(record.rule), detail);
	relay_journal_refusal(d->relay, &record);
}

bool api_rule(struct daemon *d, const struct httpd_req *req, const struct api_plea *p,
	const struct entity *e, size_t n, struct api_ruling *out)
{
	const struct policy policy = rules_now(d);
	CLEANUP(freep) struct span *ref = xcalloc(n, sizeof(*ref));
	struct access access = {
		.action = p->action,
		.principal = p->principal,
		.behalf = p->behalf,
		.branch = p->branch,
		.overrides = p->overrides,
		.token_age_ms = p->token_age_ms,
		.catalog_age_ms = rules_catalog_age_ms(d),
	};

	for (size_t i = 0; i < n; i++) {
		struct decision decision;

		access.entity = &e[i];
		ref[i] = e[i].ref;
		decision = policy_decide(&policy, &access, relay_catalog_now(d->relay));
		if (i == 0 || decision.reason == POLICY_ALLOWED)
			*out = (struct api_ruling){ decision, &e[i] };
		if (decision.reason == POLICY_ALLOWED)
			return true;
	}
	access.entity = out->entity;
	audit_denial(d, req, &access, p->token, &out->decision, ref, n);
	return false;
}

const char *api_denial_words(enum policy_reason r)
{
	switch (r) {
	case POLICY_ALLOWED:
	case POLICY_DENIED: return "A rule of the policy denies that.";
	case POLICY_NOT_ALLOWED: return "No rule of the policy allows that.";
	case POLICY_STALE_CATALOG:
		return "The catalog was not read for too long to know who owns what.";
	case POLICY_BEHALF_DENIED: break;
	}
	return "The user on whose behalf this is asked may not do that.";
}

const struct source *api_source_of(
	const struct daemon *d, struct span slug, const char *name, struct span host)
{
	const struct relay_setup *setup = relay_setup_now(d->relay);

	return source_for(setup->source, setup->sources, slug, name, host);
}
