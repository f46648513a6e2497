/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_write.h"

#include <time.h>

#include "store/sqlite_write_impl.h"

/* A log of so many pages is brought into the file even when there is work. */
#define LOG_LARGE_PAGES 8192

static void item_write(struct writer *w, struct write_item *it)
{
	it->result = CLAIM_OK;
	switch (it->op) {
	case WRITE_APPEND: write_append(w, it); break;
	case WRITE_REROUTE: write_reroute(w, it); break;
	case WRITE_REPLAY: write_replay(w, it); break;
	case WRITE_FINISH: write_finish(w, it); break;
	case WRITE_PUT: write_put(w, it); break;
	case WRITE_OWNERSHIP: write_ownership(w, it); break;
	case WRITE_RETAIN: write_retain(w, it); break;
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
	it->made = 0;
	it->removed = (struct store_removed){ 0 };
	it->more = false;
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
		db_run(&w->db, writer_stmt(w, W_ROLLBACK));
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
		db_run(&w->db, writer_stmt(w, W_ROLLBACK));
		return -1;
	}
	from = now_us();
	db_run(&w->db, writer_stmt(w, W_COMMIT));
	return now_us() - from;
}

/* Write all of jobs in one transaction; false if nothing of it was stored. */
static bool group_write(struct writer *w, struct worker_job *jobs, int64_t *commit_us)
{
	sqlite3_int64 changes = sqlite3_total_changes64(w->db.conn);

	w->now = store_clock_now(w->clock);
	db_run(&w->db, writer_stmt(w, W_BEGIN));
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
	db_run(&w->db, writer_stmt(w, W_PROBE_FILL));
	db_run(&w->db, writer_stmt(w, W_PROBE_DROP));
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
	case WRITE_REPLAY:
	case WRITE_FINISH:
	case WRITE_PUT:
	case WRITE_OWNERSHIP:
	case WRITE_RETAIN: return;
	}
	it->result = w->full ? CLAIM_RETRY : CLAIM_OK;
}

int64_t writer_oldest(struct writer *w)
{
	sqlite3_stmt *st = writer_stmt(w, W_OLDEST);
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
		w->sweep.kind = RETAIN_DELIVERIES;
		w->sweep.after = 0;
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
