/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct access;

/*
 * One decision, as the audit trail keeps it: who, what, when, with which
 * outcome and why. No payload, no personal data, no secret. Empty spans, NULL
 * and 0 are left out.
 *
 * It is written in the shape of OCSF's API Activity (class 6003), so that what
 * collects such records needs no parser of ours:
 *
 *	at              time, in ms since 1970
 *	action          api.operation; activity_id says what kind of act it is
 *	outcome         status_id (1 success, 2 not) and policy.decision
 *	reason          status_detail
 *	status          status_code, api.response.code
 *	actor           actor.user.uid for "uid:0", else actor.app_name
 *	address         src_endpoint.ip
 *	source          src_endpoint.svc_name
 *	sink            dst_endpoint.svc_name
 *	event           metadata.correlation_uid, api.request.uid
 *	repository, entity, owner    resources, told apart by their type
 *	payload_sha256  raw_data_hash
 *	detail          message
 *	inputs          policy.inputs: branch, on_behalf_of, env_override and how old, in
 *	                seconds, token and catalog were; -1: that is not known
 *	the rest        unmapped
 */
struct audit_record {
	struct wall at;
	const char *action;  /* "webhook.accept", "delivery.attempt", "config.reload", … */
	const char *outcome; /* "success" or "failure" or "denied" */
	const char *reason;  /* a stable word: "signature-wrong", "no-entity", "retry", … */
	struct span actor;   /* who asked: a source's name, "uid:0", "stagewired" */
	struct span address; /* of the peer */
	struct span event;   /* id */
	struct span source, repository, build, build_state, transition, sink, detail;
	struct span requester;       /* of the build, where somebody asked for it through us */
	struct span rule;            /* of the policy, that decided */
	const struct access *inputs; /* what the policy looked at beside the rest; or NULL */
	struct span token; /* by which the actor was known: "issuer=... jti=... kid=... iat=..." */
	struct span key;   /* fingerprint of the key that verified */
	const uint8_t *payload_sha256;
	int status; /* HTTP, of the answer given or received */
	unsigned tries;
	const struct span *entity, *owner;
	size_t entities, owners;
	const char *const *to; /* sinks chosen */
	size_t to_n;
};

/* The types of resources. */
#define AUDIT_TYPE_REPOSITORY "repository"
#define AUDIT_TYPE_ENTITY     "backstage.entity"
#define AUDIT_TYPE_OWNER      "backstage.owner" /* as of then */

/* Written entries are no longer, so that a log can take them. */
#define AUDIT_ENTRY_MAX 65535

/* Write one JSON object on one line, without a newline. ERR_LIMIT: too long. */
MUST_CHECK enum err audit_record_write(const struct audit_record *r, struct buf *out);

#endif
