/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CLOUDEVENT_H
#define MODEL_CLOUDEVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/build.h"

struct entity;

/* An event names at most so many entities, owners and systems; the rest is cut. */
#define CLOUDEVENT_ENTITIES 32

/* Everything a normalized event is made of. Borrowed. */
struct cloudevent {
	uint8_t id[UUID_BYTES];
	const struct build *build;
	enum transition transition;
	int64_t attempt;
	const char *source_name; /* the configured source */
	struct wall received;
	const struct entity *entity;
	size_t entities;
	struct span author; /* a user's ref; empty: not known */
	/* Sinks that are to tell others than the owners, and whom: sets of enum address. */
	const char *const *sink;
	const unsigned *address;
	size_t sinks;
};

/* CDEvents' word: "queued", "started", "success", "failure", "error", "cancel". */
const char *cloudevent_outcome(enum build_state s);

/* "dev.cdevents.pipelinerun.finished.0.3.0" and its siblings. */
const char *cloudevent_type(enum build_state s);

/*
 * Write a CloudEvents 1.0 event in the JSON format's structured mode whose data
 * is a CDEvents 0.5.1 pipelineRun event. Entities and owners stand in its
 * customData and, as comma separated refs, in the extensions entityref and
 * ownerref.
 */
MUST_CHECK enum err cloudevent_write(const struct cloudevent *ce, struct buf *out);

/*
 * What a sink wants to know of an event, read back. The spans point into text.
 * An operator event has a message, and of the rest the envelope and perhaps the
 * sink it is about.
 */
struct cloudevent_facts {
	struct buf text;
	struct span id, type, source, subject, time;
	struct span outcome, transition; /* our words, as written */
	struct span repository, number, branch, tag, url, build_subject, commit;
	int64_t pull_request, duration_s, build_id, repository_id, attempt;
	struct span host;
	struct span entity[CLOUDEVENT_ENTITIES], owner[CLOUDEVENT_ENTITIES];
	size_t entities, owners;
	struct span author, requester;
	struct span address;       /* JSON: an object of sinks, each with a list of words */
	struct span message, sink; /* of an operator event */
};

/* Whom this sink is to tell of the event: a set of enum address. */
unsigned cloudevent_address(const struct cloudevent_facts *f, const char *sink);

/*
 * ERR_PARSE unless event was made by cloudevent_write() or operator_event_write().
 * Release *f in either case.
 */
MUST_CHECK enum err cloudevent_read(struct span event, struct cloudevent_facts *f);
void cloudevent_facts_release(struct cloudevent_facts *f);

#endif
