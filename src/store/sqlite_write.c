/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_write.h"

#include <time.h>

#include "store/sqlite_schema.h"

/*
 * What a probe for room writes, in bytes: about as much as a busy group, so
 * that an answer of yes is worth something.
 */
#define PROBE_BYTES "262144"

/* A log of so many pages is brought into the file even when there is work. */
#define LOG_LARGE_PAGES 8192

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
	W_SETTLE,
	W_RETRY,
	W_OLDEST,
	W_PROBE_FILL,
	W_PROBE_DROP,
};

#define OF_TRY "WHERE seq >= ?1 << 8 AND seq < (?1 + 1) << 8 AND sink = ?2 AND state = 0"

static const char *const write_sql[] = {
	[W_BEGIN] = "BEGIN IMMEDIATE",
	[W_COMMIT] = "COMMIT",
	[W_ROLLBACK] = "ROLLBACK",
	[W_SEEN] = "SELECT 1 FROM seen WHERE id = ?1",
	[W_SEEN_ADD] = "INSERT INTO seen (id, event_seq) VALUES (?1, ?2)",
	[W_EVENT_ADD] = "INSERT INTO event (id, place, received_ms, source, type, repository,"
			" outcome, okey, fact, body)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[W_DELIVERY_ADD] = "INSERT INTO delivery (seq, part, sink, okey, state, tries, made_ms,"
			   " due_ms, updated_ms, status, note)"
			   " VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?5, ?5, 0, '')",
	[W_STATE] = "SELECT version, value FROM state WHERE ns = ?1 AND key = ?2",
	[W_STATE_SET] = "REPLACE INTO state (ns, key, version, value) VALUES (?1, ?2, ?3, ?4)",
	[W_STATE_BUMP] = "INSERT INTO state (ns, key, version, value) VALUES (?1, ?2, 1, ?3)"
			 " ON CONFLICT DO UPDATE SET version = version + 1, value = ?3",
	[W_STATE_DROP] = "DELETE FROM state WHERE ns = ?1 AND key = ?2",
	[W_AUDIT_ADD] = "INSERT INTO audit (event_seq, entry) VALUES (?1, ?2)",
	[W_PARKED] = "SELECT place, okey FROM event WHERE seq = ?1 AND place <> 0",
	[W_REROUTE] = "UPDATE event SET place = ?2, body = ?3 WHERE seq = ?1",
	[W_SETTLE] = "UPDATE delivery SET state = ?3, tries = tries + 1, updated_ms = ?4,"
		     " status = ?5, note = ?6 " OF_TRY,
	[W_RETRY] = "UPDATE delivery SET due_ms = ?3, tries = tries + 1, updated_ms = ?4,"
		    " status = ?5, note = ?6 " OF_TRY,
	[W_OLDEST] = "SELECT made_ms FROM delivery INDEXED BY delivery_open"
		     " WHERE state <> 1 AND state = 0 ORDER BY seq LIMIT 1",
	[W_PROBE_FILL] = "REPLACE INTO state (ns, key, version, value)"
			 " VALUES ('', 'probe', 0, zeroblob(" PROBE_BYTES "))",
	[W_PROBE_DROP] = "DELETE FROM state WHERE ns = '' AND key = 'probe'",
};

static int on_wal(void *ctx, sqlite3 *conn, const char *name, int pages)
{
	struct writer *w = ctx;

	(void)conn;
	(void)name;
	w->log_pages = pages;
	return SQLITE_OK;
}

enum err writer_prepare(struct writer *w, char **why)
{
	/* Instead of the checkpoint that SQLite would make within a commit. */
	sqlite3_wal_hook(w->db.conn, on_wal, w);
	return db_prepare(&w->db, write_sql, ARRAY_SIZE(write_sql), why);
}

static sqlite3_stmt *stmt(const struct writer *w, unsigned n)
{
	return db_stmt(&w->db, n);
}

static struct span id_span(const uint8_t *id)
{
	return (struct span){ .p = (const char *)id, .n = UUID_BYTES };
}

static void place_count(struct tally *t, enum event_place place, int n)
{
	switch (place) {
	case EVENT_ROUTED: break;
	case EVENT_QUARANTINED: t->quarantined += n; break;
	case EVENT_WAITING: t->waiting += n; break;
	}
}

static bool is_seen(struct writer *w, const uint8_t *id)
{
	sqlite3_stmt *st = stmt(w, W_SEEN);
	bool seen;

	bind_blob(st, 1, id_span(id));
	seen = db_row(&w->db, st);
	if (seen)
		db_done(st);
	return seen;
}

static void seen_add(struct writer *w, const uint8_t *id, int64_t event_seq)
{
	sqlite3_stmt *st = stmt(w, W_SEEN_ADD);

	bind_blob(st, 1, id_span(id));
	if (event_seq == 0)
		sqlite3_bind_null(st, 2);
	else
		bind_int(st, 2, event_seq);
	db_run(&w->db, st);
}

static void audit_add(struct writer *w, int64_t event_seq, struct span entry)
{
	sqlite3_stmt *st = stmt(w, W_AUDIT_ADD);

	if (event_seq == 0)
		sqlite3_bind_null(st, 1);
	else
		bind_int(st, 1, event_seq);
	bind_text(st, 2, entry);
	w->tally.audit += db_run(&w->db, st);
}

/* The row of a key: true if there is one, and then db_done() is owed. */
static bool state_row(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = stmt(w, W_STATE);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	return db_row(&w->db, st);
}

static bool versions_hold(struct writer *w, const struct store_append *a)
{
	sqlite3_stmt *st = stmt(w, W_STATE);

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
	sqlite3_stmt *st = stmt(w, W_STATE);

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
	sqlite3_stmt *st = stmt(w, W_STATE_DROP);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	db_run(&w->db, st);
}

static void state_set(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = stmt(w, W_STATE_SET);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	bind_int(st, 3, p->expect + 1);
	bind_text(st, 4, p->value);
	db_run(&w->db, st);
}

static void state_bump(struct writer *w, const struct store_put *p)
{
	sqlite3_stmt *st = stmt(w, W_STATE_BUMP);

	bind_text(st, 1, span_of(p->ns));
	bind_text(st, 2, p->key);
	bind_text(st, 3, p->value);
	db_run(&w->db, st);
}

static void deliveries_add(
	struct writer *w, int64_t event_seq, struct span okey, const char *const *sinks, size_t n)
{
	sqlite3_stmt *st = stmt(w, W_DELIVERY_ADD);

	for (size_t i = 0; i < n; i++) {
		bind_int(st, 1, event_seq * STORE_SINKS_MAX + (int64_t)i);
		bind_int(st, 2, store_part(okey));
		bind_text(st, 3, span_of(sinks[i]));
		bind_text(st, 4, okey);
		bind_int(st, 5, w->now.ms);
		w->tally.pending += db_run(&w->db, st);
	}
}

static int64_t event_add(struct writer *w, const struct store_event *ev)
{
	sqlite3_stmt *st = stmt(w, W_EVENT_ADD);

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
	it->answer = (struct append_answer){ .result = APPEND_STORED, .seq = seq };
}

/* Check all before the first write: a refusal then has nothing to take back. */
static void write_append(struct writer *w, struct write_item *it)
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

static void write_reroute(struct writer *w, struct write_item *it)
{
	const struct store_reroute *r = &it->reroute;
	sqlite3_stmt *st = stmt(w, W_PARKED);
	struct span okey;

	bind_int(st, 1, r->event_seq);
	if (!db_row(&w->db, st)) {
		it->result = CLAIM_STALE;
		return;
	}
	place_count(&w->tally, (enum event_place)column_int(st, 0), -1);
	okey = arena_span(&it->mem, column_span(st, 1));
	db_done(st);

	st = stmt(w, W_REROUTE);
	bind_int(st, 1, r->event_seq);
	bind_int(st, 2, r->place);
	bind_text(st, 3, r->body);
	db_run(&w->db, st);
	place_count(&w->tally, r->place, 1);
	deliveries_add(w, r->event_seq, okey, r->sinks, r->sinks_n);
	if (r->audit.n > 0)
		audit_add(w, r->event_seq, r->audit);
}

static bool try_settle(struct writer *w, const struct store_finish *f)
{
	sqlite3_stmt *st = stmt(w, f->result == FINISH_RETRY ? W_RETRY : W_SETTLE);

	bind_int(st, 1, f->event_seq);
	bind_text(st, 2, span_of(f->sink));
	switch (f->result) {
	case FINISH_DONE: bind_int(st, 3, DELIVERY_DONE); break;
	case FINISH_DEAD: bind_int(st, 3, DELIVERY_DEAD); break;
	case FINISH_RETRY: bind_int(st, 3, w->now.ms + f->retry_ms); break;
	}
	bind_int(st, 4, w->now.ms);
	bind_int(st, 5, f->status);
	bind_text(st, 6, f->note);
	return db_run(&w->db, st) > 0;
}

/* One that is settled already stays as it is, and its audit entry is there. */
static void write_finish(struct writer *w, struct write_item *it)
{
	if (it->finish.token != w->token) {
		it->result = CLAIM_STALE;
		return;
	}
	for (size_t i = 0; i < it->finish.n; i++) {
		const struct store_finish *f = &it->finish.list[i];

		if (!try_settle(w, f))
			continue;
		if (f->result != FINISH_RETRY)
			w->tally.pending--;
		if (f->result == FINISH_DEAD)
			w->tally.dead++;
		if (f->audit.n > 0)
			audit_add(w, f->event_seq, f->audit);
	}
}

static void write_put(struct writer *w, const struct write_item *it)
{
	for (size_t i = 0; i < it->put.n; i++) {
		if (it->put.list[i].value.n == 0)
			state_drop(w, &it->put.list[i]);
		else
			state_bump(w, &it->put.list[i]);
	}
}

static void item_write(struct writer *w, struct write_item *it)
{
	it->result = CLAIM_OK;
	switch (it->op) {
	case WRITE_APPEND: write_append(w, it); break;
	case WRITE_REROUTE: write_reroute(w, it); break;
	case WRITE_FINISH: write_finish(w, it); break;
	case WRITE_PUT: write_put(w, it); break;
	case WRITE_MAINTAIN:
	case WRITE_CHECKPOINT:
	case WRITE_PROBE: break;
	}
}

static bool item_is_upkeep(const struct write_item *it)
{
	return it->op == WRITE_MAINTAIN || it->op == WRITE_CHECKPOINT || it->op == WRITE_PROBE;
}

static void item_refuse(struct write_item *it)
{
	it->answer = (struct append_answer){ .result = APPEND_RETRY };
	it->result = CLAIM_RETRY;
}

static struct write_batch *batch_of(struct worker_job *job)
{
	return CONTAINER_OF(job, struct write_batch, job);
}

/* Take back what failed, and forget the failure if the store can live with it. */
static void writer_recover(struct writer *w, const char *doing)
{
	if (db_is_full(&w->db))
		w->full = true;
	else if (!db_is_busy(&w->db))
		db_die(&w->db, doing);
	w->db.rc = SQLITE_OK;
	/* SQLite may have rolled back by itself. */
	if (sqlite3_get_autocommit(w->db.conn) == 0)
		db_run(&w->db, stmt(w, W_ROLLBACK));
	if (w->db.rc != SQLITE_OK)
		db_die(&w->db, "roll back");
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Returns what the commit took in us, or -1 if there was nothing to commit. */
static int64_t group_commit(struct writer *w, sqlite3_int64 changes_before)
{
	int64_t from;

	if (sqlite3_total_changes64(w->db.conn) == changes_before) {
		db_run(&w->db, stmt(w, W_ROLLBACK));
		return -1;
	}
	from = now_us();
	db_run(&w->db, stmt(w, W_COMMIT));
	return now_us() - from;
}

/* Write all of jobs in one transaction; false if nothing of it was stored. */
static bool group_write(struct writer *w, struct worker_job *jobs, int64_t *commit_us)
{
	sqlite3_int64 changes = sqlite3_total_changes64(w->db.conn);

	w->now = store_clock_now(w->clock);
	db_run(&w->db, stmt(w, W_BEGIN));
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		for (struct write_item *it = batch_of(j)->first; it != NULL; it = it->next)
			item_write(w, it);
	}
	if (w->db.rc == SQLITE_OK)
		*commit_us = group_commit(w, changes);
	if (w->db.rc == SQLITE_OK)
		return true;
	writer_recover(w, "commit");
	return false;
}

static void group_refuse(struct worker_job *jobs)
{
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		for (struct write_item *it = batch_of(j)->first; it != NULL; it = it->next)
			item_refuse(it);
	}
}

/*
 * No room for a checkpoint is no news: the log stays, and is tried again. Nor
 * is a reader that holds it up. A failed fsync ends the process here as well.
 */
static void checkpoint(struct writer *w, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(w->db.conn, NULL, mode, &w->log_pages, NULL);

	if (rc == SQLITE_OK)
		return;
	w->db.rc = rc;
	w->db.sys_errno = sqlite3_system_errno(w->db.conn);
	if (!db_is_full(&w->db) && !db_is_busy(&w->db))
		db_die(&w->db, "checkpoint");
	w->db.rc = SQLITE_OK;
}

/* The reader has brought in most of the log; with the rest it can start anew. */
static void write_checkpoint(struct writer *w)
{
	/* Long enough for the reader to end what it reads. */
	sqlite3_busy_timeout(w->db.conn, 20);
	checkpoint(w, SQLITE_CHECKPOINT_RESTART);
	sqlite3_busy_timeout(w->db.conn, 0);
}

static void write_maintain(struct writer *w, bool idle)
{
	if (!w->full && db_exec(&w->db, "PRAGMA analysis_limit = 400; PRAGMA optimize") != ERR_OK)
		writer_recover(w, "optimize");
	if (idle || w->log_pages > LOG_LARGE_PAGES)
		checkpoint(w, SQLITE_CHECKPOINT_TRUNCATE);
}

/* Write to the disk, for only that tells; what the log held may be room by now. */
static void write_probe(struct writer *w)
{
	checkpoint(w, SQLITE_CHECKPOINT_TRUNCATE);
	w->full = false;
	db_run(&w->db, stmt(w, W_PROBE_FILL));
	db_run(&w->db, stmt(w, W_PROBE_DROP));
	if (w->db.rc != SQLITE_OK)
		writer_recover(w, "probe for room");
}

static void item_upkeep(struct writer *w, struct write_item *it, bool idle)
{
	switch (it->op) {
	case WRITE_MAINTAIN: write_maintain(w, idle); break;
	case WRITE_CHECKPOINT: write_checkpoint(w); break;
	case WRITE_PROBE: write_probe(w); break;
	case WRITE_APPEND:
	case WRITE_REROUTE:
	case WRITE_FINISH:
	case WRITE_PUT: return;
	}
	it->result = w->full ? CLAIM_RETRY : CLAIM_OK;
}

int64_t writer_oldest(struct writer *w)
{
	sqlite3_stmt *st = stmt(w, W_OLDEST);
	int64_t oldest = 0;

	if (db_row(&w->db, st)) {
		oldest = column_int(st, 0);
		db_done(st);
	}
	if (w->db.rc != SQLITE_OK)
		db_die(&w->db, "read the oldest delivery");
	return oldest;
}

static bool has_work(struct worker_job *jobs)
{
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		for (struct write_item *it = batch_of(j)->first; it != NULL; it = it->next) {
			if (!item_is_upkeep(it))
				return true;
		}
	}
	return false;
}

void writer_work(struct writer *w, struct worker_job *jobs)
{
	bool work = has_work(jobs);
	int64_t commit_us = -1, oldest_ms;

	w->tally = (struct tally){ 0 };
	if (work && (w->full || !group_write(w, jobs, &commit_us))) {
		w->tally = (struct tally){ 0 };
		group_refuse(jobs);
	}
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		for (struct write_item *it = batch_of(j)->first; it != NULL; it = it->next)
			item_upkeep(w, it, !work);
	}
	oldest_ms = writer_oldest(w);
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		struct write_batch *b = batch_of(j);

		b->commit_us = -1;
		b->tally = (struct tally){ 0 };
		b->oldest_ms = oldest_ms;
		b->full = w->full;
		b->log_pages = w->log_pages;
	}
	batch_of(jobs)->commit_us = commit_us;
	batch_of(jobs)->tally = w->tally;
}
