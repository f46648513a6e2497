/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/refusal.h"

#include "base/log.h"
#include "io/httpd.h"
#include "relay/journal.h"
#include "relay/relay_impl.h"

static const char *or_dash(const char *text)
{
	return text == NULL ? "-" : text;
}

void relay_note_refusal(struct relay *r, const struct httpd_req *req, const struct refusal *what,
	const struct httpd_problem *problem)
{
	const char *reason = what->reason == NULL ? problem->type : what->reason;
	struct audit_record record = {
		.action = what->action,
		.outcome = "denied",
		.reason = reason,
		.actor = span_of(what->caller),
		.address = span_of(httpd_req_peer(req)),
		.source = span_of(what->source),
		.status = problem->status,
	};

	log_notice(what->action, "reason=%s status=%d source=%s caller=%s address=%s", reason,
		problem->status, or_dash(what->source), or_dash(what->caller), httpd_req_peer(req));
	journal_write_limited(r->journal, &record);
}
