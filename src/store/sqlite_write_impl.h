/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_WRITE_IMPL_H
#define STORE_SQLITE_WRITE_IMPL_H

#include "store/sqlite_write.h"

/* The writer's inside, for the files that do one kind of call each. */

enum {
	W_BEGIN,
	W_COMMIT,
	W_ROLLBACK,
	W_SEEN,
	W_SEEN_ADD,
	W_EVENT_ADD,
	W_DELIVERY_ADD,
	W_STATE,
	W_STATE_SET,
	W_STATE_BUMP,
	W_STATE_DROP,
	W_AUDIT_ADD,
	W_PARKED,
	W_REROUTE,
	W_BUILD_NEWS,
	W_BUILD_REFRESH,
	W_BUILD_ENTITIES,
	W_SETTLE,
	W_RETRY,
	W_ROUTED,
	W_OF_SINK,
	W_REVIVE,
	W_NEXT_FREE,
	W_OWNERSHIP,
	W_OWNERSHIP_ADD,
	W_PICK_DELIVERIES,
	W_PICK_DEAD,
	W_PICK_EVENTS,
	W_PICK_QUARANTINE,
	W_PICK_AUDIT,
	W_PICK_BUILDS,
	W_PICK_OWNERSHIP,
	W_DROP_DELIVERY,
	W_DROP_EVENT,
	W_DROP_AUDIT,
	W_DROP_BUILD,
	W_DROP_OWNERSHIP,
	W_COUNT_REMOVED,
	W_LAST_EVENT,
	W_LAST_AUDIT,
	W_OLDEST,
	W_PROBE_FILL,
	W_PROBE_DROP,
};

static inline sqlite3_stmt *writer_stmt(const struct writer *w, unsigned n)
{
	return db_stmt(&w->db, n);
}

/* Count an event that comes to a place (1) or leaves it (-1). */
void place_count(struct tally *t, enum event_place place, int n);

/* event_seq is 0 for an entry of no event. */
void audit_add(struct writer *w, int64_t event_seq, struct span entry);

/* An outstanding delivery with this number. */
void delivery_add(struct writer *w, int64_t seq, struct span okey, const char *sink);

/* What is shown of a build, in the transaction of its event; 0: it is not news. */
void build_put(struct writer *w, int64_t event_seq, const struct store_build *b);

/* Give a build its entities if this is its latest event. */
void build_claim(struct writer *w, int64_t event_seq, struct span entities);

/* Each does its item within the group's transaction; a failure sticks to w->db. */
void write_append(struct writer *w, struct write_item *it);
void write_finish(struct writer *w, struct write_item *it);
void write_ownership(struct writer *w, struct write_item *it);
void write_put(struct writer *w, const struct write_item *it);
void write_replay(struct writer *w, struct write_item *it);
void write_reroute(struct writer *w, struct write_item *it);
void write_retain(struct writer *w, struct write_item *it);

#endif
