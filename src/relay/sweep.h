/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_SWEEP_H
#define RELAY_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"
#include "relay/inquiry.h"
#include "travis/api.h"
#include "travis/reconcile.h"

struct intake_order;
struct source;

/*
 * One reading of a repository's list of builds, page by page, back to what ended
 * before a time; then all of it is taken in, what ended first before what ended
 * later, so that each line of history goes on in its order.
 *
 *	begin --> hungry --ask--> page --> hungry …
 *	                           |
 *	                           +--> take in, one after the other --> on_end
 */
struct sweep_end {
	const char *slug;
	enum travis_answer answer; /* TRAVIS_OK: all was read, and is durable */
	const char *why;
	int64_t wait_ms; /* TRAVIS_LIMITED */
	struct wall
		newest; /* all that ended up to then was read, by Travis's clock; or WALL_NONE */
	size_t told;    /* builds that were news */
};

struct sweep {
	struct relay *relay;
	struct inquiry inquiry;
	void (*on_end)(void *ctx, const struct sweep_end *end);
	void *ctx;
	char *source, *slug; /* slug is NULL: nothing is being read */
	struct wall from, oldest;
	struct mono began;
	size_t offset;
	int64_t page[TRAVIS_PAGE]; /* the builds of the page before */
	size_t page_n;
	bool moved; /* the list changed so much that something may have been overlooked */
	struct intake_order *held;
	size_t held_n, fed;
	bool hungry, feeding, waiting;
	struct sweep_end end;
};

void sweep_init(struct sweep *s, struct relay *r,
	void (*on_end)(void *ctx, const struct sweep_end *end), void *ctx);

/* What is under way is given up; not while a build is being taken in. */
void sweep_release(struct sweep *s);

/* Take in no more than what is being taken in. */
void sweep_halt(struct sweep *s);

bool sweep_is_open(const struct sweep *s);

/*
 * Read the builds of slug that ended since from, and those that are not over but
 * began since oldest. on_end runs once it is at its end.
 */
void sweep_begin(struct sweep *s, const char *source, struct span slug, struct wall from,
	struct wall oldest);

/* Is there a page to ask for? When is the caller's to decide. */
bool sweep_is_hungry(const struct sweep *s);
void sweep_ask(struct sweep *s, const struct source *source, struct span entity);

#endif
