/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/bus_sink.h"

#include <stdlib.h>

#include "backstage/bus_publish.h"
#include "backstage/sink_call.h"
#include "base/defs.h"

struct bus_sink {
	struct sink_calls calls;
	char *topic;
};

/*
 * The event goes as it was stored. Backstage reads its numbers as doubles, which
 * holds for all of ours: build ids have 53 bits to grow into.
 */
static void bus_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct bus_sink *b = self;

	bus_publish(&b->calls, b->topic, d->event, on_result, ctx);
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
