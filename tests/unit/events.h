/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_EVENTS_H
#define TESTS_UNIT_EVENTS_H

#include <criterion/criterion.h>

#include "base/buf.h"
#include "model/catalog.h"
#include "model/cloudevent.h"

/* Events for tests of sinks. */

#define EVENT_MAX (1 << 20)

/* A failed build of acme/parcel-api, to be changed. */
static inline void event_build(struct build *b)
{
	build_init(b);
	b->host = SPAN("app.travis-ci.com");
	b->id = 9;
	b->repository_id = 42;
	b->number = SPAN("417");
	b->state = BUILD_FAILED;
	b->owner = SPAN("acme");
	b->name = SPAN("parcel-api");
	b->branch = SPAN("main");
	b->finished_at = (struct wall){ .ms = 1795168800000 }; /* 2026-11-20T10:00:00Z */
}

/* Its event, with an entity of each of these owners. */
static inline void event_write(const struct build *b, enum transition t, const struct span *owner,
	size_t owners, struct buf *out)
{
	struct entity e[CLOUDEVENT_ENTITIES] = { 0 };
	const struct cloudevent ce = {
		.build = b,
		.transition = t,
		.attempt = 1,
		.source_name = "travis",
		.entity = e,
		.entities = owners,
	};

	for (size_t i = 0; i < owners; i++) {
		e[i].ref = SPAN("component:default/parcel-api");
		e[i].owner[0] = owner[i];
		e[i].owners = 1;
	}
	buf_init(out, EVENT_MAX);
	cr_assert_eq(cloudevent_write(&ce, out), ERR_OK);
}

/* An event of the relay's own. */
#define EVENT_OPERATOR                                                                             \
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/stagewire\","                         \
	"\"type\":\"dev.stagewire.operator.sink.tripped\",\"time\":\"2026-11-20T10:00:00."         \
	"250Z\","                                                                                  \
	"\"data\":{\"message\":\"Sink bus is failing\",\"sink\":\"bus\"}}"

#endif
