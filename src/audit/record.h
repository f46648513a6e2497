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

/*
 * One decision, as the audit trail keeps it: who, what, when, with which
 * outcome and why. No payload, no personal data, no secret. Empty spans, NULL
 * and 0 are left out.
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
	struct span key; /* fingerprint of the key that verified */
	const uint8_t *payload_sha256;
	int status; /* HTTP, of the answer given or received */
	unsigned tries;
	const struct span *entity, *owner;
	size_t entities, owners;
	const char *const *to; /* sinks chosen */
	size_t to_n;
};

/* Write one JSON object on one line, without a newline. */
MUST_CHECK enum err audit_record_write(const struct audit_record *r, struct buf *out);

#endif
