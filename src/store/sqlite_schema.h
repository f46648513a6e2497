/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include <stddef.h>

#include "base/err.h"
#include "store/sqlite_db.h"
#include "store/store.h"

/* "STWR": how file(1) and we tell our file from another program's. */
#define SQLITE_STORE_APP_ID 0x53545752

/*
 * delivery.seq = event.seq * STORE_SINKS_MAX + the place among the event's
 * sinks, so that one small integer finds a delivery and its event. SQL shifts.
 */
_Static_assert(STORE_SINKS_MAX == 1 << 8, "SQL shifts by 8");

/* event.place is enum event_place; these are delivery.state. */
enum delivery_state {
	DELIVERY_PENDING = 0,
	DELIVERY_DONE = 1,
	DELIVERY_DEAD = 2,
};

/*
 * Steps from one version of the schema to the next, the first from an empty
 * file. Each is one transaction together with user_version, so a power cut
 * leaves the old version or the new one.
 */
MUST_CHECK enum err schema_migrate(
	struct db *db, const char *const *step, size_t steps, char **why);

/*
 * Make sure that the file is ours, sound and of this version: create the tables
 * in an empty one, migrate an older one, refuse any other. dirty says that the
 * last close was not clean.
 */
MUST_CHECK enum err schema_open(struct db *db, const char *path, bool dirty, char **why);

#endif
