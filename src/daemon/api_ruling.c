/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_ruling.h"

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

/* Whoever asks is known by name here, so every decision is written, however many there are. */
static struct audit_record record_of(const struct httpd_req *req, const struct api_ruling *ruling,
	const struct span *ref, size_t refs)
{
	const struct access *access = &ruling->access;
	const struct decision *decision = &ruling->decision;
	bool allowed = decision->reason == POLICY_ALLOWED;

	return (struct audit_record){
		.action = access_action_str(access->action),
		.outcome = allowed ? "success" : "denied",
		.reason = policy_reason_str(decision->reason),
		.actor = access->principal,
		.address = span_of(httpd_req_peer(req)),
		.entity = ref,
		.entities = refs,
		.owner = access->entity->owner,
		.owners = access->entity->owners,
		.repository = access->entity->slug,
		.rule = span_of(decision->rule == NULL ? "" : decision->rule->id),
		.token = ruling->token,
		.inputs = access,
		.status = allowed ? 0 : 403,
	};
}

static void note_denial(struct daemon *d, const struct httpd_req *req,
	const struct api_ruling *ruling, const struct span *ref, size_t refs)
{
	struct audit_record record = record_of(req, ruling, ref, refs);

	log_notice("access.deny", "action=%s principal=%.*s entity=%.*s reason=%s rule=%.*s",
		record.action, SPAN_ARGS(record.actor), SPAN_ARGS(*ref), record.reason,
		SPAN_ARGS(record.rule));
	relay_journal(d->relay, &record);
}

static void note_permit(
	struct daemon *d, const struct httpd_req *req, const struct api_ruling *ruling)
{
	struct audit_record record = record_of(req, ruling, &ruling->access.entity->ref, 1);

	relay_journal(d->relay, &record);
}

void api_note_undone(struct daemon *d, const struct httpd_req *req, const struct api_ruling *ruling,
	const char *reason)
{
	struct audit_record record = record_of(req, ruling, &ruling->access.entity->ref, 1);

	record.outcome = "failure";
	record.reason = reason;
	relay_journal(d->relay, &record);
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
	bool allowed = false;

	for (size_t i = 0; i < n && !allowed; i++) {
		struct decision decision;

		access.entity = &e[i];
		ref[i] = e[i].ref;
		decision = policy_decide(&policy, &access, relay_catalog_now(d->relay));
		allowed = decision.reason == POLICY_ALLOWED;
		if (i == 0 || allowed)
			*out = (struct api_ruling){ decision, access, p->token };
	}
	if (!allowed)
		note_denial(d, req, out, ref, n);
	else if (p->action == ACCESS_READ)
		note_permit(d, req, out);
	return allowed;
}

struct trigger api_trigger_of(const struct api_ruling *ruling)
{
	const struct access *access = &ruling->access;

	return (struct trigger){
		.action = access->action,
		.entity = access->entity->ref,
		.repository = access->entity->slug,
		.principal = access->principal,
		.behalf = access->behalf,
		.token = ruling->token,
		.rule = span_of(ruling->decision.rule->id),
		.branch = access->branch,
		.access = access,
	};
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
