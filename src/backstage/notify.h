/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_NOTIFY_H
#define BACKSTAGE_NOTIFY_H

#include "model/sink.h"

struct backstage_client;

/*
 * The sink "backstage-notifications": tells the owners of the event's entities,
 * its author, or both, as the event is addressed to this sink, through Backstage's Notifications API. Backstage resolves the entities' refs
 * to people. One notification per repository and line of history (branch, tag
 * or pull request): the next result updates it. Several events at once become
 * one notification. Operator events go to the recipients named here.
 */
struct notify_conf {
	const char *topic;             /* groups notifications in Backstage's settings */
	const char *const *recipients; /* entity refs, ended by NULL; or NULL */
};

/* client is borrowed, the rest is copied. */
void notify_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct notify_conf *conf);

#endif
