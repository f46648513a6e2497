/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_BUS_H
#define BACKSTAGE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"

struct backstage_client;
struct loop;

/*
 * A subscription to Backstage's event bus, read by long polls. The bus delivers
 * at most once and remembers nothing for us, so every event is a hint, and
 * whatever may have cost one is told as a gap.
 */
struct bus;

struct bus_conf {
	const char *id;            /* of the subscription: two readers of one share its events */
	const char *const *topics; /* ended by NULL */
	/* Events came, as the bus answered them; the next poll follows. */
	void (*on_events)(void *ctx, struct span answer);
	/* Subscribed, for the first time or again: what was published before may be lost. */
	void (*on_gap)(void *ctx);
	/* The bus cannot be read, which is told each time, or works again (why is NULL). */
	void (*on_trouble)(void *ctx, const char *why);
	void *ctx;
};

/* client is borrowed, strings are copied. No callback may free the bus. */
struct bus *bus_new(struct loop *l, struct backstage_client *client, const struct bus_conf *conf);
void bus_free(struct bus *b);

struct bus_status {
	bool subscribed;
	struct wall last_event; /* WALL_NONE: never */
	uint64_t answers;       /* with events */
	uint64_t failures;      /* calls that failed, each of them a gap */
};

struct bus_status bus_status(const struct bus *b);

#endif
