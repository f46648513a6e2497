/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_BUS_H
#define BACKSTAGE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"
#include "model/backoff.h"

struct backstage_client;
struct loop;

/*
 * A subscription to Backstage's event bus, read by long polls. The bus delivers
 * at most once and remembers nothing for us, so every event is a hint, and
 * whatever may have cost one is told as a gap.
 */
struct bus;

/* A quiet bus forgets a subscription that was not put for a day. */
#define BUS_RENEW_MS INT64_C(3600000)

/* What a bus is given time for, and who refuses us more of it: somebody has to mend that. */
#define BUS_RETRY   ((struct backoff){ .first_ms = 1000, .max_ms = 60000 })
#define BUS_REFUSED ((struct backoff){ .first_ms = 30000, .max_ms = 900000 })

struct bus_conf {
	const char *id;            /* of the subscription: two readers of one share its events */
	const char *const *topics; /* ended by NULL */
	int64_t renew_ms;          /* between two PUTs of a subscription that works */
	struct backoff retry;      /* after a failure */
	struct backoff refused;    /* after a 401 or 403 */
	/* Events came, as the bus answered them. The next poll waits for bus_resume(). */
	void (*on_events)(void *ctx, struct span answer);
	/* Subscribed, for the first time or again: what was published before may be lost. */
	void (*on_gap)(void *ctx);
	/*
	 * The bus cannot be read, which is told each time, or works again (why is
	 * NULL). refused: because it does not let us.
	 */
	void (*on_trouble)(void *ctx, const char *why, bool refused);
	void *ctx;
};

/* client is borrowed, strings are copied. No callback may free the bus. */
struct bus *bus_new(struct loop *l, struct backstage_client *client, const struct bus_conf *conf);
void bus_free(struct bus *b);

/* What the last answer held is safe; may be called from inside on_events(). */
void bus_resume(struct bus *b);

struct bus_status {
	bool subscribed, refused;
	struct wall last_event; /* WALL_NONE: never */
	uint64_t answers;       /* with events */
	uint64_t failures;      /* calls that failed, each of them a gap */
};

struct bus_status bus_status(const struct bus *b);

#endif
