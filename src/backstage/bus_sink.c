/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/bus_sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "backstage/sink_call.h"
#include "base/buf.h"
#include "base/json_write.h"

#define BUS_PATH "/api/events/bus/v1/events"

/* Backstage takes no larger body on the bus. */
#define BODY_MAX (5 * 1024 * 1024)

struct bus_sink {
	struct sink_calls calls;
	char *topic;
};

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

/*
 * The event goes as it was stored. Backstage reads its numbers as doubles, which
 * holds for all of ours: build ids have 53 bits to grow into.
 */
static enum err compose(const struct bus_sink *b, struct span event, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_key(&w, "event");
	json_object_begin(&w);
	json_member_str(&w, "topic", b->topic);
	json_key(&w, "payload");
	json_put_raw(&w, event);
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

static void bus_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct bus_sink *b = self;
	CLEANUP(buf_release) struct buf body;
	struct sink_result r;

	buf_init(&body, BODY_MAX);
	if (compose(b, d->event, &body) == ERR_OK) {
		sink_calls_post(&b->calls, BUS_PATH, buf_span(&body), (struct span){ NULL, 0 },
			judge, on_result, ctx);
		return;
	}
	r = sink_unsendable("the event is larger than Backstage's bus takes");
	on_result(ctx, &r);
}

static void bus_cancel(void *self)
{
	struct bus_sink *b = self;

	sink_calls_cancel(&b->calls);
}

static void bus_free(void *self)
{
	struct bus_sink *b = self;

	sink_calls_cancel(&b->calls);
	free(b->topic);
	free(b);
}

static const struct sink_ops bus_ops = {
	.send = bus_send,
	.cancel = bus_cancel,
	.free = bus_free,
};

void bus_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct bus_sink_conf *conf)
{
	struct bus_sink *b = xcalloc(1, sizeof(*b));

	b->calls.client = client;
	b->topic = xstrdup(conf->topic);
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "backstage-events",
		.ops = &bus_ops,
		.self = b,
	};
}
