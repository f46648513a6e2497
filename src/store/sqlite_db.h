/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * One connection with the statements that it keeps prepared. It belongs to one
 * thread at a time. The first failure sticks in rc: run on, and ask once.
 */
struct db {
	sqlite3 *conn;
	sqlite3_stmt **stmt;
	size_t stmts;
	int rc; /* extended result code; SQLITE_OK until something failed */
	int sys_errno;
};

/* Open an existing file; *why is a sentence to free(3). The cache is in KiB. */
MUST_CHECK enum err db_open(struct db *db, const char *path, int cache_kib, char **why);
MUST_CHECK enum err db_prepare(struct db *db, const char *const *sql, size_t n, char **why);
void db_close(struct db *db);

/* A sentence about the last failure, starting with the path. */
char *db_why(const struct db *db, const char *path, const char *doing);

/* Run statements that answer nothing. */
MUST_CHECK enum err db_exec(struct db *db, const char *sql);

/* The first column of the first row; 0 if there is none or it fails. */
int64_t db_query_int(struct db *db, const char *sql);

/* Statement n, ready to be bound. */
sqlite3_stmt *db_stmt(const struct db *db, unsigned n);

/*
 * Step: true while there is a row. The one that answers false has reset the
 * statement; after a last true call db_done().
 */
bool db_row(struct db *db, sqlite3_stmt *st);
void db_done(sqlite3_stmt *st);

/* Run a bound statement that returns no row; how many rows it changed. */
int db_run(struct db *db, sqlite3_stmt *st);

/* Borrowed until the statement is reset; an empty span is no NULL. */
void bind_text(sqlite3_stmt *st, int at, struct span s);
void bind_blob(sqlite3_stmt *st, int at, struct span s);
void bind_int(sqlite3_stmt *st, int at, int64_t n);

/* Borrowed until the next step. */
struct span column_span(sqlite3_stmt *st, int at);
int64_t column_int(sqlite3_stmt *st, int at);

/* Did it fail for want of room, so that it is worth trying again? */
bool db_is_full(const struct db *db);
bool db_is_busy(const struct db *db);

/*
 * End the process: the file cannot be trusted or an fsync failed. The kernel
 * may have dropped the pages of a failed fsync, so trying again would lie;
 * what was not acknowledged is sent again, and the restart recovers the log.
 */
NORETURN void db_die(const struct db *db, const char *doing);

#endif
