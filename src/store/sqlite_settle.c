/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_schema.h"
#include "store/sqlite_write_impl.h"

/* What became of deliveries, and that they are to be made again. */

static bool is_over(const struct store_finish *f)
{
	return f->result == FINISH_DONE || f->result == FINISH_DEAD;
}

static bool try_settle(struct writer *w, const struct store_finish *f)
{
	sqlite3_stmt *st = writer_stmt(w, is_over(f) ? W_SETTLE : W_RETRY);

	bind_int(st, 1, f->event_seq);
	bind_text(st, 2, span_of(f->sink));
	switch (f->result) {
	case FINISH_DONE: bind_int(st, 3, DELIVERY_DONE); break;
	case FINISH_DEAD: bind_int(st, 3, DELIVERY_DEAD); break;
	case FINISH_RETRY:
	case FINISH_WAIT:
		bind_int(st, 3, w->now.ms + f->retry_ms);
		bind_int(st, 7, f->result == FINISH_RETRY);
		break;
	}
	bind_int(st, 4, w->now.ms);
	bind_int(st, 5, f->status);
	bind_text(st, 6, f->note);
	return db_run(&w->db, st) > 0;
}

/* One that is settled already stays as it is, and its audit entry is there. */
void write_finish(struct writer *w, struct write_item *it)
{
	if (it->finish.token != w->token) {
		it->result = CLAIM_STALE;
		return;
	}
	for (size_t i = 0; i < it->finish.n; i++) {
		const struct store_finish *f = &it->finish.list[i];

		if (!try_settle(w, f))
			continue;
		if (is_over(f))
			w->tally.pending--;
		if (f->result == FINISH_DEAD)
			w->tally.dead++;
		if (f->audit.n > 0)
			audit_add(w, f->event_seq, f->audit);
	}
}

/* A delivery that never was, or is forgotten; false where no more fit. */
static bool replay_new(struct writer *w, int64_t event_seq, struct span okey, const char *sink)
{
	sqlite3_stmt *st = writer_stmt(w, W_NEXT_FREE);
	int64_t seq;

	bind_int(st, 1, event_seq);
	if (!db_row(&w->db, st))
		return false;
	seq = column_int(st, 0);
	db_done(st);
	if (seq >= (event_seq + 1) * STORE_SINKS_MAX)
		return false;
	delivery_add(w, seq, okey, sink);
	return true;
}

static bool replay_old(struct writer *w, int64_t seq, int64_t state)
{
	sqlite3_stmt *st = writer_stmt(w, W_REVIVE);

	if (state == DELIVERY_PENDING)
		return false;
	bind_int(st, 1, seq);
	bind_int(st, 2, w->now.ms);
	w->tally.pending += db_run(&w->db, st);
	if (state == DELIVERY_DEAD)
		w->tally.dead--;
	return true;
}

/* Make one outstanding; false if it is already. */
static bool replay_one(struct writer *w, int64_t event_seq, struct span okey, const char *sink)
{
	sqlite3_stmt *st = writer_stmt(w, W_OF_SINK);
	int64_t seq, state;

	bind_int(st, 1, event_seq);
	bind_text(st, 2, span_of(sink));
	if (!db_row(&w->db, st))
		return replay_new(w, event_seq, okey, sink);
	seq = column_int(st, 0);
	state = column_int(st, 1);
	db_done(st);
	return replay_old(w, seq, state);
}

void write_replay(struct writer *w, struct write_item *it)
{
	const struct store_replay *r = &it->replay;
	sqlite3_stmt *st = writer_stmt(w, W_ROUTED);
	struct span okey;

	bind_int(st, 1, r->event_seq);
	if (!db_row(&w->db, st)) {
		it->result = CLAIM_STALE;
		return;
	}
	okey = arena_span(&it->mem, column_span(st, 0));
	db_done(st);
	for (size_t i = 0; i < r->sinks_n; i++)
		it->made += replay_one(w, r->event_seq, okey, r->sinks[i]);
	if (it->made > 0 && r->audit.n > 0)
		audit_add(w, r->event_seq, r->audit);
}
