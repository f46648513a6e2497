/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_write_impl.h"

/* What comes in: events with all that belongs to them, and state. */

static struct span id_span(const uint8_t *id)
{
	return (struct span){ .p = (const char *)id, .n = UUID_BYTES };
}

void place_count(struct tally *t, enum event_place place, int n)
{
	switch (place) {
	case EVENT_ROUTED: break;
	case EVENT_QUARANTINED: t->quarantined += n; break;
	case EVENT_WAITING: t->waiting += n; break;
	}
}

static bool is_seen(struct writer *w, const uint8_t *id)
{
	sqlite3_stmt *st = writer_stmt(w, W_SEEN);
	bool seen;

	bind_blob(st, 1, id_span(id));
	seen = db_row(&w->db, st);
	if (seen)
		db_done(st);
	return seen;
}

static void seen_add(struct writer *w, const uint8_t *id, int64_t event_seq)
{
	sqlite3_stmt *st = writer_stmt(w, W_SEEN_ADD);

	bind_blob(st, 1, id_span(id));
	if (event_seq == 0)
		sqlite3_bind_null(st, 2);
	else
		bind_int(st, 2, event_seq);
	db_run(&w->db, st);
}

void audit_add(struct writer *w, int64_t event_seq, struct span entry)
{
	sqlite3_stmt *st = writer_stmt(w, W_AUDIT_ADD);

	if (event_seq == 0)
		sqlite3_bind_null(st, 1);
	else
		bind_int(st, 1, event_seq);
	bind_text(st, 2, entry);
	bind_int(st, 3, w->now.ms);
	w->tally.audit += db_run(&w->db, st);
}

/* The row of a key: true if there is one, and then db_done() is owed. */
static bool state_row(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = writer_stmt(w, W_STATE);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	return db_row(&w->db, st);
}

static bool versions_hold(struct writer *w, const struct store_append *a)
{
	sqlite3_stmt *st = writer_stmt(w, W_STATE);

	for (size_t i = 0; i < a->puts_n; i++) {
		int64_t version = 0;

		if (state_row(w, &a->puts[i])) {
			version = column_int(st, 0);
			db_done(st);
		}
		if (version != a->puts[i].expect)
			return false;
	}
	return true;
}

/* Copy what the store holds for each put, for the one who was refused. */
static const struct store_held *held_copy(struct writer *w, struct write_item *it)
{
	const struct store_append *a = &it->append;
	struct store_held *held = arena_alloc(&it->mem, a->puts_n * sizeof(*held));
	sqlite3_stmt *st = writer_stmt(w, W_STATE);

	for (size_t i = 0; i < a->puts_n; i++) {
		if (!state_row(w, &a->puts[i]))
			continue;
		held[i].version = column_int(st, 0);
		held[i].value = arena_span(&it->mem, column_span(st, 1));
		db_done(st);
	}
	return held;
}

static void state_drop(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = writer_stmt(w, W_STATE_DROP);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	db_run(&w->db, st);
}

static void state_set(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = writer_stmt(w, W_STATE_SET);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	bind_int(st, 3, p->expect + 1);
	bind_text(st, 4, p->value);
	db_run(&w->db, st);
}

static void state_bump(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = writer_stmt(w, W_STATE_BUMP);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	bind_text(st, 3, p->value);
	db_run(&w->db, st);
}

void delivery_add(struct writer *w, int64_t seq, struct span okey, const char *sink)
{
	sqlite3_stmt *st = writer_stmt(w, W_DELIVERY_ADD);

	bind_int(st, 1, seq);
	bind_int(st, 2, store_part(okey));
	bind_text(st, 3, span_of(sink));
	bind_text(st, 4, okey);
	bind_int(st, 5, w->now.ms);
	w->tally.pending += db_run(&w->db, st);
}

static void deliveries_add(
	struct writer *w, int64_t event_seq, struct span okey, const char *const *sinks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		delivery_add(w, event_seq * STORE_SINKS_MAX + (int64_t)i, okey, sinks[i]);
}

static int64_t event_add(struct writer *w, const struct store_event *ev)
{
	sqlite3_stmt *st = writer_stmt(w, W_EVENT_ADD);

	bind_blob(st, 1, id_span(ev->id));
	bind_int(st, 2, ev->place);
	bind_int(st, 3, w->now.ms);
	bind_text(st, 4, ev->source);
	bind_text(st, 5, ev->type);
	bind_text(st, 6, ev->repository);
	bind_text(st, 7, ev->outcome);
	bind_text(st, 8, ev->okey);
	bind_text(st, 9, ev->fact);
	bind_text(st, 10, ev->body);
	w->tally.events += db_run(&w->db, st);
	place_count(&w->tally, ev->place, 1);
	return sqlite3_last_insert_rowid(w->db.conn);
}

static void append_write(struct writer *w, struct write_item *it)
{
	const struct store_append *a = &it->append;
	int64_t seq = 0;

	if (a->event != NULL) {
		seq = event_add(w, a->event);
		seen_add(w, a->event->id, seq);
		deliveries_add(w, seq, a->event->okey, a->sinks, a->sinks_n);
	} else if (a->seen_id != NULL) {
		seen_add(w, a->seen_id, 0);
	}
	for (size_t i = 0; i < a->puts_n; i++) {
		if (a->puts[i].value.n == 0)
			state_drop(w, &a->puts[i]);
		else
			state_set(w, &a->puts[i]);
	}
	for (size_t i = 0; i < a->audit_n; i++)
		audit_add(w, seq, a->audit[i]);
	if (a->build != NULL)
		build_put(w, seq, a->build);
	it->answer = (struct append_answer){ .result = APPEND_STORED, .seq = seq };
}

/* Check all before the first write: a refusal then has nothing to take back. */
void write_append(struct writer *w, struct write_item *it)
{
	const struct store_append *a = &it->append;
	const uint8_t *id = a->event != NULL ? a->event->id : a->seen_id;

	if (id != NULL && is_seen(w, id))
		it->answer.result = APPEND_DUPLICATE;
	else if (versions_hold(w, a))
		append_write(w, it);
	else
		it->answer = (struct append_answer){ APPEND_CONFLICT, 0, held_copy(w, it) };
}

void write_reroute(struct writer *w, struct write_item *it)
{
	const struct store_reroute *r = &it->reroute;
	sqlite3_stmt *st = writer_stmt(w, W_PARKED);
	struct span okey;

	bind_int(st, 1, r->event_seq);
	if (!db_row(&w->db, st)) {
		it->result = CLAIM_STALE;
		return;
	}
	place_count(&w->tally, (enum event_place)column_int(st, 0), -1);
	okey = arena_span(&it->mem, column_span(st, 1));
	db_done(st);

	st = writer_stmt(w, W_REROUTE);
	bind_int(st, 1, r->event_seq);
	bind_int(st, 2, r->place);
	bind_text(st, 3, r->body);
	db_run(&w->db, st);
	place_count(&w->tally, r->place, 1);
	deliveries_add(w, r->event_seq, okey, r->sinks, r->sinks_n);
	build_claim(w, r->event_seq, r->entities);
	if (r->audit.n > 0)
		audit_add(w, r->event_seq, r->audit);
}

void write_put(struct writer *w, const struct write_item *it)
{
	for (size_t i = 0; i < it->put.n; i++) {
		if (it->put.list[i].value.n == 0)
			state_drop(w, &it->put.list[i]);
		else
			state_bump(w, &it->put.list[i]);
	}
}
