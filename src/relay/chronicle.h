/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_CHRONICLE_H
#define RELAY_CHRONICLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

struct catalog;
struct catalog_change;
struct journal;
struct loop;
struct store;

/*
 * Keeps the record of who owned what. What changes in the catalog goes to the
 * store in batches, one after the other:
 *
 *	a change --> queue --> batch --> store
 *	too many --> compare the record itself, a page at a time
 *
 * The record itself is compared after the first whole reading of each start, so
 * that what changed meanwhile, and what a crash kept from being written, is found.
 */
struct chronicle;

/* catalog is borrowed. */
struct chronicle *chronicle_new(struct loop *l, struct store *store, struct journal *journal,
	const struct catalog *catalog);

/* The store must be closed before: its last answers still come here. */
void chronicle_free(struct chronicle *c);

struct chronicle_reading {
	bool whole; /* of the whole catalog; else of what a hint named */
	struct wall began, ended;
};

/* The catalog has changed, as was found out now. */
void chronicle_change(struct chronicle *c, const struct catalog_change *change, struct wall now);

/* A reading has ended, and all its changes were told. */
void chronicle_read(struct chronicle *c, const struct chronicle_reading *r);

/* Changes that are not written yet; one more while the record is being compared. */
size_t chronicle_behind(const struct chronicle *c);

/* When the newest whole reading began whose differences are on their way; WALL_NONE: none. */
struct wall chronicle_confirmed(const struct chronicle *c);

#endif
