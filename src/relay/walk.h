/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_WALK_H
#define RELAY_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "model/cloudevent.h"
#include "store/store.h"

/*
 * Goes through the stored events that somebody asks for, oldest first, one page
 * for each walk_page(): the work of one turn is bounded however many there are.
 */
struct walk;

/* Owner and repository are patterns as in routes; NULL: any. */
struct walk_filter {
	enum store_from from;
	const uint8_t *event_id;
	struct wall since, until;
	const char *sink; /* FROM_DEAD: with a dead letter for it */
	const char *owner, *repository;
	int64_t after_seq;
};

struct walk_ops {
	/* One that fits; false: want no more. facts is NULL if its body cannot be read. */
	bool (*on_event)(
		void *ctx, const struct store_found *found, const struct cloudevent_facts *facts);
	/*
	 * The page is at its end. next is where the walk goes on, 0 if that was all.
	 * May call walk_page() or walk_free().
	 */
	void (*on_page)(void *ctx, enum err e, int64_t next);
};

/* The filter's texts are copied. */
struct walk *walk_new(
	struct store *s, const struct walk_filter *f, const struct walk_ops *ops, void *ctx);

/* Not while a page is under way. */
void walk_free(struct walk *w);

/* ERR_BUSY if the store takes no questions now: on_page() will not be called. */
MUST_CHECK enum err walk_page(struct walk *w);

#endif
