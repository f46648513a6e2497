/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_SIGNAL_SINK_H
#define BACKSTAGE_SIGNAL_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/sink.h"

struct backstage_client;

/*
 * The sink "backstage-signals": tells browsers that are open right now, through
 * the topic that Backstage's signals plugin listens to. Owners of the event's
 * entities, and members of owning groups, get what a page needs to show the
 * build. A broadcast reaches every browser, also one that never signed in, so it
 * says no more than which entities have news.
 *
 * Whoever is not connected misses it, which is normal: a signal that is too old
 * is not sent at all.
 */
struct signal_sink_conf {
	const char *channel;
	bool broadcast;
	int64_t max_age_ms; /* of the event, by its own time */
};

/* client is borrowed, the rest is copied. */
void signal_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct signal_sink_conf *conf);

#endif
