/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/sqlite_schema.h"
#include "store_bench.h"

static struct bench b;

static void set_up(void)
{
	bench_init(&b);
}

static void tear_down(void)
{
	bench_release(&b);
}

TestSuite(store_open, .init = set_up, .fini = tear_down);

static void assert_refused(const char *reason)
{
	CLEANUP(freep) char *why = bench_try_open(&b);

	cr_assert_not_null(why, "was opened");
	cr_assert_eq(strncmp(why, b.dir.dir, strlen(b.dir.dir)), 0, "names the file: %s", why);
	cr_assert_not_null(strstr(why, reason), "%s", why);
	cr_assert_null(strchr(why, '\n'), "is one line: %s", why);
}

/* A store with some events in it, closed. */
static void make_store(void)
{
	bench_open(&b);
	for (uint64_t i = 0; i < 50; i++)
		bench_keep(&b, i, "lane", 2);
	store_close(TAKE(b.s));
}

Test(store_open, new_file_is_for_our_eyes_only)
{
	struct stat st;

	make_store();
	cr_assert_eq(stat(b.path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA application_id"), SQLITE_STORE_APP_ID);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 4);
}

Test(store_open, clean_close_leaves_no_log)
{
	make_store();
	scratch_run(&b.dir, "test ! -e store.db-wal && test ! -e store.db-shm");
}

Test(store_open, file_that_is_no_database_is_refused)
{
	scratch_write(&b.dir, "store.db", SPAN("This is a diary, not a database, dear reader."));
	assert_refused("is not an SQLite database");
}

Test(store_open, directory_is_refused)
{
	scratch_run(&b.dir, "mkdir store.db");
	assert_refused("is not a regular file");
}

Test(store_open, database_of_another_program_is_refused_and_left_alone)
{
	bench_sql(&b, "CREATE TABLE diary (day)");
	assert_refused("is the database of another program");
	bench_sql(&b, "PRAGMA application_id = 1");
	assert_refused("is the database of another program");
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM sqlite_schema"), 1);
}

Test(store_open, newer_schema_is_refused_with_both_versions)
{
	make_store();
	bench_sql(&b, "PRAGMA user_version = 7");
	assert_refused("was written by a newer stagewire (schema 7, this one knows 4)");
}

Test(store_open, tables_that_are_not_ours_are_refused)
{
	make_store();
	bench_sql(&b, "ALTER TABLE delivery RENAME COLUMN due_ms TO later_ms");
	assert_refused("cannot use its tables: ");
}

Test(store_open, damaged_header_is_refused)
{
	make_store();
	scratch_run(&b.dir, "printf XXXX | dd of=store.db bs=1 seek=16 conv=notrunc 2>&1");
	assert_refused("is not an SQLite database");
}

Test(store_open, file_cut_short_is_refused)
{
	make_store();
	scratch_run(&b.dir, "truncate -s 8192 store.db");
	assert_refused("is damaged: ");
}

/* A page in the middle is looked for where the last end was not clean only. */
Test(store_open, damage_after_a_crash_is_looked_for)
{
	make_store();
	bench_open(&b);
	bench_keep(&b, 1000, "lane", 1);
	scratch_run(&b.dir, "cp store.db other.db && cp store.db-wal other.db-wal");
	store_close(TAKE(b.s));
	scratch_run(&b.dir,
		"for page in 1 2 3 4 5 6 7 8 9; do"
		" head -c 4096 /dev/urandom | dd of=other.db bs=4096 seek=$page conv=notrunc 2>&1;"
		" done");
	scratch_path(&b.dir, "other.db", b.path);
	assert_refused("is damaged: ");
}

Test(store_open, log_without_its_file_is_refused)
{
	make_store();
	bench_open(&b);
	bench_keep(&b, 1000, "lane", 1);
	scratch_run(&b.dir, "cp store.db-wal lone.db-wal");
	scratch_run(&b.dir, "cp store.db-wal empty.db-wal && : >empty.db");
	store_close(TAKE(b.s));
	scratch_path(&b.dir, "lone.db", b.path);
	assert_refused("is not there, but its log (-wal) is");
	scratch_path(&b.dir, "empty.db", b.path);
	assert_refused("is empty, but its log (-wal) is not");
}

Test(store_open, second_owner_is_refused)
{
	struct bench other = b;

	bench_open(&b);
	other.s = NULL;
	{
		CLEANUP(freep) char *why = bench_try_open(&other);

		cr_assert_not_null(why);
		cr_assert_not_null(strstr(why, "is in use by another process"), "%s", why);
	}
	bench_reopen(&b);
}

Test(store_open, missing_directory_is_named)
{
	scratch_path(&b.dir, "no/such/store.db", b.path);
	assert_refused("cannot be written: No such file or directory");
}

Test(store_open, file_left_before_its_first_schema_is_brought_up)
{
	bench_sql(&b, "PRAGMA application_id = 1398036306; PRAGMA user_version = 0");
	cr_assert_eq(bench_sql_int(&b, "PRAGMA application_id"), SQLITE_STORE_APP_ID);
	bench_open(&b);
	bench_keep(&b, 1, "lane", 1);
	store_close(TAKE(b.s));
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 4);
}

/*
 * store-v1.db was written by a daemon of the first schema: three events with one
 * delivery done, two dead and one outstanding of those to the bus, an event in
 * quarantine, and thirteen audit entries.
 */
Test(store_open, file_of_version_1_is_brought_up_with_all_it_had)
{
	const char *top = getenv("top_srcdir");
	struct store_select q = {
		.from = FROM_ANY, .since = WALL_NONE, .until = WALL_NONE, .limit = 10
	};
	CLEANUP(buf_release) struct buf command;
	CLEANUP(reply_release) struct reply r;
	struct store_counts c;

	buf_init(&command, 4096);
	cr_assert_eq(buf_addf(&command, "cp %s/tests/unit/store-v1.db %s", top == NULL ? "." : top,
			     b.path),
		ERR_OK);
	cr_assert_eq(system(command.data), 0);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 1);
	bench_open(&b);
	c = store_counts(b.s);
	cr_assert_eq(c.events, 4);
	cr_assert_eq(c.quarantined, 1);
	cr_assert_eq(c.pending, 1);
	cr_assert_eq(c.dead, 2);
	cr_assert_eq(c.audit, 13);
	bench_select(&b, &q, &r);
	cr_assert_str_eq(r.text.data, "1 record:d bus:x\n2 record:d bus:x\n3 record:d bus:p\n4\n");
	store_close(TAKE(b.s));
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 4);
	cr_assert_eq(bench_sql_int(&b, "SELECT at_ms FROM audit WHERE seq = 1"), 1795640407000);
	cr_assert_eq(
		bench_sql_int(&b, "SELECT count(*) FROM audit WHERE at_ms / 10000 = 179564040"),
		13);
	bench_open(&b);
}

/* --- migrations, with steps of the test's own --- */

static const char *const steps[] = {
	"CREATE TABLE t (a); INSERT INTO t VALUES (1)",
	"ALTER TABLE t ADD COLUMN b DEFAULT 2",
	"UPDATE t SET b = 3; INSERT INTO nowhere VALUES (1)",
};

static enum err migrate(size_t n, char **why)
{
	struct db db;
	enum err e;

	scratch_run(&b.dir, "touch store.db");
	e = db_open(&db, b.path, 64, why);
	cr_assert_eq(e, ERR_OK);
	e = schema_migrate(&db, steps, n, why);
	db_close(&db);
	return e;
}

Test(store_open, migrations_run_once_each_and_in_order)
{
	char *why = NULL;

	cr_assert_eq(migrate(1, &why), ERR_OK);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 1);
	cr_assert_eq(migrate(2, &why), ERR_OK);
	cr_assert_eq(migrate(2, &why), ERR_OK);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 2);
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM t"), 1);
	cr_assert_eq(bench_sql_int(&b, "SELECT b FROM t"), 2);
}

Test(store_open, migration_that_fails_leaves_the_version_before_it)
{
	CLEANUP(freep) char *why = NULL;

	cr_assert_neq(migrate(3, &why), ERR_OK);
	cr_assert_not_null(strstr(why, "cannot bring its schema from 2 to 3"), "%s", why);
	cr_assert_eq(bench_sql_int(&b, "PRAGMA user_version"), 2);
	cr_assert_eq(bench_sql_int(&b, "SELECT b FROM t"), 2);
}
