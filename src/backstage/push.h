/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_PUSH_H
#define BACKSTAGE_PUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What a push of the catalog tells, whoever made it: which entities to read
 * again. It is a hint like an event of the bus; nothing in it is believed, and
 * that an entity is gone least of all.
 */
struct push_entity {
	struct span ref; /* canonical */
	struct span uid,
		etag; /* as the sender knows it; empty: it may be gone, or it does not say */
};

struct push_taker {
	void (*on_entity)(void *ctx, const struct push_entity *e); /* for the call only */
	void *ctx;
};

struct push_tally {
	size_t entities; /* told */
	bool whole;      /* what changed is not known by reference: read all of the catalog */
};

/*
 * Read {"entityRef": REF}, {"entity": REF or entity}, {"entities": [entity, ...]} or
 * {"resync": true}; an entity is as Backstage's catalog gives it, and of it only
 * its name, uid and etag are looked at. Any other object tells nothing. What
 * should name an entity and does not asks for a whole read. ERR_PARSE or ERR_LIMIT, with
 * nothing told and *why, a literal, if it is no such text.
 */
MUST_CHECK enum err push_read(struct span body, const struct push_taker *taker,
	struct push_tally *tally, const char **why);

#endif
