/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/sqlite_read.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_seek.h"

/*
 * Whole events for those who go through many: a page hops from one to the next
 * through the index of its place. Statements are made once a page.
 */

/* Looked at for one page, whether they fit or not. */
#define LOOK_MAX 4096

/* ?1 is the first number to look at. */
static const char *const next_sql[] = {
	[FROM_ANY] = "SELECT seq FROM event WHERE seq >= ?1 ORDER BY seq LIMIT 1",
	[FROM_HISTORY] = "SELECT seq FROM event WHERE seq >= ?1 AND place = 0 ORDER BY seq LIMIT 1",
	[FROM_DEAD] = "SELECT seq >> 8 FROM delivery INDEXED BY delivery_open"
		      " WHERE state <> 1 AND state = 2 AND seq >= ?1 << 8 ORDER BY seq LIMIT 1",
	[FROM_PARKED] = "SELECT seq FROM event INDEXED BY event_parked"
			" WHERE place <> 0 AND seq >= ?1 ORDER BY seq LIMIT 1",
};

#define EVENT                                                                                      \
	"SELECT seq, id, place, received_ms, source, repository, outcome, okey, fact, body"        \
	" FROM event WHERE seq = ?1"

#define SENT                                                                                       \
	"SELECT sink, state, tries, status, updated_ms, note FROM delivery"                        \
	" WHERE seq >= ?1 << 8 AND seq < (?1 + 1) << 8 ORDER BY seq"

struct selection {
	struct reader *r;
	struct read_item *it;
	sqlite3_stmt *next, *event, *sent;
	int64_t until; /* the first number that is too late */
};

/* The number of the first event from seq on; false if there is none. */
static bool selection_next(struct selection *s, int64_t *seq)
{
	bind_int(s->next, 1, *seq);
	if (!db_row(&s->r->db, s->next))
		return false;
	*seq = column_int(s->next, 0);
	db_done(s->next);
	return *seq < s->until;
}

/* An event has few deliveries; what they point at is copied. */
static void take_sent(struct selection *s, struct store_found *f)
{
	struct arena *mem = &s->it->mem;
	struct store_sent sent[STORE_SINKS_MAX];

	bind_int(s->sent, 1, f->event_seq);
	while (db_row(&s->r->db, s->sent)) {
		if (f->sent_n == STORE_SINKS_MAX) {
			db_done(s->sent);
			break;
		}
		sent[f->sent_n++] = (struct store_sent){
			.sink = arena_str(mem, (const char *)sqlite3_column_text(s->sent, 0)),
			.state = (enum sent_state)column_int(s->sent, 1),
			.tries = (unsigned)column_int(s->sent, 2),
			.status = (int)column_int(s->sent, 3),
			.updated = { column_int(s->sent, 4) },
			.note = arena_span(mem, column_span(s->sent, 5)),
		};
	}
	f->sent = arena_copy(mem, sent, f->sent_n * sizeof(*sent));
}

/* Before a body is read, what stands in front of it tells whether it fits. */
static bool event_fits(const struct store_select *q, sqlite3_stmt *st)
{
	struct span repository = column_span(st, 5);

	return q->repository.n == 0 || span_eq_nocase(repository, q->repository);
}

static bool sent_fits(const struct store_select *q, const struct store_found *f)
{
	if (q->from != FROM_DEAD || q->sink == NULL)
		return true;
	for (size_t i = 0; i < f->sent_n; i++) {
		if (f->sent[i].state == SENT_DEAD && strcmp(f->sent[i].sink, q->sink) == 0)
			return true;
	}
	return false;
}

static void take_columns(struct arena *mem, sqlite3_stmt *st, struct store_found *f)
{
	struct span id = column_span(st, 1);

	f->event_seq = column_int(st, 0);
	if (id.n == UUID_BYTES)
		memcpy(f->id, id.p, UUID_BYTES);
	f->place = (enum event_place)column_int(st, 2);
	f->received.ms = column_int(st, 3);
	f->source = arena_span(mem, column_span(st, 4));
	f->repository = arena_span(mem, column_span(st, 5));
	f->outcome = arena_span(mem, column_span(st, 6));
	f->okey = arena_span(mem, column_span(st, 7));
	f->fact = arena_span(mem, column_span(st, 8));
	f->body = arena_span(mem, column_span(st, 9));
}

static void take_event(struct selection *s, int64_t seq)
{
	const struct store_select *q = &s->it->select;
	struct store_found *f;

	bind_int(s->event, 1, seq);
	if (!db_row(&s->r->db, s->event))
		return;
	if (event_fits(q, s->event)) {
		f = item_row(s->it, sizeof(*f));
		take_columns(&s->it->mem, s->event, f);
		take_sent(s, f);
		if (!sent_fits(q, f))
			s->it->n--;
	}
	db_done(s->event);
}

/* From where to where; an id is a range of one. */
static int64_t selection_range(struct selection *s)
{
	const struct store_select *q = &s->it->select;
	struct db *db = &s->r->db;
	int64_t first = q->after_seq + 1, since;

	s->until = q->until.ms == WALL_NONE.ms ? INT64_MAX : event_seq_at(db, q->until);
	if (q->since.ms != WALL_NONE.ms) {
		since = event_seq_at(db, q->since);
		first = since > first ? since : first;
	}
	if (q->event_id != NULL) {
		int64_t seq = read_event_seq(s->r, q->event_id);

		first = seq > first ? seq : first;
		s->until = seq + 1 < s->until ? seq + 1 : s->until;
	}
	return first;
}

void read_select(struct reader *r, struct read_item *it)
{
	const struct store_select *q = &it->select;
	struct selection s = { .r = r, .it = it };
	int64_t seq = selection_range(&s);

	s.next = read_prepare(r, next_sql[q->from]);
	s.event = read_prepare(r, EVENT);
	s.sent = read_prepare(r, SENT);
	for (unsigned looked = 0; selection_next(&s, &seq); seq++) {
		if (it->n == q->limit || looked++ == LOOK_MAX || item_is_large(it)) {
			it->resume = seq - 1;
			break;
		}
		take_event(&s, seq);
	}
	sqlite3_finalize(s.next);
	sqlite3_finalize(s.event);
	sqlite3_finalize(s.sent);
}
