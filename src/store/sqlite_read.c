/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_read.h"

#include <stdlib.h>

/* Scans and lists answer with more after so many bytes. */
#define ANSWER_BYTES ((size_t)4 * 1024 * 1024)

enum {
	R_BEGIN,
	R_COMMIT,
	R_SINK,
	R_HEAD,
	R_LANE,
	R_GET,
	R_SCAN,
	R_PARKED,
	R_AUDIT,
	R_AUDIT_ENDS,
};

#define OUTSTANDING                                                                                \
	"SELECT d.okey, d.seq, d.tries, d.due_ms, e.id, e.body"                                    \
	" FROM delivery AS d INDEXED BY delivery_lane CROSS JOIN event AS e ON e.seq = d.seq >> 8" \
	" WHERE d.state = 0 AND d.part = ?1 AND d.sink = ?2 "

static const char *const read_sql[] = {
	[R_BEGIN] = "BEGIN",
	[R_COMMIT] = "COMMIT",
	[R_SINK] = "SELECT sink FROM delivery INDEXED BY delivery_lane"
		   " WHERE state = 0 AND part = ?1 AND sink > ?2 ORDER BY sink LIMIT 1",
	[R_HEAD] = OUTSTANDING "AND d.okey > ?3 ORDER BY d.okey, d.seq LIMIT 1",
	[R_LANE] = OUTSTANDING "AND d.okey = ?3 AND d.seq > ?4 ORDER BY d.seq LIMIT ?5",
	[R_GET] = "SELECT version, value FROM state WHERE ns = ?1 AND key = ?2",
	[R_SCAN] = "SELECT key, version, value FROM state WHERE ns = ?1 AND key > ?2"
		   " ORDER BY key LIMIT ?3",
	[R_PARKED] = "SELECT seq, id, place, source, okey, fact, body"
		     " FROM event INDEXED BY event_parked"
		     " WHERE place <> 0 AND seq > ?1 ORDER BY seq LIMIT ?2",
	[R_AUDIT] = "SELECT seq, entry FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
	[R_AUDIT_ENDS] = "SELECT coalesce((SELECT min(seq) FROM audit), 0),"
			 " coalesce((SELECT max(seq) FROM audit), 0)",
};

enum err reader_prepare(struct reader *r, char **why)
{
	if (db_exec(&r->db, "PRAGMA query_only = ON") != ERR_OK) {
		*why = db_why(&r->db, sqlite3_db_filename(r->db.conn, "main"), "read it");
		return ERR_IO;
	}
	return db_prepare(&r->db, read_sql, ARRAY_SIZE(read_sql), why);
}

static sqlite3_stmt *stmt(const struct reader *r, unsigned n)
{
	return db_stmt(&r->db, n);
}

sqlite3_stmt *read_prepare(struct reader *r, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (r->db.rc == SQLITE_OK)
		r->db.rc = sqlite3_prepare_v2(r->db.conn, sql, -1, &st, NULL);
	return st;
}

void *item_row(struct read_item *it, size_t size)
{
	char *row;

	if (it->n == it->cap) {
		it->cap = it->cap == 0 ? 8 : it->cap * 2;
		it->rows = xrealloc(it->rows, it->cap, size);
	}
	row = (char *)it->rows + it->n++ * size;
	return memset(row, 0, size);
}

bool item_is_large(const struct read_item *it)
{
	return it->mem.bytes > ANSWER_BYTES;
}

/* Take the row of an OUTSTANDING statement; false, with more, if it is too much. */
static bool claim_take(struct reader *r, struct read_item *it, const char *sink, sqlite3_stmt *st)
{
	struct span body = column_span(st, 5), id = column_span(st, 4);
	struct store_delivery *d;

	if (it->n > 0 &&
		(it->n >= it->claim.items_max || it->mem.bytes + body.n > it->claim.bytes_max)) {
		it->more = true;
		return false;
	}
	d = item_row(it, sizeof(*d));
	d->event_seq = column_int(st, 1) / STORE_SINKS_MAX;
	d->part = it->claim.part;
	d->sink = sink;
	d->okey = arena_span(&it->mem, column_span(st, 0));
	d->tries = (unsigned)column_int(st, 2);
	d->wait_ms = column_int(st, 3) - r->now.ms;
	d->body = arena_span(&it->mem, body);
	if (id.n == UUID_BYTES)
		memcpy(d->event_id, id.p, UUID_BYTES);
	return true;
}

/* Take up to n of a lane, from behind the delivery after. */
static void claim_lane(struct reader *r, struct read_item *it, const char *sink, struct span okey,
	int64_t after, unsigned n)
{
	sqlite3_stmt *st = stmt(r, R_LANE);

	bind_int(st, 1, it->claim.part);
	bind_text(st, 2, span_of(sink));
	bind_text(st, 3, okey);
	bind_int(st, 4, after);
	bind_int(st, 5, n);
	while (db_row(&r->db, st)) {
		if (!claim_take(r, it, sink, st)) {
			db_done(st);
			return;
		}
	}
}

/* Hop from lane to lane: what it costs is their number, not the backlog. */
static void claim_sink(
	struct reader *r, struct read_item *it, const char *sink, struct span after_okey)
{
	sqlite3_stmt *st = stmt(r, R_HEAD);
	struct span okey = after_okey;

	if (it->claim.okey.n > 0) {
		claim_lane(r, it, sink, it->claim.okey, 0, it->claim.per_lane);
		return;
	}
	bind_int(st, 1, it->claim.part);
	bind_text(st, 2, span_of(sink));
	bind_text(st, 3, okey);
	while (!it->more && db_row(&r->db, st)) {
		int64_t seq = column_int(st, 1);
		bool taken = claim_take(r, it, sink, st);

		if (taken)
			okey = ((struct store_delivery *)it->rows)[it->n - 1].okey;
		db_done(st);
		if (taken && it->claim.per_lane > 1)
			claim_lane(r, it, sink, okey, seq, it->claim.per_lane - 1);
		bind_text(st, 3, okey);
	}
}

/* The first sink after this one that has outstanding deliveries in the partition; or NULL. */
static const char *next_sink(struct reader *r, struct read_item *it, const char *sink)
{
	sqlite3_stmt *st = stmt(r, R_SINK);
	const char *next;

	bind_int(st, 1, it->claim.part);
	bind_text(st, 2, span_of(sink));
	if (!db_row(&r->db, st))
		return NULL;
	next = arena_str(&it->mem, (const char *)sqlite3_column_text(st, 0));
	db_done(st);
	return next;
}

static void read_claim(struct reader *r, struct read_item *it)
{
	const struct store_claim *c = &it->claim;
	const char *sink = c->after_sink;

	it->stale = c->token != r->token;
	if (it->stale)
		return;
	if (c->sink != NULL) {
		claim_sink(r, it, c->sink, c->after_okey);
		return;
	}
	if (sink != NULL)
		claim_sink(r, it, sink, c->after_okey);
	while (!it->more && (sink = next_sink(r, it, sink)) != NULL)
		claim_sink(r, it, sink, (struct span){ 0 });
}

static void read_get(struct reader *r, struct read_item *it)
{
	sqlite3_stmt *st = stmt(r, R_GET);
	struct store_row *row;

	bind_text(st, 1, span_of(it->scan.ns));
	bind_text(st, 2, it->scan.key);
	if (!db_row(&r->db, st)) {
		it->err = ERR_NOTFOUND;
		return;
	}
	row = item_row(it, sizeof(*row));
	row->version = column_int(st, 0);
	row->value = arena_span(&it->mem, column_span(st, 1));
	db_done(st);
}

static void read_scan(struct reader *r, struct read_item *it)
{
	sqlite3_stmt *st = stmt(r, R_SCAN);

	bind_text(st, 1, span_of(it->scan.ns));
	bind_text(st, 2, it->scan.key);
	bind_int(st, 3, (int64_t)it->scan.limit + 1);
	while (db_row(&r->db, st)) {
		struct store_row *row;

		it->more = it->n == it->scan.limit || item_is_large(it);
		if (it->more) {
			db_done(st);
			return;
		}
		row = item_row(it, sizeof(*row));
		row->key = arena_span(&it->mem, column_span(st, 0));
		row->version = column_int(st, 1);
		row->value = arena_span(&it->mem, column_span(st, 2));
	}
}

static void parked_take(struct read_item *it, sqlite3_stmt *st)
{
	struct store_parked *p = item_row(it, sizeof(*p));
	struct span id = column_span(st, 1);

	p->event_seq = column_int(st, 0);
	if (id.n == UUID_BYTES)
		memcpy(p->id, id.p, UUID_BYTES);
	p->place = (enum event_place)column_int(st, 2);
	p->source = arena_span(&it->mem, column_span(st, 3));
	p->okey = arena_span(&it->mem, column_span(st, 4));
	p->fact = arena_span(&it->mem, column_span(st, 5));
	p->body = arena_span(&it->mem, column_span(st, 6));
}

static void read_parked(struct reader *r, struct read_item *it)
{
	sqlite3_stmt *st = stmt(r, R_PARKED);

	bind_int(st, 1, it->parked.after_seq);
	bind_int(st, 2, (int64_t)it->parked.limit + 1);
	while (db_row(&r->db, st)) {
		it->more = it->n == it->parked.limit || item_is_large(it);
		if (it->more) {
			db_done(st);
			return;
		}
		parked_take(it, st);
	}
}

static void read_audit(struct reader *r, struct read_item *it)
{
	sqlite3_stmt *st = stmt(r, R_AUDIT_ENDS);

	if (db_row(&r->db, st)) {
		it->audit.first = column_int(st, 0);
		it->audit.last = column_int(st, 1);
		db_done(st);
	}
	st = stmt(r, R_AUDIT);
	bind_int(st, 1, it->audit.after_seq);
	bind_int(st, 2, it->audit.limit);
	while (db_row(&r->db, st)) {
		struct store_entry *row = item_row(it, sizeof(*row));

		row->seq = column_int(st, 0);
		row->entry = arena_span(&it->mem, column_span(st, 1));
		if (item_is_large(it)) {
			db_done(st);
			return;
		}
	}
}

static void item_read(struct reader *r, struct read_item *it)
{
	switch (it->op) {
	case READ_CLAIM: read_claim(r, it); break;
	case READ_GET: read_get(r, it); break;
	case READ_SCAN: read_scan(r, it); break;
	case READ_PARKED: read_parked(r, it); break;
	case READ_QUERY: read_query(r, it); break;
	case READ_SELECT: read_select(r, it); break;
	case READ_AUDIT: read_audit(r, it); break;
	case READ_BUILDS: read_builds(r, it); break;
	case READ_OWNERSHIP: read_ownership(r, it); break;
	case READ_CHECKPOINT: break;
	}
	if (r->db.rc == SQLITE_OK)
		return;
	if (!db_is_busy(&r->db))
		db_die(&r->db, "read");
	r->db.rc = SQLITE_OK;
	it->err = ERR_BUSY;
}

/* What it leaves, for want of room or for a lock, the writer will bring in. */
static void read_checkpoint(struct reader *r)
{
	r->db.rc =
		sqlite3_wal_checkpoint_v2(r->db.conn, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	r->db.sys_errno = sqlite3_system_errno(r->db.conn);
	if (r->db.rc != SQLITE_OK && !db_is_full(&r->db) && !db_is_busy(&r->db))
		db_die(&r->db, "checkpoint");
	r->db.rc = SQLITE_OK;
}

static struct read_batch *batch_of(struct worker_job *job)
{
	return CONTAINER_OF(job, struct read_batch, job);
}

void reader_work(struct reader *r, struct worker_job *jobs)
{
	bool checkpoint = false;

	r->now = store_clock_now(r->clock);
	db_run(&r->db, stmt(r, R_BEGIN));
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		for (struct read_item *it = batch_of(j)->first; it != NULL; it = it->next) {
			item_read(r, it);
			checkpoint = checkpoint || it->op == READ_CHECKPOINT;
		}
	}
	db_run(&r->db, stmt(r, R_COMMIT));
	if (r->db.rc != SQLITE_OK)
		db_die(&r->db, "read");
	if (checkpoint)
		read_checkpoint(r);
}
