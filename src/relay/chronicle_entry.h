/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_CHRONICLE_ENTRY_H
#define RELAY_CHRONICLE_ENTRY_H

#include <stdbool.h>

#include "base/clock.h"
#include "model/ownership.h"
#include "store/store.h"

/* A change of ownership on its way to the store: everything it points at is its own. */
struct entry {
	struct entry *next;
	struct store_ownership row;
	char text[];
};

/* Since when it may have been so, and the reading that found it. */
struct entry_time {
	struct wall not_before, read, since;
};

/* was is NULL for an entity that is new; audited: an audit entry commits with it. free(3) it. */
struct entry *entry_new(const struct ownership *was, const struct ownership *is,
	const struct entry_time *t, bool audited);

/* What a row says; borrows from it. */
struct ownership entry_state(const struct store_ownership *row);

/*
 * What happened, in a word of the audit trail: "added", "removed", "recreated",
 * "orphaned", "owners", "repository" or "adopted", the gravest first. What comes
 * again after its end was read is added, not recreated.
 */
const char *entry_reason(const struct ownership *was, const struct ownership *is);

#endif
