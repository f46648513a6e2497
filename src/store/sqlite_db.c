/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define WHY_MAX ((size_t)4096)

/* Why the log was not written or synced: of what fails in a commit SQLite keeps no errno. */
static int log_errno(struct db *db)
{
	sqlite3_file *log = NULL;
	int error = 0;

	if (sqlite3_file_control(db->conn, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) !=
			SQLITE_OK ||
		log == NULL || log->pMethods == NULL)
		return 0;
	IGNORE(log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK);
	return error;
}

static enum err db_fail(struct db *db, int rc)
{
	if (db->rc == SQLITE_OK) {
		db->rc = rc;
		if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_FSYNC)
			db->sys_errno = log_errno(db);
		else
			db->sys_errno = sqlite3_system_errno(db->conn);
	}
	return ERR_IO;
}

char *db_why(const struct db *db, const char *path, const char *doing)
{
	struct buf b;

	buf_init(&b, WHY_MAX);
	if ((db->rc & 0xff) == SQLITE_NOTADB)
		IGNORE(buf_addf(&b, "%s is not an SQLite database", path));
	else if ((db->rc & 0xff) == SQLITE_CORRUPT)
		IGNORE(buf_addf(&b, "%s is damaged: %s", path, sqlite3_errmsg(db->conn)));
	else if (db_is_busy(db))
		IGNORE(buf_addf(&b, "%s is in use by another process", path));
	else
		IGNORE(buf_addf(&b, "%s: cannot %s: %s", path, doing,
			db->conn == NULL ? "out of memory" : sqlite3_errmsg(db->conn)));
	return buf_detach(&b);
}

enum err db_open(struct db *db, const char *path, int cache_kib, char **why)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
			  SQLITE_OPEN_PRIVATECACHE;
	char pragma[64];

	*db = (struct db){ 0 };
	db->rc = sqlite3_open_v2(path, &db->conn, flags, NULL);
	if (db->rc != SQLITE_OK) {
		*why = db_why(db, path, "open it");
		db_close(db);
		return ERR_IO;
	}
	sqlite3_db_config(db->conn, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%d", cache_kib);
	/* Debian builds SQLite to overwrite what is deleted; nothing of ours needs that. */
	if (db_exec(db, pragma) != ERR_OK ||
		db_exec(db, "PRAGMA busy_timeout = 0;"
			    "PRAGMA foreign_keys = OFF;"
			    "PRAGMA mmap_size = 0;"
			    "PRAGMA secure_delete = OFF;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA temp_store = MEMORY;"
			    "PRAGMA trusted_schema = OFF;") != ERR_OK) {
		*why = db_why(db, path, "read it");
		db_close(db);
		return ERR_IO;
	}
	return ERR_OK;
}

enum err db_prepare(struct db *db, const char *const *sql, size_t n, char **why)
{
	db->stmt = xcalloc(n, sizeof(sqlite3_stmt *));
	db->stmts = n;
	for (size_t i = 0; i < n; i++) {
		int rc = sqlite3_prepare_v3(
			db->conn, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL);

		if (rc != SQLITE_OK) {
			IGNORE(db_fail(db, rc));
			*why = db_why(db, sqlite3_db_filename(db->conn, "main"), "use its tables");
			return ERR_IO;
		}
	}
	return ERR_OK;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < db->stmts; i++)
		sqlite3_finalize(db->stmt[i]);
	free(db->stmt);
	/* What failed is not tried again on the way out: the next start recovers. */
	if (db->rc != SQLITE_OK)
		sqlite3_db_config(db->conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db->conn);
	*db = (struct db){ 0 };
}

enum err db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->conn, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : db_fail(db, rc);
}

int64_t db_query_int(struct db *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n = 0;
	int rc = sqlite3_prepare_v2(db->conn, sql, -1, &st, NULL);

	if (rc != SQLITE_OK) {
		IGNORE(db_fail(db, rc));
		return 0;
	}
	if (db_row(db, st))
		n = column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

sqlite3_stmt *db_stmt(const struct db *db, unsigned n)
{
	return db->stmt[n];
}

bool db_row(struct db *db, sqlite3_stmt *st)
{
	int rc;

	if (db->rc != SQLITE_OK)
		return false;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		IGNORE(db_fail(db, rc));
	sqlite3_reset(st);
	return false;
}

void db_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
}

int db_run(struct db *db, sqlite3_stmt *st)
{
	if (db->rc != SQLITE_OK)
		return 0;
	if (db_row(db, st))
		db_done(st);
	return db->rc == SQLITE_OK ? sqlite3_changes(db->conn) : 0;
}

void bind_text(sqlite3_stmt *st, int at, struct span s)
{
	sqlite3_bind_text64(st, at, s.n == 0 ? "" : s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_blob(sqlite3_stmt *st, int at, struct span s)
{
	sqlite3_bind_blob64(st, at, s.n == 0 ? "" : s.p, s.n, SQLITE_STATIC);
}

void bind_int(sqlite3_stmt *st, int at, int64_t n)
{
	sqlite3_bind_int64(st, at, n);
}

struct span column_span(sqlite3_stmt *st, int at)
{
	/* In this order, as sqlite3_column_bytes() asks for. */
	const char *p = sqlite3_column_blob(st, at);

	return (struct span){ .p = p, .n = (size_t)sqlite3_column_bytes(st, at) };
}

int64_t column_int(sqlite3_stmt *st, int at)
{
	return sqlite3_column_int64(st, at);
}

bool db_is_full(const struct db *db)
{
	if ((db->rc & 0xff) == SQLITE_FULL || db->rc == SQLITE_IOERR_SHMSIZE)
		return true;
	/* SQLite knows ENOSPC only; a quota and a limit of the process are no room as well. */
	return db->rc == SQLITE_IOERR_WRITE && (db->sys_errno == EDQUOT || db->sys_errno == EFBIG);
}

bool db_is_busy(const struct db *db)
{
	int rc = db->rc & 0xff;

	return rc == SQLITE_BUSY || rc == SQLITE_LOCKED;
}

void db_die(const struct db *db, const char *doing)
{
	log_err("store.broken", "doing=\"%s\" code=%d errno=%d text=\"%s\"", doing, db->rc,
		db->sys_errno, sqlite3_errmsg(db->conn));
	_exit(EXIT_FAILURE);
}
