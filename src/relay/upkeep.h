/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_UPKEEP_H
#define RELAY_UPKEEP_H

#include "relay/trigger_sweep.h"
#include "store/store.h"

struct loop;

/*
 * Removes what is older than the configuration says it is kept: sweep after
 * sweep in bounded steps, with pauses in which the store does what is urgent.
 */
struct upkeep;

struct upkeep *upkeep_new(struct loop *l, struct store *store);
void upkeep_free(struct upkeep *u);

/* Takes effect with the next step; audit_through of it does not count. */
void upkeep_set_retention(struct upkeep *u, const struct store_retention *r,
	const struct trigger_retention *triggers);

/* Audit entries up to this number may go when they are old. All may until it is called. */
void upkeep_set_audit_through(struct upkeep *u, int64_t seq);

void upkeep_start(struct upkeep *u);

/* Since the start. */
struct store_removed upkeep_removed(const struct upkeep *u);
struct trigger_removed upkeep_removed_triggers(const struct upkeep *u);

#endif
