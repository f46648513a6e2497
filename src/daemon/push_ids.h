/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PUSH_IDS_H
#define DAEMON_PUSH_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;
struct store;

/*
 * The ids of pushes that were taken, in the store: a push whose id is there is a
 * repeat, also after a restart. An id is forgotten when the time that it was
 * signed at is so long ago that no source takes it any more.
 */
struct push_ids;

/* No source's tolerance is longer; ids are kept for twice as long. */
#define PUSH_TOLERANCE_MAX_MS (60 * 60 * 1000)

struct push_ids *push_ids_new(struct loop *l, struct store *store);

/* The store must be closed before: its last answers still come here. */
void push_ids_free(struct push_ids *ids);

enum push_claim {
	PUSH_NEW,     /* durable now, with its audit entry */
	PUSH_KNOWN,   /* a repeat */
	PUSH_UNSTORED /* try again later */
};

/*
 * Claim an id of a source, signed at that time (seconds since 1970). Many senders
 * sign anew when they try again: of a repeat the later time counts. An
 * empty id claims nothing, and only the entry is written.
 */
struct push_id {
	const char *source;
	struct span id;
	int64_t at;
	struct span audit; /* an entry that commits with it */
};

/* ERR_BUSY, without callback, if the store takes nothing now. */
MUST_CHECK enum err push_ids_claim(struct push_ids *ids, const struct push_id *id,
	void (*on_done)(void *ctx, enum push_claim claim), void *ctx);

#endif
