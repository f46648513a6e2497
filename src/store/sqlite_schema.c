/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

#define WHY_MAX ((size_t)4096)

/*
 * Of 4, 8, 16 KiB the smallest is the cheapest: the rows that land at random
 * (seen, state) write a page each, and pages are what a commit costs.
 */
#define PAGE_SIZE "4096"

/* A check reads every page; this many bytes of them take a fraction of a second. */
#define QUICK_CHECK_MAX ((int64_t)64 * 1024 * 1024)

/*
 * event and audit grow at their end only, and their times grow with their
 * numbers. delivery keeps what became of each;
 * its outstanding rows are found through delivery_lane, the backlog, which is
 * in the order of the lanes; delivery_open has those that an operator looks
 * for. Columns that lists show stand before the bodies, so that reading them
 * does not walk overflow pages.
 *
 * A build keeps the number of the event that first told of it, so that what is
 * written of it next changes its row, and of the indexes only build_changed, at
 * its end. New ones land at the end of all but build_repository.
 */
static const char *const schema_steps[] = {
	"CREATE TABLE event ("
	"	seq INTEGER PRIMARY KEY,"
	"	id BLOB NOT NULL,"
	"	place INTEGER NOT NULL,"
	"	received_ms INTEGER NOT NULL,"
	"	source TEXT NOT NULL,"
	"	type TEXT NOT NULL,"
	"	repository TEXT NOT NULL,"
	"	outcome TEXT NOT NULL,"
	"	okey TEXT NOT NULL,"
	"	fact TEXT NOT NULL,"
	"	body TEXT NOT NULL);"
	"CREATE INDEX event_parked ON event (seq, place) WHERE place <> 0;"

	/* For ever: this is what makes a repeat of any age known. */
	"CREATE TABLE seen ("
	"	id BLOB PRIMARY KEY,"
	"	event_seq INTEGER) WITHOUT ROWID;"

	"CREATE TABLE delivery ("
	"	seq INTEGER PRIMARY KEY,"
	"	part INTEGER NOT NULL,"
	"	sink TEXT NOT NULL,"
	"	okey TEXT NOT NULL,"
	"	state INTEGER NOT NULL,"
	"	tries INTEGER NOT NULL,"
	"	made_ms INTEGER NOT NULL,"
	"	due_ms INTEGER NOT NULL,"
	"	updated_ms INTEGER NOT NULL,"
	"	status INTEGER NOT NULL,"
	"	note TEXT NOT NULL);"
	"CREATE INDEX delivery_lane ON delivery (part, sink, okey) WHERE state = 0;"
	"CREATE INDEX delivery_open ON delivery (state) WHERE state <> 1;"

	"CREATE TABLE state ("
	"	ns TEXT,"
	"	key TEXT,"
	"	version INTEGER NOT NULL,"
	"	value TEXT NOT NULL,"
	"	PRIMARY KEY (ns, key)) WITHOUT ROWID;"

	"CREATE TABLE audit ("
	"	seq INTEGER PRIMARY KEY,"
	"	event_seq INTEGER,"
	"	entry TEXT NOT NULL);"
	"CREATE INDEX audit_event ON audit (event_seq) WHERE event_seq IS NOT NULL;"

	/* One row: the file has one owner at a time, so all leases are one. */
	"CREATE TABLE lease ("
	"	name TEXT PRIMARY KEY,"
	"	owner TEXT NOT NULL,"
	"	token INTEGER NOT NULL,"
	"	since_ms INTEGER NOT NULL) WITHOUT ROWID;",

	/*
	 * What is old is removed: an audit entry then needs its time outside the
	 * text, and how many events there are is the last number less those gone.
	 */
	"ALTER TABLE audit ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;"
	"UPDATE audit SET at_ms = 1000 * CAST(coalesce("
	"	CASE WHEN json_valid(entry)"
	"		THEN strftime('%s', json_extract(entry, '$.time')) END,"
	"	strftime('%s', 'now')) AS INTEGER);"
	"CREATE TABLE removed ("
	"	kind TEXT PRIMARY KEY,"
	"	n INTEGER NOT NULL) WITHOUT ROWID;",

	/* Empty at first: what came before is not read again, which could take minutes. */
	"CREATE TABLE build ("
	"	seq INTEGER PRIMARY KEY,"
	"	changed INTEGER NOT NULL,"
	"	id INTEGER NOT NULL,"
	"	host TEXT NOT NULL,"
	"	repository TEXT NOT NULL COLLATE NOCASE,"
	"	state INTEGER NOT NULL,"
	"	transition INTEGER NOT NULL,"
	"	attempt INTEGER NOT NULL,"
	"	started_ms INTEGER NOT NULL,"
	"	finished_ms INTEGER NOT NULL,"
	"	updated_ms INTEGER NOT NULL,"
	"	number TEXT NOT NULL,"
	"	branch TEXT NOT NULL,"
	"	fact TEXT NOT NULL,"
	"	entities TEXT NOT NULL);"
	"CREATE UNIQUE INDEX build_id ON build (id, host);"
	"CREATE INDEX build_repository ON build (repository, id);"
	"CREATE UNIQUE INDEX build_changed ON build (changed);",

	/* Rows are only added; a change's end is the next one's beginning. */
	"CREATE TABLE ownership ("
	"	seq INTEGER PRIMARY KEY,"
	"	ref TEXT NOT NULL,"
	"	not_before_ms INTEGER NOT NULL,"
	"	read_ms INTEGER NOT NULL,"
	"	since_ms INTEGER NOT NULL,"
	"	first INTEGER NOT NULL,"
	"	orphan INTEGER NOT NULL,"
	"	gone INTEGER NOT NULL,"
	"	uid TEXT NOT NULL,"
	"	slug TEXT NOT NULL,"
	"	owners TEXT NOT NULL);"
	"CREATE INDEX ownership_ref ON ownership (ref);",
};

PRINTF(2, 3) static enum err refuse(char **why, const char *fmt, ...)
{
	struct buf b;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p != '\0'; p++) {
		if (*p == '\n')
			*p = ' ';
	}
	buf_init(&b, WHY_MAX);
	IGNORE(buf_add_str(&b, line));
	*why = buf_detach(&b);
	return ERR_PARSE;
}

static enum err migrate_step(struct db *db, const char *step, size_t version)
{
	char pragma[128];

	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
		SQLITE_STORE_APP_ID, version);
	if (db_exec(db, "BEGIN IMMEDIATE") != ERR_OK)
		return ERR_IO;
	if (db_exec(db, step) == ERR_OK && db_exec(db, pragma) == ERR_OK &&
		db_exec(db, "COMMIT") == ERR_OK)
		return ERR_OK;
	sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL);
	return ERR_IO;
}

enum err schema_migrate(struct db *db, const char *const *step, size_t steps, char **why)
{
	const char *path = sqlite3_db_filename(db->conn, "main");
	int64_t version = db_query_int(db, "PRAGMA user_version");
	char doing[96];

	for (size_t v = (size_t)version; v < steps; v++) {
		if (migrate_step(db, step[v], v + 1) == ERR_OK)
			continue;
		snprintf(doing, sizeof(doing), "bring its schema from %zu to %zu", v, v + 1);
		*why = db_why(db, path, doing);
		return ERR_IO;
	}
	return ERR_OK;
}

/* Whose file is it, and is it one we know? Writes nothing. */
static enum err check_identity(struct db *db, const char *path, char **why)
{
	int64_t app = db_query_int(db, "PRAGMA application_id");
	int64_t version = db_query_int(db, "PRAGMA user_version");
	int64_t tables = db_query_int(db, "SELECT count(*) FROM sqlite_schema");

	if (db->rc != SQLITE_OK) {
		*why = db_why(db, path, "read it");
		return ERR_IO;
	}
	if (app != SQLITE_STORE_APP_ID && (app != 0 || version != 0 || tables != 0))
		return refuse(why, "%s is the database of another program", path);
	if (version > (int64_t)ARRAY_SIZE(schema_steps))
		return refuse(why,
			"%s was written by a newer stagewire (schema %" PRId64
			", this one knows %zu)",
			path, version, ARRAY_SIZE(schema_steps));
	return ERR_OK;
}

static enum err set_format(struct db *db, const char *path, char **why)
{
	sqlite3_stmt *st;
	bool wal;

	/* Of effect in an empty file only. */
	if (db_exec(db, "PRAGMA page_size = " PAGE_SIZE) != ERR_OK ||
		sqlite3_prepare_v2(db->conn, "PRAGMA journal_mode = WAL", -1, &st, NULL) !=
			SQLITE_OK) {
		*why = db_why(db, path, "set its format");
		return ERR_IO;
	}
	wal = db_row(db, st) && span_is(column_span(st, 0), "wal");
	/* The header is written when the statement ends, after the row. */
	while (db_row(db, st))
		continue;
	sqlite3_finalize(st);
	if (db->rc != SQLITE_OK) {
		*why = db_why(db, path, "keep a write-ahead log");
		return ERR_IO;
	}
	if (!wal)
		return refuse(why, "%s: this file system cannot keep a write-ahead log", path);
	return ERR_OK;
}

/*
 * A kill cannot damage the file: the log is recovered frame by frame, by
 * checksum. Only a disk that lied about an fsync can, so the check runs where
 * the last end was not clean, and only where it is quick. Damage that it did
 * not look for ends the process when it is met.
 */
static enum err check_sound(struct db *db, const char *path, char **why)
{
	int64_t bytes =
		db_query_int(db, "PRAGMA page_count") * db_query_int(db, "PRAGMA page_size");
	enum err e = ERR_OK;
	sqlite3_stmt *st;

	if (bytes > QUICK_CHECK_MAX)
		return ERR_OK;
	if (sqlite3_prepare_v2(db->conn, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK) {
		*why = db_why(db, path, "check it");
		return ERR_IO;
	}
	if (db_row(db, st) && !span_is(column_span(st, 0), "ok"))
		e = refuse(why, "%s is damaged: %.*s", path, SPAN_ARGS(column_span(st, 0)));
	sqlite3_finalize(st);
	if (db->rc == SQLITE_OK)
		return e;
	*why = db_why(db, path, "check it");
	return ERR_IO;
}

enum err schema_open(struct db *db, const char *path, bool dirty, char **why)
{
	enum err e;

	e = check_identity(db, path, why);
	if (e != ERR_OK)
		return e;
	e = set_format(db, path, why);
	if (e != ERR_OK)
		return e;
	if (dirty) {
		e = check_sound(db, path, why);
		if (e != ERR_OK)
			return e;
	}
	return schema_migrate(db, schema_steps, ARRAY_SIZE(schema_steps), why);
}
