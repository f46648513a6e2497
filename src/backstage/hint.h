/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_HINT_H
#define BACKSTAGE_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What the events of one answer of Backstage's bus say about the catalog: which
 * entities to read again. Events are hints only: nothing in them is believed.
 */
struct hint_taker {
	/* A canonical ref, for the call only. repeats: its topic tells the same every round. */
	void (*on_ref)(void *ctx, struct span ref, bool repeats);
	void *ctx;
};

struct hint_tally {
	size_t events;
	bool whole; /* what changed is not known by reference: read all of the catalog */
};

/*
 * Read {"events":[{"topic":…,"payload":…},…]}. An event tells of the entity in
 * its payload's "entityRef" or "entity"; a push that touches a catalog-info file
 * asks for a whole read, and so does a ref that is none. ERR_PARSE or ERR_LIMIT,
 * with nothing told, if this is no such answer.
 */
MUST_CHECK enum err hint_read(
	struct span answer, const struct hint_taker *taker, struct hint_tally *tally);

#endif
