/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_KEEPER_H
#define RELAY_KEEPER_H

#include <stddef.h>

struct catalog;
struct catalog_builder;
struct loop;
struct store;

/*
 * Keeps the last known catalog in the store, so that a restart without Backstage
 * still routes. Only what changed is written.
 */
struct keeper;

/* on_unkept is called a while after the store did not take something: try the rest again. */
struct keeper *keeper_new(
	struct loop *l, struct store *store, void (*on_unkept)(void *ctx), void *ctx);
void keeper_free(struct keeper *k);

/*
 * Read it all back. on_loaded gets a builder with what was kept, or NULL if
 * nothing ever was; it owns it.
 */
void keeper_load(
	struct keeper *k, void (*on_loaded)(void *ctx, struct catalog_builder *b), void *ctx);

struct keeper_change {
	size_t added, changed, removed;
};

/* Write how now differs from before; before may be NULL. Says how much that was. */
struct keeper_change keeper_keep(
	struct keeper *k, const struct catalog *before, const struct catalog *now);

/* Write what the store did not take of earlier changes, as it is in now, which may be NULL. */
void keeper_keep_rest(struct keeper *k, const struct catalog *now);

#endif
