/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/bus_publish.h"

#include <stdio.h>

#include "backstage/sink_call.h"
#include "base/buf.h"
#include "base/json_write.h"

#define BUS_PATH "/api/events/bus/v1/events"

/* Backstage takes no larger body on the bus. */
#define BODY_MAX (5 * 1024 * 1024)

/*
 * 204: nobody subscribes to the topic, so it was not kept. That is their choice.
 * Any other success is not the bus's but that of something before it.
 */
static void judge(const struct httpc_answer *a, struct span subject, struct sink_result *r)
{
	(void)subject;
	if (r->outcome != OUTCOME_OK || a->status == 201)
		return;
	if (a->status == 204) {
		snprintf(r->note, sizeof(r->note), "no subscriber");
		return;
	}
	r->outcome = OUTCOME_TEMPFAIL;
	snprintf(r->note, sizeof(r->note), "%d is no answer of the event bus: is the URL right?",
		a->status);
}

static enum err compose(const char *topic, struct span payload, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_key(&w, "event");
	json_object_begin(&w);
	json_member_str(&w, "topic", topic);
	json_key(&w, "payload");
	json_put_raw(&w, payload);
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

void bus_publish(struct sink_calls *calls, const char *topic, struct span payload,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	CLEANUP(buf_release) struct buf body;
	struct sink_result r;

	buf_init(&body, BODY_MAX);
	if (compose(topic, payload, &body) == ERR_OK) {
		sink_calls_post(calls, BUS_PATH, buf_span(&body), (struct span){ NULL, 0 }, judge,
			on_result, ctx);
		return;
	}
	r = sink_unsendable("the event is larger than Backstage's bus takes");
	on_result(ctx, &r);
}
