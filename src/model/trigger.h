/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TRIGGER_H
#define MODEL_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/policy.h"

/*
 * A build that somebody asked us for, from the word to its end.
 *
 *	ACCEPTED --> ASKED --+--> REQUESTED --+--> BUILT     a new build
 *	                     |                +--> REFUSED   Travis will not make it
 *	                     +--> BUILT                      restarted, canceled
 *	                     +--> FAILED                     it could not be asked for
 *	                     +--> UNCERTAIN                  no answer came
 */
enum trigger_state {
	TRIGGER_ACCEPTED,  /* kept */
	TRIGGER_ASKED,     /* Travis may have heard of it */
	TRIGGER_REQUESTED, /* Travis has it, and has not said yet what comes of it */
	TRIGGER_BUILT,     /* there is a build: its webhooks tell the rest */
	TRIGGER_REFUSED,
	TRIGGER_FAILED,
	TRIGGER_UNCERTAIN, /* to ask again might make two builds of one wish */
};

#define TRIGGER_BUILDS 8

/* The spans point into text, which the trigger owns, or are the caller's. */
struct trigger {
	struct buf text;
	enum access_action action;
	enum trigger_state state;
	struct span id; /* a UUID */
	struct span entity, repository, source, host;
	struct span principal, behalf; /* who asked, and for whom */
	struct span token;             /* by which they were known (daemon/visitors.h) */
	struct span rule;              /* of the policy, that allowed it */
	struct span branch, message, merge_mode;
	struct span variables; /* JSON object of texts; or empty */
	struct span note;      /* why it ended as it did, for people */
	int64_t request;       /* Travis's number of it; 0: none */
	int64_t build[TRIGGER_BUILDS];
	size_t builds;
	struct wall created, updated;
	const struct access *access; /* of a wish: what the policy looked at; not kept */
};

void trigger_init(struct trigger *t);
void trigger_release(struct trigger *t);

/* "accepted", "asked", "requested", "built", "refused", "failed", "uncertain". */
const char *trigger_state_str(enum trigger_state s);

/* Does nothing more come of it here? */
bool trigger_is_over(const struct trigger *t);

/* Is there a build of it, or may there be one yet? */
bool trigger_counts(const struct trigger *t);

/* Append it as JSON, to be kept or shown; and back, into an initialized one. */
MUST_CHECK enum err trigger_write(const struct trigger *t, struct buf *out);
MUST_CHECK enum err trigger_read(struct span json, struct trigger *t);

#endif
