/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_BUS_SINK_H
#define BACKSTAGE_BUS_SINK_H

#include "model/sink.h"

struct backstage_client;

/*
 * The sink "backstage-events": publishes the CloudEvent as payload on
 * Backstage's event bus. 201 is stored; 204 means that nobody subscribes to the
 * topic, which is no failure.
 */
struct bus_sink_conf {
	const char *topic;
};

/* client is borrowed, the name is copied. */
void bus_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct bus_sink_conf *conf);

#endif
