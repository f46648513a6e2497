/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_SEEK_H
#define STORE_SQLITE_SEEK_H

#include <stdint.h>

#include "base/clock.h"
#include "store/sqlite_db.h"

/*
 * The number of the first event that was received at that time or later; one
 * past the last if there is none. Times grow with numbers, so no index is
 * needed: some twenty rows are looked at.
 */
int64_t event_seq_at(struct db *db, struct wall at);

/* The same of the rows of ownership that were learned then or later. */
int64_t ownership_seq_at(struct db *db, struct wall at);

#endif
