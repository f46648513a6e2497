/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_BUS_PUBLISH_H
#define BACKSTAGE_BUS_PUBLISH_H

#include "base/span.h"
#include "model/sink.h"

struct sink_calls;

/*
 * Publish payload, which is JSON, under a topic of Backstage's event bus. 201 is
 * stored; 204 means that nobody subscribes to the topic, which is no failure: the
 * note says so.
 */
void bus_publish(struct sink_calls *calls, const char *topic, struct span payload,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx);

#endif
