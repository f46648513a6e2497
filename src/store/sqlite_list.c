/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/json_write.h"
#include "store/sqlite_read.h"
#include "store/sqlite_schema.h"

/* The operator's lists. They are rare, so their statements are not kept. */

/* Of one row as JSON: an event's body with its deliveries. */
#define ROW_BYTES ((size_t)64 * 1024 * 1024)

/*
 * In all of them ?1 is the cursor, ?2 the limit, ?3 the event's seq and ?4 the
 * state of deliveries.
 */
#define EVENT_COLUMNS                                                                              \
	"SELECT e.seq, e.id, e.received_ms, e.place, e.source, e.type, e.repository, e.outcome"

#define EVENTS EVENT_COLUMNS " FROM event AS e WHERE e.seq < ?1 ORDER BY e.seq DESC LIMIT ?2"

#define EVENT_ONE EVENT_COLUMNS ", e.body FROM event AS e WHERE e.seq = ?3 AND e.seq < ?1 LIMIT ?2"

#define QUARANTINE                                                                                 \
	EVENT_COLUMNS " FROM event AS e INDEXED BY event_parked"                                   \
		      " WHERE e.place <> 0 AND e.seq < ?1 ORDER BY e.seq DESC LIMIT ?2"

#define QUARANTINE_ONE                                                                             \
	EVENT_COLUMNS ", e.body FROM event AS e"                                                   \
		      " WHERE e.place <> 0 AND e.seq = ?3 AND e.seq < ?1 LIMIT ?2"

#define DELIVERY_COLUMNS(from)                                                                     \
	"SELECT d.seq, e.id, d.sink, d.state, d.tries, d.due_ms, d.updated_ms, d.status, d.note,"  \
	" e.repository FROM " from " CROSS JOIN event AS e ON e.seq = d.seq >> 8"

#define DELIVERIES                                                                                 \
	DELIVERY_COLUMNS("delivery AS d") " WHERE d.seq < ?1 ORDER BY d.seq DESC LIMIT ?2"

#define DELIVERIES_DONE                                                                            \
	DELIVERY_COLUMNS("delivery AS d")                                                          \
	" WHERE d.state = ?4 AND d.seq < ?1 ORDER BY d.seq DESC LIMIT ?2"

#define DELIVERIES_OPEN                                                                            \
	DELIVERY_COLUMNS("delivery AS d INDEXED BY delivery_open")                                 \
	" WHERE d.state <> 1 AND d.state = ?4 AND d.seq < ?1 ORDER BY d.seq DESC LIMIT ?2"

#define DELIVERIES_ONE                                                                             \
	DELIVERY_COLUMNS("delivery AS d")                                                          \
	" WHERE d.seq >= ?3 << 8 AND d.seq < (?3 + 1) << 8 AND d.seq < ?1"                         \
	" AND (?4 IS NULL OR d.state = ?4) ORDER BY d.seq DESC LIMIT ?2"

#define AUDIT "SELECT seq, entry FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2"

#define AUDIT_ONE                                                                                  \
	"SELECT seq, entry FROM audit INDEXED BY audit_event"                                      \
	" WHERE event_seq = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2"

static const char *const state_names[] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_DONE] = "done",
	[DELIVERY_DEAD] = "dead",
};

/* The number of a state, or -1. */
static int state_of(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(state_names); i++) {
		if (strcmp(state_names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

bool list_knows_state(const char *name)
{
	return name == NULL || state_of(name) >= 0;
}

static const char *deliveries_sql(const struct store_query *q)
{
	if (q->event_id != NULL)
		return DELIVERIES_ONE;
	if (q->delivery_state == NULL)
		return DELIVERIES;
	return state_of(q->delivery_state) == DELIVERY_DONE ? DELIVERIES_DONE : DELIVERIES_OPEN;
}

static const char *query_sql(const struct store_query *q)
{
	switch (q->list) {
	case LIST_EVENTS: return q->event_id == NULL ? EVENTS : EVENT_ONE;
	case LIST_QUARANTINE: return q->event_id == NULL ? QUARANTINE : QUARANTINE_ONE;
	case LIST_DELIVERIES: return deliveries_sql(q);
	case LIST_AUDIT: return q->event_id == NULL ? AUDIT : AUDIT_ONE;
	}
	return NULL;
}

int64_t read_event_seq(struct reader *r, const uint8_t *id)
{
	sqlite3_stmt *st = read_prepare(r, "SELECT event_seq FROM seen WHERE id = ?1");
	int64_t seq = 0;

	bind_blob(st, 1, (struct span){ .p = (const char *)id, .n = UUID_BYTES });
	if (db_row(&r->db, st))
		seq = column_int(st, 0);
	sqlite3_finalize(st);
	return seq;
}

static void member_id(struct json_writer *w, const char *key, struct span id)
{
	char text[UUID_TEXT_MAX];

	if (id.n == UUID_BYTES)
		json_member_str(w, key, uuid_format((const uint8_t *)id.p, text));
}

static void put_delivery(struct json_writer *w, sqlite3_stmt *st)
{
	size_t state = (size_t)column_int(st, 3);

	json_object_begin(w);
	json_member_int(w, "event_seq", column_int(st, 0) / STORE_SINKS_MAX);
	member_id(w, "event", column_span(st, 1));
	json_member_span(w, "sink", column_span(st, 2));
	json_member_str(w, "state", state < ARRAY_SIZE(state_names) ? state_names[state] : "?");
	json_member_int(w, "tries", column_int(st, 4));
	json_member_wall(w, "due",
		state == DELIVERY_PENDING ? (struct wall){ column_int(st, 5) } : WALL_NONE);
	json_member_wall(w, "updated", (struct wall){ column_int(st, 6) });
	json_member_int(w, "status", column_int(st, 7));
	json_member_span(w, "note", column_span(st, 8));
	json_member_span(w, "repository", column_span(st, 9));
	json_object_end(w);
}

/* In the order in which they were made. */
static void put_deliveries_of(struct json_writer *w, struct reader *r, int64_t seq)
{
	sqlite3_stmt *st = read_prepare(r,
		DELIVERY_COLUMNS("delivery AS d") " WHERE d.seq >= ?1 << 8 AND d.seq < (?1 + 1) "
						  "<< 8 ORDER BY d.seq");

	json_key(w, "deliveries");
	json_array_begin(w);
	bind_int(st, 1, seq);
	while (db_row(&r->db, st))
		put_delivery(w, st);
	json_array_end(w);
	sqlite3_finalize(st);
}

static const char *place_name(enum event_place place)
{
	switch (place) {
	case EVENT_ROUTED: return "routed";
	case EVENT_QUARANTINED: return "quarantined";
	case EVENT_WAITING: return "waiting";
	}
	return "?";
}

static const char *place_reason(enum event_place place)
{
	switch (place) {
	case EVENT_ROUTED: break;
	case EVENT_QUARANTINED: return "no-entity";
	case EVENT_WAITING: return "no-catalog";
	}
	return NULL;
}

static void put_event(
	struct json_writer *w, struct reader *r, const struct store_query *q, sqlite3_stmt *st)
{
	enum event_place place = (enum event_place)column_int(st, 3);

	json_object_begin(w);
	json_member_int(w, "seq", column_int(st, 0));
	member_id(w, "id", column_span(st, 1));
	json_member_wall(w, "received", (struct wall){ column_int(st, 2) });
	json_member_str(w, "place", place_name(place));
	if (place_reason(place) != NULL)
		json_member_str(w, "reason", place_reason(place));
	json_member_span(w, "source", column_span(st, 4));
	json_member_span(w, "type", column_span(st, 5));
	json_member_span(w, "repository", column_span(st, 6));
	json_member_span(w, "outcome", column_span(st, 7));
	if (q->event_id != NULL) {
		json_key(w, "event");
		json_put_raw(w, column_span(st, 8));
		put_deliveries_of(w, r, column_int(st, 0));
	}
	json_object_end(w);
}

/* The object as it was given, with "seq" before its first member. */
static enum err put_audit(struct buf *out, sqlite3_stmt *st)
{
	struct span entry = column_span(st, 1);
	bool empty = entry.n <= 2;

	return buf_addf(out, "{\"seq\":%lld%s%.*s", (long long)column_int(st, 0), empty ? "}" : ",",
		empty ? 0 : (int)(entry.n - 1), entry.p + 1);
}

static enum err put_row(
	struct reader *r, const struct store_query *q, sqlite3_stmt *st, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	switch (q->list) {
	case LIST_EVENTS:
	case LIST_QUARANTINE: put_event(&w, r, q, st); break;
	case LIST_DELIVERIES: put_delivery(&w, st); break;
	case LIST_AUDIT: return put_audit(out, st);
	}
	return json_done(&w);
}

static sqlite3_stmt *query_prepare(struct reader *r, const struct store_query *q)
{
	sqlite3_stmt *st = read_prepare(r, query_sql(q));
	int64_t start = q->list == LIST_AUDIT ? 0 : INT64_MAX;

	bind_int(st, 1, q->cursor == 0 ? start : q->cursor);
	bind_int(st, 2, (int64_t)q->limit + 1);
	if (q->event_id != NULL)
		bind_int(st, 3, read_event_seq(r, q->event_id));
	if (q->delivery_state != NULL)
		bind_int(st, 4, state_of(q->delivery_state));
	return st;
}

void read_query(struct reader *r, struct read_item *it)
{
	const struct store_query *q = &it->query;
	sqlite3_stmt *st = query_prepare(r, q);
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, ROW_BYTES);
	while (it->err == ERR_OK && db_row(&r->db, st)) {
		struct store_item *row;

		it->more = it->n == q->limit || item_is_large(it);
		if (it->more)
			break;
		buf_clear(&out);
		it->err = put_row(r, q, st, &out);
		row = item_row(it, sizeof(*row));
		row->cursor = column_int(st, 0);
		row->json = arena_span(&it->mem, buf_span(&out));
	}
	sqlite3_finalize(st);
}
