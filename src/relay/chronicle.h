/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_CHRONICLE_H
#define RELAY_CHRONICLE_H

#include <stdbool.h>

#include "base/clock.h"

struct catalog;
struct journal;
struct loop;
struct store;

/*
 * Keeps the record of who owned what. Each reading of the catalog is compared
 * with the one before, and what is different goes to the store in batches, one
 * after the other:
 *
 *	a reading --> differences --> queue --> batch --> store
 *	              too many, or unsure --> compare the record itself, a page at a time
 *
 * The record itself is compared after the first whole reading of each start, so
 * that what changed meanwhile, and what a crash kept from being written, is found.
 */
struct chronicle;

struct chronicle *chronicle_new(struct loop *l, struct store *store, struct journal *journal);

/* The store must be closed before: its last answers still come here. */
void chronicle_free(struct chronicle *c);

struct chronicle_reading {
	bool whole; /* of the whole catalog; else of what a hint named */
	struct wall began, ended;
};

/* The catalog is now this, and was that, or NULL. now must stay until the next call. */
void chronicle_note(struct chronicle *c, const struct catalog *before, const struct catalog *now,
	const struct chronicle_reading *r);

/* When the newest whole reading began whose differences are on their way; WALL_NONE: none. */
struct wall chronicle_confirmed(const struct chronicle *c);

#endif
