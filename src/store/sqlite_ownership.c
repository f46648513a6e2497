/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_read.h"
#include "store/sqlite_write_impl.h"

/* The record of who owned what: writing it, and reading it. */

/* --- writing --- */

/* Does the newest row, where st stands, say the same? */
static bool is_told(sqlite3_stmt *st, const struct store_ownership *o)
{
	if (o->gone || column_int(st, 2) != 0)
		return o->gone == (column_int(st, 2) != 0);
	return column_int(st, 1) == o->orphan && span_eq(column_span(st, 3), o->uid) &&
	       span_eq(column_span(st, 4), o->slug) && span_eq(column_span(st, 5), o->owners);
}

/* Compare with the newest row, and complete *o by it; false if there is nothing to add. */
static bool ownership_advances(struct writer *w, struct store_ownership *o)
{
	sqlite3_stmt *st = writer_stmt(w, W_OWNERSHIP);
	bool told;

	bind_text(st, 1, o->ref);
	o->first = !db_row(&w->db, st);
	if (o->first)
		return !o->gone;
	told = is_told(st, o);
	if (o->not_before.ms < column_int(st, 0))
		o->not_before.ms = column_int(st, 0);
	db_done(st);
	return !told;
}

static void ownership_insert(struct writer *w, const struct store_ownership *o)
{
	sqlite3_stmt *st = writer_stmt(w, W_OWNERSHIP_ADD);

	bind_text(st, 1, o->ref);
	bind_int(st, 2, o->not_before.ms);
	bind_int(st, 3, o->read.ms);
	bind_int(st, 4, o->since.ms);
	bind_int(st, 5, o->first);
	bind_int(st, 6, o->orphan);
	bind_int(st, 7, o->gone);
	bind_text(st, 8, o->uid);
	bind_text(st, 9, o->slug);
	bind_text(st, 10, o->owners);
	db_run(&w->db, st);
}

void write_ownership(struct writer *w, struct write_item *it)
{
	it->made = 0;
	for (size_t i = 0; i < it->ownership.n; i++) {
		struct store_ownership *o = &it->ownership.list[i];

		if (!ownership_advances(w, o))
			continue;
		ownership_insert(w, o);
		if (o->audit.n > 0)
			audit_add(w, 0, o->audit);
		it->made++;
	}
}

/* --- reading: rare, so the statements are not kept --- */

#define COLUMNS                                                                                    \
	"SELECT seq, ref, not_before_ms, read_ms, since_ms, first, orphan, gone, uid, slug,"       \
	" owners FROM ownership "

/* ?1 is the ref, ?2 the limit, ?3 the cursor or the time. */
static const char *const ownership_sql[] = {
	[OWNERSHIP_NEWEST] = COLUMNS "WHERE seq IN (SELECT max(seq) FROM ownership WHERE ref > ?1"
				     " GROUP BY ref ORDER BY ref LIMIT ?2) ORDER BY ref",
	[OWNERSHIP_ALL] = COLUMNS "WHERE ref = ?1 AND seq < ?3 ORDER BY seq DESC LIMIT ?2",
	[OWNERSHIP_AROUND] =
		COLUMNS "WHERE ref = ?1 AND seq >= (SELECT coalesce(max(seq), 0)"
			" FROM ownership WHERE ref = ?1 AND since_ms <= ?3) ORDER BY seq LIMIT ?2",
};

static void ownership_take(struct read_item *it, sqlite3_stmt *st)
{
	struct store_ownership *o = item_row(it, sizeof(*o));

	o->seq = column_int(st, 0);
	o->ref = arena_span(&it->mem, column_span(st, 1));
	o->not_before.ms = column_int(st, 2);
	o->read.ms = column_int(st, 3);
	o->since.ms = column_int(st, 4);
	o->first = column_int(st, 5) != 0;
	o->orphan = column_int(st, 6) != 0;
	o->gone = column_int(st, 7) != 0;
	o->uid = arena_span(&it->mem, column_span(st, 8));
	o->slug = arena_span(&it->mem, column_span(st, 9));
	o->owners = arena_span(&it->mem, column_span(st, 10));
}

static int64_t third_of(const struct store_ownership_query *q)
{
	if (q->which == OWNERSHIP_AROUND)
		return q->at.ms;
	return q->cursor == 0 ? INT64_MAX : q->cursor;
}

static void ownership_rows(struct reader *r, struct read_item *it)
{
	const struct store_ownership_query *q = &it->ownership.query;
	sqlite3_stmt *st = NULL;

	r->db.rc = sqlite3_prepare_v2(r->db.conn, ownership_sql[q->which], -1, &st, NULL);
	if (r->db.rc != SQLITE_OK)
		return;
	bind_text(st, 1, q->ref);
	bind_int(st, 2, (int64_t)q->limit + 1);
	if (q->which != OWNERSHIP_NEWEST)
		bind_int(st, 3, third_of(q));
	while (!it->more && db_row(&r->db, st)) {
		it->more = it->n == q->limit || item_is_large(it);
		if (!it->more)
			ownership_take(it, st);
	}
	sqlite3_finalize(st);
}

void read_ownership(struct reader *r, struct read_item *it)
{
	it->ownership.begins.ms = db_query_int(&r->db,
		"SELECT coalesce((SELECT since_ms FROM ownership ORDER BY seq LIMIT 1), -1)");
	if (r->db.rc == SQLITE_OK)
		ownership_rows(r, it);
}
