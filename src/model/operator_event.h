/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_OPERATOR_EVENT_H
#define MODEL_OPERATOR_EVENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* The types of all of them begin so. */
#define OPERATOR_EVENT_TYPES "dev.stagewire."

/*
 * Something that the operator should hear of, as an event that routes can send
 * to a sink like any other: a CloudEvent 1.0 whose data are these members, those
 * that are empty or 0 left out.
 */
struct operator_event {
	uint8_t id[UUID_BYTES];
	const char *type;    /* "dev.stagewire.operator.sink.tripped" */
	struct span subject; /* "sink/NAME" */
	struct wall time;
	struct span message; /* one sentence for people */
	struct span sink;
	struct span event;  /* id of the first event that failed */
	int status;         /* of the last answer */
	struct span answer; /* what it was, for people */
	int64_t hold_ms;    /* until the sink is tried again */
	struct wall failing_since;
	struct span reason, actor; /* an operator's */
	struct span checkpoint;    /* of the audit log: the signed note */
};

MUST_CHECK enum err operator_event_write(const struct operator_event *e, struct buf *out);

#endif
