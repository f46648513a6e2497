/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_SAFE_IMPL_H
#define SECRET_SAFE_IMPL_H

#include <sys/queue.h>

#include "base/map.h"
#include "io/loop.h"
#include "secret/keyring.h"
#include "secret/provider.h"
#include "secret/safe.h"

/* What safe.c and safe_*.c share; nobody else includes it. */

struct safe_wait {
	TAILQ_ENTRY(safe_wait) link;
	struct safe_entry *entry;
	void (*on_secret)(void *ctx, const struct secret *secret, enum err e, const char *why);
	void *ctx;
};

struct safe_watch {
	TAILQ_ENTRY(safe_watch) link;
	struct safe_entry *entry;
	void (*on_word)(void *ctx, enum err e, const char *why);
	void *ctx;
};

/* One secret. In safe->entries from its first question on. */
struct safe_entry {
	TAILQ_ENTRY(safe_entry) link;
	struct safe *safe;
	struct safe_place *place;
	char *path, *field;
	struct keyring ring;
	char version[SECRET_VERSION_MAX];
	struct mono fetched; /* ring.current, last */
	struct mono due;     /* to be asked for again */
	bool is_doubted;     /* this value was, once */
	bool pinned;         /* the configuration has it: kept fresh */
	bool marked;
	bool awaited;
	unsigned failures; /* in a row */
	struct provider_ask ask, ask_before;
	struct loop_timer *timer; /* when to ask again, or forget */
	struct loop_task kick;    /* tell those that wait of what is known already */
	TAILQ_HEAD(, safe_wait) waits;
	TAILQ_HEAD(, safe_watch) watches; /* kept fresh for them too */
};

struct safe_place {
	struct provider *provider;
	char trouble[256];
	uint64_t fetches, failures, changes;
	struct wall word_at;
};

#define SAFE_PLACES_MAX 256

struct safe {
	struct safe_needs needs;
	struct safe_place *place[SAFE_PLACES_MAX];
	size_t places;
	TAILQ_HEAD(, safe_entry) entries;
	size_t count;
	struct loop_task news; /* on_change is owed */
	size_t awaited;        /* entries that on_ready waits for */
	bool awaiting;
	struct loop_task ready;
	enum err ready_err;
	char ready_why[512];
	void (*on_ready)(void *ctx, enum err e, const char *why);
	void *ready_ctx;
};

/* safe_entry.c: one entry's way. */
struct safe_entry *safe_entry_find(
	const struct safe *s, const char *provider, const char *path, const char *field);
struct safe_entry *safe_entry_new(
	struct safe *s, struct safe_place *place, const char *path, const char *field);
void safe_entry_free(struct safe_entry *e);

/* Ask its provider now, unless that is under way. */
void safe_entry_ask(struct safe_entry *e);
void safe_entry_doubt(struct safe_entry *e);
bool safe_entry_is_fresh(const struct safe_entry *e);

/* Does nobody wait for it or watch it? */
bool safe_entry_is_idle(const struct safe_entry *e);

/* Tell those that watch. */
void safe_entry_tell(struct safe_entry *e, enum err err, const char *why);

/* safe.c: an entry has had its answer. */
void safe_entry_answered(struct safe_entry *e, enum err err, const char *why);

#endif
