/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "model/catalog.h"
#include "relay/chronicle.h"
#include "relay/journal.h"
#include "store_bench.h"

static struct bench b;
static struct journal *journal;
static struct chronicle *c;
static struct catalog *catalog, *next;
static struct wall found; /* when what changes is found out */

static void on_change(void *ctx, const struct catalog_change *change)
{
	(void)ctx;
	chronicle_change(c, change, found);
}

static void chronicle_open(void)
{
	journal = journal_new(b.loop, b.s);
	catalog = catalog_new();
	next = catalog_new();
	c = chronicle_new(b.loop, b.s, journal, catalog);
	catalog_on_change(catalog, on_change, NULL);
}

static void set_up(void)
{
	bench_init(&b);
	bench_open(&b);
	chronicle_open();
}

static void chronicle_close(void)
{
	store_close(TAKE(b.s));
	chronicle_free(c);
	journal_free(journal);
	catalog_free(TAKE(catalog));
	catalog_free(TAKE(next));
}

static void tear_down(void)
{
	chronicle_close();
	bench_release(&b);
}

TestSuite(chronicle, .init = set_up, .fini = tear_down);

/* As after a stop and a start. */
static void restart(void)
{
	chronicle_close();
	bench_open(&b);
	chronicle_open();
}

static void has(const char *ref, const char *owner, const char *uid, const char *etag)
{
	struct entity e = {
		.ref = span_of(ref),
		.uid = span_of(uid),
		.etag = span_of(etag),
		.slug = SPAN("acme/api"),
		.owners = 1,
	};
	e.owner[0] = span_of(owner);
	cr_assert_eq(catalog_put(next, &e), ERR_OK);
}

/* Note what was given with has(). */
static void note(bool whole, int64_t began, int64_t ended)
{
	const struct chronicle_reading r = { whole, { began }, { ended } };
	found = r.ended;
	catalog_asked(catalog, r.began);
	catalog_become(catalog, next);
	chronicle_read(c, &r);
	catalog_free(next);
	next = catalog_new();
}

/* Rounds through the store until what was written last is confirmed there. */
static void settle(void)
{
	int64_t until = clock_mono().ms + 4 * BENCH_PATIENCE_MS;
	char want[24];

	snprintf(want, sizeof(want), "%lld\n", (long long)chronicle_confirmed(c).ms);
	while (clock_mono().ms < until) {
		CLEANUP(reply_release) struct reply r;

		bench_get(&b, "ownership", "read", &r);
		if (strcmp(r.text.data, want) == 0)
			return;
	}
	cr_assert_fail("the store does not have it");
}

/* Until the store has as many rows; hints are confirmed by no whole reading. */
static void wait_rows(int64_t n)
{
	int64_t until = clock_mono().ms + 4 * BENCH_PATIENCE_MS;

	while (clock_mono().ms < until) {
		CLEANUP(reply_release) struct reply r;

		if (bench_sql_int(&b, "SELECT count(*) FROM ownership") >= n)
			return;
		bench_get(&b, "ownership", "read", &r);
	}
	cr_assert_fail("the store does not have them");
}

static void read_rows(struct buf *text)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(b.path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db,
			     "SELECT ref, not_before_ms, since_ms, CASE gone WHEN 1 THEN 'gone'"
			     " ELSE owners END, uid FROM ownership ORDER BY ref, seq",
			     -1, &st, NULL),
		SQLITE_OK);
	IGNORE(buf_add_str(text, "") != ERR_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		IGNORE(buf_addf(text, "%s %d..%d %s %s\n", sqlite3_column_text(st, 0),
			       sqlite3_column_int(st, 1), sqlite3_column_int(st, 2),
			       sqlite3_column_text(st, 3), sqlite3_column_text(st, 4)) != ERR_OK);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void expect_rows(const char *want)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1 << 20);
	read_rows(&text);
	cr_expect_str_eq(text.data == NULL ? "" : text.data, want);
}

static int64_t audited(const char *action)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM audit WHERE entry LIKE '%%\"operation\":\"%s\"%%'", action);
	return bench_sql_int(&b, sql);
}

Test(chronicle, begins_with_what_is_there_and_one_entry_for_all)
{
	has("component:default/a", "group:default/x", "1", "e1");
	has("component:default/b", "group:default/x", "2", "e1");
	has("user:default/ada", "group:default/x", "3", "e1");
	note(true, 100, 110);
	settle();
	expect_rows("component:default/a -1..110 group:default/x 1\n"
		    "component:default/b -1..110 group:default/x 2\n");
	cr_expect_eq(audited("ownership.change"), 0);
	cr_expect_eq(audited("ownership.begin"), 1);
}

Test(chronicle, tells_change_removal_and_return_between_whole_readings)
{
	has("component:default/a", "group:default/x", "1", "e1");
	has("component:default/b", "group:default/x", "2", "e1");
	note(true, 100, 110);
	has("component:default/a", "group:default/y", "1", "e2");
	note(true, 200, 210);
	has("component:default/a", "group:default/y", "1", "e2");
	has("component:default/b", "group:default/x", "9", "e1");
	note(true, 300, 310);
	settle();
	expect_rows("component:default/a -1..110 group:default/x 1\n"
		    "component:default/a 100..210 group:default/y 1\n"
		    "component:default/b -1..110 group:default/x 2\n"
		    "component:default/b 100..210 gone \n"
		    "component:default/b 200..310 group:default/x 9\n");
	cr_expect_eq(audited("ownership.change"), 3);
}

Test(chronicle, tells_a_there_and_back_of_which_hints_told)
{
	has("component:default/a", "group:default/x", "1", "e1");
	note(true, 100, 110);
	settle();
	has("component:default/a", "group:default/y", "1", "e2");
	note(false, 150, 151);
	has("component:default/a", "group:default/x", "1", "e1");
	note(false, 160, 161);
	wait_rows(3);
	expect_rows("component:default/a -1..110 group:default/x 1\n"
		    "component:default/a 100..151 group:default/y 1\n"
		    "component:default/a 150..161 group:default/x 1\n");
}

Test(chronicle, takes_nothing_for_confirmed_by_a_reading_that_began_before_a_hint)
{
	has("component:default/a", "group:default/x", "1", "e1");
	note(true, 100, 110);
	settle();
	has("component:default/a", "group:default/y", "1", "e2");
	note(false, 150, 151);
	wait_rows(2);
	has("component:default/a", "group:default/y", "1", "e2");
	note(true, 140, 160);
	cr_expect_eq(chronicle_confirmed(c).ms, 100);
	has("component:default/a", "group:default/y", "1", "e2");
	note(true, 170, 180);
	settle();
	expect_rows("component:default/a -1..110 group:default/x 1\n"
		    "component:default/a 100..151 group:default/y 1\n");
}

Test(chronicle, finds_after_a_start_what_changed_meanwhile)
{
	has("component:default/a", "group:default/x", "1", "e1");
	has("component:default/b", "group:default/x", "2", "e1");
	note(true, 100, 110);
	settle();
	restart();
	has("component:default/a", "group:default/y", "1", "e2");
	has("component:default/c", "group:default/x", "3", "e1");
	note(true, 500, 510);
	settle();
	expect_rows("component:default/a -1..110 group:default/x 1\n"
		    "component:default/a 100..510 group:default/y 1\n"
		    "component:default/b -1..110 group:default/x 2\n"
		    "component:default/b 100..510 gone \n"
		    "component:default/c 100..510 group:default/x 3\n");
	cr_expect_eq(audited("ownership.begin"), 1, "the first start's");
}

Test(chronicle, tells_what_changes_while_the_record_begins)
{
	char ref[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(ref, sizeof(ref), "component:default/n%05d", i);
		has(ref, "group:default/x", "1", "e1");
	}
	note(true, 100, 110);
	for (int i = 0; i < 2000; i++) {
		snprintf(ref, sizeof(ref), "component:default/n%05d", i);
		has(ref, i == 1999 ? "group:default/y" : "group:default/x", "1",
			i == 1999 ? "e2" : "e1");
	}
	note(false, 120, 121);
	settle();
	cr_expect_eq(bench_sql_int(&b, "SELECT count(*) FROM ownership"), 2001);
	cr_expect_eq(bench_sql_int(&b,
			     "SELECT count(*) FROM ownership WHERE ref = 'component:default/n01999'"
			     " AND since_ms = 121 AND owners = 'group:default/y' AND first = 0"),
		1);
	cr_expect_eq(audited("ownership.change"), 1);
}

Test(chronicle, writes_100000_entities_in_bounded_batches, .timeout = 300)
{
	enum { MANY = 100000 };
	char ref[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(ref, sizeof(ref), "component:default/service-%06d", i);
		has(ref, "group:default/x", "1", "e1");
	}
	note(true, 100, 110);
	settle();
	cr_expect_eq(bench_sql_int(&b, "SELECT count(*) FROM ownership"), MANY);
	/* A batch of 256 rows is a commit: so many, however they were grouped. */
	cr_expect_geq(store_counts(b.s).commits, MANY / 256);
}

/* The stop may come before the write or after it. What must not be is "200..510". */
Test(chronicle, does_not_confirm_a_reading_before_its_changes_are_written)
{
	static const char first[] = "component:default/a -1..110 group:default/x 1\n";
	CLEANUP(buf_release) struct buf text;
	const char *second;

	buf_init(&text, 1 << 20);
	has("component:default/a", "group:default/x", "1", "e1");
	note(true, 100, 110);
	settle();
	has("component:default/a", "group:default/y", "1", "e2");
	note(true, 200, 210);
	restart();
	has("component:default/a", "group:default/y", "1", "e2");
	note(true, 500, 510);
	settle();
	read_rows(&text);
	cr_assert_str_not_empty(text.data);
	cr_assert_eq(strncmp(text.data, first, strlen(first)), 0, "%s", text.data);
	second = text.data + strlen(first);
	cr_expect(strcmp(second, "component:default/a 100..210 group:default/y 1\n") == 0 ||
			  strcmp(second, "component:default/a 100..510 group:default/y 1\n") == 0,
		"%s", second);
}
