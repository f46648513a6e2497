/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_KEEPER_H
#define RELAY_KEEPER_H

#include <stddef.h>

#include "base/span.h"

struct catalog;
struct loop;
struct store;

/*
 * Keeps the catalog in the store, so that a restart without Backstage still
 * routes. Only what changed is written, a few entities at a time, so that
 * webhooks do not wait behind it.
 */
struct keeper;

/* catalog is borrowed: what is written is what it says then. */
struct keeper *keeper_new(struct loop *l, struct store *store, struct catalog *catalog);

/* The store must be closed before. */
void keeper_free(struct keeper *k);

/* Read it all back into the catalog. */
void keeper_load(struct keeper *k, void (*on_loaded)(void *ctx), void *ctx);

/* This entity has changed or is gone: write it, and again later if the store does not take it. */
void keeper_keep(struct keeper *k, struct span ref);

/* Entities that are not written yet. */
size_t keeper_behind(const struct keeper *k);

#endif
