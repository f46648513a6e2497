/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_LIVE_H
#define DAEMON_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "backstage/bus.h"
#include "backstage/catalog_patch.h"
#include "base/span.h"

struct backstage_client;
struct catalog_reader;
struct conf;
struct loop;
struct pseudonym_key;
struct store;

/*
 * The live catalog: what Backstage's event bus hints at is kept in the store, and
 * read again at once. Whoever holds the store's lease "bus" subscribes; the others
 * wait for it.
 */
struct live;

struct live_needs {
	struct loop *loop;
	struct store *store;
	const struct pseudonym_key *names; /* borrowed */
	const struct catalog *(*known)(void *ctx);
	struct catalog_reader *reader;
	void (*on_patched)(void *ctx, struct wall began); /* changed, by a look-up of then */
	void (*on_owed)(void *ctx);                       /* read all of it, soon */
	bool (*is_reading)(void *ctx);                    /* all of it, right now? */
	void (*on_alarm)(void *ctx, const char *why);     /* the bus refuses us; NULL: no more */
	void *ctx;
};

struct live *live_new(const struct live_needs *needs);

/* The store must be closed before: its last answers still come here. */
void live_free(struct live *l);

/* Begin anew with this; client is borrowed until the next call or live_stop(). */
void live_follow(struct live *l, struct backstage_client *client, const struct conf *c);
void live_stop(struct live *l);

/*
 * Somebody else than the bus hints: look this canonical ref up, or read all of it.
 * Nothing of it is kept. Without a Backstage to ask, nothing happens.
 */
void live_hint(struct live *l, struct span ref);
void live_hint_whole(struct live *l);

/* A whole read ended: what repeats itself may hint again. */
void live_refreshed(struct live *l);

/* A whole read failed; the next one begins from here. */
void live_read_failed(struct live *l);

struct live_status {
	bool wanted, held; /* configured; by this instance */
	uint64_t events, hints, repeats, pushes, whole;
	uint64_t resumed; /* lines that an earlier run or holder left */
	size_t kept;      /* told, and not followed yet */
	struct bus_status bus;
	struct catalog_patch_status patch;
	const char *trouble; /* empty: none */
};

struct live_status live_status(const struct live *l);

#endif
