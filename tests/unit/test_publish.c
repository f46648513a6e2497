/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/key_file.h"
#include "audit/publish.h"
#include "audit_log.h"
#include "io/crypto.h"
#include "store_bench.h"

/*
 * The publisher with a real store and real files. Waiting is for a condition,
 * looked at again and again on the loop.
 */
#define LOOK_MS 5

struct press {
	struct bench bench;
	struct publisher *p;
	struct loop_timer *look;
	struct note_key key;
	char log_dir[160];
	const char *origin, *witness;
	int64_t interval_ms, heartbeat_ms, sign_every;
	bool (*is_so)(const struct press *p);
	uint64_t wanted;
	struct buf shipped; /* the last checkpoint that was */
	unsigned ships, troubles;
	char trouble[512];
};

static void on_look(void *ctx)
{
	struct press *p = ctx;

	if (p->is_so(p))
		loop_stop(p->bench.loop);
	else
		loop_timer_set(p->look, LOOK_MS);
}

static void press_wait(struct press *p, bool (*is_so)(const struct press *p))
{
	p->is_so = is_so;
	loop_timer_set(p->bench.patience, BENCH_PATIENCE_MS);
	loop_timer_set(p->look, 0);
	cr_assert_eq(loop_run(p->bench.loop), ERR_OK);
	loop_timer_stop(p->look);
	loop_timer_stop(p->bench.patience);
}

static void on_trouble(void *ctx, const char *why)
{
	struct press *p = ctx;

	p->troubles++;
	snprintf(p->trouble, sizeof(p->trouble), "%s", why == NULL ? "" : why);
}

static void on_checkpoint(void *ctx, struct span note)
{
	struct press *p = ctx;

	p->ships++;
	buf_clear(&p->shipped);
	cr_assert_eq(buf_add_span(&p->shipped, note), ERR_OK);
}

static void press_start(struct press *p)
{
	const struct publisher_conf conf = {
		.directory = p->log_dir,
		.origin = p->origin,
		.witness = p->witness,
		.pace = { p->sign_every, p->interval_ms, p->heartbeat_ms },
		.on_trouble = on_trouble,
		.on_checkpoint = on_checkpoint,
		.ctx = p,
	};
	struct signing_key *key = log_key('k');

	note_key_init(&p->key, p->origin, signing_key_public(key));
	p->trouble[0] = '\0';
	bench_open(&p->bench);
	cr_assert_eq(publisher_new(p->bench.loop, p->bench.s, &conf, key, &p->p), ERR_OK);
}

static void press_init(struct press *p)
{
	*p = (struct press){
		.origin = LOG_ORIGIN,
		.interval_ms = 20,
		.heartbeat_ms = 3600 * 1000,
		.sign_every = 1000,
	};
	cr_assert_eq(crypto_init(), ERR_OK);
	bench_init(&p->bench);
	p->look = loop_timer_new(p->bench.loop, on_look, p);
	snprintf(p->log_dir, sizeof(p->log_dir), "%s/audit", p->bench.dir.dir);
	buf_init(&p->shipped, NOTE_MAX);
}

static bool is_finished(const struct press *p)
{
	return publisher_is_finished(p->p);
}

/* As the daemon stops: all that is committed is published. */
static void press_stop(struct press *p)
{
	publisher_finish(p->p);
	press_wait(p, is_finished);
	store_close(TAKE(p->bench.s));
	publisher_free(TAKE(p->p));
}

/* As a crash would leave it: nothing is published any more. */
static void press_drop(struct press *p)
{
	store_close(TAKE(p->bench.s));
	publisher_free(TAKE(p->p));
}

static void press_release(struct press *p)
{
	buf_release(&p->shipped);
	loop_timer_free(p->look);
	bench_release(&p->bench);
}

static void press_add(struct press *p, unsigned n)
{
	struct span entry[64];
	char text[64][64];

	for (unsigned i = 0; i < n; i++) {
		static unsigned number;
		unsigned at = i % 64;

		entry[at] = (struct span){ text[at],
			(size_t)snprintf(text[at], sizeof(text[at]), "{\"number\":%u}", number++) };
		if (at == 63 || i + 1 == n) {
			const struct store_append a = { .audit = entry, .audit_n = at + 1 };

			cr_assert_eq(bench_append(&p->bench, &a, NULL), APPEND_STORED);
		}
	}
}

static bool is_published(const struct press *p)
{
	return publisher_stats(p->p).published >= p->wanted;
}

static void press_wait_published(struct press *p, uint64_t n)
{
	p->wanted = n;
	press_wait(p, is_published);
}

static bool is_doubtful(const struct press *p)
{
	return publisher_stats(p->p).state == PUBLISHER_DOUBTFUL;
}

static bool is_running(const struct press *p)
{
	return publisher_stats(p->p).state == PUBLISHER_RUNNING;
}

static void assert_log(struct press *p, uint64_t size)
{
	struct findings f;
	uint64_t n;

	cr_assert(log_verify(p->log_dir, &p->key, &f, &n), "%s", f.first);
	cr_assert_eq(n, size, "%" PRIu64, n);
}

static void entry_read(struct press *p, uint64_t index, struct buf *out)
{
	CLEANUP(folder_entries_release) struct folder_entries f;
	struct span entry;

	folder_entries_init(&f, p->log_dir, index + 1);
	f.size = publisher_stats(p->p).published;
	cr_assert_eq(folder_entry(&f, index, &entry), ERR_OK);
	buf_clear(out);
	cr_assert_eq(buf_add_span(out, entry), ERR_OK);
}

static void press_sql(struct press *p, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	cr_assert_eq(sqlite3_open(p->bench.path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &why), SQLITE_OK, "%s", why);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

/* --- publishing --- */

Test(publish, what_is_committed_is_in_the_log_in_its_order)
{
	CLEANUP(buf_release) struct buf entry;
	struct press p;

	press_init(&p);
	buf_init(&entry, 10000);
	press_start(&p);
	press_wait(&p, is_running);
	press_add(&p, 700);
	press_wait_published(&p, 701);
	entry_read(&p, 0, &entry);
	cr_expect_not_null(strstr(entry.data, "\"operation\":\"audit.open\""));
	cr_expect_not_null(strstr(entry.data, "key=" LOG_ORIGIN "+"));
	entry_read(&p, 1, &entry);
	cr_expect_str_eq(entry.data, "{\"number\":0}");
	entry_read(&p, 700, &entry);
	cr_expect_str_eq(entry.data, "{\"number\":699}");
	cr_expect_eq(publisher_stats(p.p).published_seq, 701);
	press_stop(&p);
	assert_log(&p, 701);
	press_release(&p);
}

Test(publish, what_was_in_the_store_before_the_log_began_is_in_it_too)
{
	CLEANUP(buf_release) struct buf entry;
	struct press p;

	press_init(&p);
	buf_init(&entry, 10000);
	bench_open(&p.bench);
	press_add(&p, 600);
	store_close(TAKE(p.bench.s));
	press_start(&p);
	press_add(&p, 3);
	press_wait_published(&p, 604);
	entry_read(&p, 0, &entry);
	cr_expect_not_null(strstr(entry.data, "audit.open"));
	for (unsigned i = 1; i < 604; i += 67) {
		char want[64];

		snprintf(want, sizeof(want), "{\"number\":%u}", i - 1);
		entry_read(&p, i, &entry);
		cr_expect_str_eq(entry.data, want);
	}
	press_stop(&p);
	assert_log(&p, 604);
	press_start(&p);
	press_add(&p, 1);
	press_wait_published(&p, 605);
	press_stop(&p);
	assert_log(&p, 605);
	press_release(&p);
}

Test(publish, goes_on_where_it_was_dropped)
{
	struct press p;

	press_init(&p);
	for (unsigned round = 0; round < 12; round++) {
		press_start(&p);
		press_add(&p, 150);
		/* Sometimes at once, sometimes a while after it has begun to write. */
		if (round % 3 == 1)
			press_wait(&p, is_running);
		if (round % 3 == 2)
			press_wait_published(&p, 1 + round * 150);
		press_drop(&p);
	}
	press_start(&p);
	press_stop(&p);
	assert_log(&p, 1 + 12 * 150);
	cr_expect_eq(p.troubles, 0, "%s", p.trouble);
	press_release(&p);
}

Test(publish, signs_after_so_many_entries_though_the_interval_is_long)
{
	struct press p;

	press_init(&p);
	p.interval_ms = 3600 * 1000;
	p.sign_every = 100;
	press_start(&p);
	press_wait(&p, is_running);
	press_add(&p, 150);
	press_wait_published(&p, 100);
	press_stop(&p);
	assert_log(&p, 151);
	press_release(&p);
}

static bool is_shipped_twice(const struct press *p)
{
	return p->ships >= 2 && publisher_stats(p->p).published >= 3;
}

Test(publish, a_heartbeat_says_that_there_was_nothing_and_ships_the_checkpoint)
{
	CLEANUP(buf_release) struct buf entry;
	struct checkpoint c;
	struct press p;

	press_init(&p);
	buf_init(&entry, 10000);
	p.heartbeat_ms = 60;
	press_start(&p);
	press_wait(&p, is_shipped_twice);
	entry_read(&p, 2, &entry);
	cr_expect_not_null(strstr(entry.data, "\"operation\":\"audit.heartbeat\""));
	cr_assert_eq(checkpoint_open(buf_span(&p.shipped), &p.key, &c), ERR_OK);
	cr_expect_geq(c.size, 2);
	press_stop(&p);
	press_release(&p);
}

/* --- in doubt --- */

static void press_published(struct press *p, unsigned n)
{
	press_init(p);
	press_start(p);
	press_wait(p, is_running);
	press_add(p, n);
	press_stop(p);
	assert_log(p, n + 1);
}

/* Start, and expect that nothing is signed, for a reason with these words. */
static void assert_doubtful(struct press *p, const char *words)
{
	CLEANUP(buf_release) struct buf before, after;

	buf_init(&before, NOTE_MAX);
	buf_init(&after, NOTE_MAX);
	IGNORE(folder_read(p->log_dir, "checkpoint", &before) != ERR_OK);
	press_start(p);
	press_wait(p, is_doubtful);
	cr_expect_not_null(strstr(p->trouble, words), "%s", p->trouble);
	cr_expect_str_eq(publisher_stats(p->p).trouble, p->trouble);
	cr_expect_eq(publisher_stats(p->p).published_seq, 0, "evidence is not forgotten");
	press_add(p, 10); /* the store goes on */
	publisher_finish(p->p);
	cr_expect(publisher_is_finished(p->p));
	press_drop(p);
	IGNORE(folder_read(p->log_dir, "checkpoint", &after) != ERR_OK);
	cr_expect_str_eq(after.data, before.data);
}

Test(publish, a_store_that_lost_its_end_is_not_signed)
{
	struct press p;

	press_published(&p, 300);
	press_sql(&p, "DELETE FROM audit WHERE seq > 290");
	assert_doubtful(&p, "the store ends with entry 290, but 301 was published");
	press_release(&p);
}

Test(publish, a_store_that_lost_an_entry_is_not_signed)
{
	struct press p;

	press_published(&p, 300);
	press_sql(&p, "DELETE FROM audit WHERE seq = 77");
	assert_doubtful(&p, "the store has lost entry 77");
	press_release(&p);
}

Test(publish, a_store_with_another_entry_is_not_signed)
{
	struct press p;

	press_published(&p, 900);
	press_sql(&p, "UPDATE audit SET entry = replace(entry, '7', '8') WHERE seq = 778");
	assert_doubtful(&p, "entry 777 is not in the store as it was published");
	press_release(&p);
}

Test(publish, a_store_with_another_opening_is_not_signed)
{
	struct press p;

	press_published(&p, 5);
	press_sql(&p, "UPDATE audit SET entry = replace(entry, 'stagewired', 'somebody') "
		      "WHERE seq = 1");
	assert_doubtful(&p, "entry 0 is not in the store as it was published");
	press_release(&p);
}

Test(publish, a_new_store_does_not_go_on_with_an_old_log)
{
	struct press p;

	press_published(&p, 5);
	scratch_run(&p.bench.dir, "rm store.db*");
	assert_doubtful(&p, "of which the store knows nothing");
	press_release(&p);
}

Test(publish, a_log_that_was_put_back_is_not_signed)
{
	struct press p;

	press_published(&p, 30);
	scratch_run(&p.bench.dir, "cp -r audit before");
	press_start(&p);
	press_add(&p, 30);
	press_stop(&p);
	scratch_run(&p.bench.dir, "rm -r audit && mv before audit");
	assert_doubtful(&p, "has 61 entries, but the log");
	press_release(&p);
}

Test(publish, what_retention_took_from_the_front_is_no_doubt)
{
	struct press p;

	press_published(&p, 600);
	press_sql(&p, "DELETE FROM audit WHERE seq <= 350");
	press_start(&p);
	press_add(&p, 1);
	press_wait_published(&p, 602);
	press_stop(&p);
	assert_log(&p, 602);
	cr_expect_eq(p.troubles, 0, "%s", p.trouble);
	press_release(&p);
}

Test(publish, a_new_origin_names_the_old_one_its_size_and_its_root)
{
	CLEANUP(buf_release) struct buf entry, old;
	struct span rest, line[3];
	char want[256];
	struct press p;

	press_published(&p, 40);
	buf_init(&entry, 10000);
	buf_init(&old, NOTE_MAX);
	cr_assert_eq(folder_read(p.log_dir, "checkpoint", &old), ERR_OK);
	rest = buf_span(&old);
	for (int i = 0; i < 3; i++)
		cr_assert(note_line(&rest, &line[i]));
	snprintf(want, sizeof(want),
		" previous_origin=%.*s previous_size=%.*s previous_root=%.*s\"", SPAN_ARGS(line[0]),
		SPAN_ARGS(line[1]), SPAN_ARGS(line[2]));

	/* The old log cannot be gone on with: its end is gone. Ten entries come meanwhile. */
	press_sql(&p, "DELETE FROM audit WHERE seq > 35");
	assert_doubtful(&p, "the store ends with entry 35");
	p.origin = "relay.example/audit-2";
	assert_doubtful(&p, "of which the store knows nothing");
	snprintf(p.log_dir, sizeof(p.log_dir), "%s/audit-2", p.bench.dir.dir);
	press_start(&p);
	press_wait(&p, is_running);
	press_add(&p, 3);
	press_wait_published(&p, 1 + 35 + 20 + 3);
	entry_read(&p, 0, &entry);
	cr_expect_not_null(strstr(entry.data, want), "%s", entry.data);
	press_stop(&p);
	assert_log(&p, 1 + 35 + 20 + 3);
	press_release(&p);
}

Test(publish, a_new_origin_goes_on_where_the_old_log_ended)
{
	CLEANUP(buf_release) struct buf entry;
	struct press p;

	press_published(&p, 40);
	buf_init(&entry, 10000);
	p.interval_ms = 3600 * 1000;
	press_start(&p);
	press_add(&p, 7);
	press_drop(&p); /* these seven may be in no log */
	p.origin = "relay.example/audit-2";
	snprintf(p.log_dir, sizeof(p.log_dir), "%s/audit-2", p.bench.dir.dir);
	p.interval_ms = 20;
	press_start(&p);
	press_wait_published(&p, 1);
	press_stop(&p);
	cr_expect_eq(p.troubles, 0, "%s", p.trouble);
	assert_log(&p, 8);
	press_release(&p);
}

/* --- no room --- */

static bool is_troubled(const struct press *p)
{
	return p->trouble[0] != '\0';
}

Test(publish, a_full_disk_pauses_the_log_and_nothing_else)
{
	struct press p;

	press_init(&p);
	cr_assert_eq(mkdir(p.log_dir, 0755), 0);
	if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("tmpfs", p.log_dir, "tmpfs", 0, "size=256k") != 0) {
		press_release(&p);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	press_start(&p);
	press_wait_published(&p, 1);
	scratch_run(&p.bench.dir, "head -c 100M /dev/zero >audit/filler 2>/dev/null || true");
	press_add(&p, 2000);
	press_wait(&p, is_troubled);
	cr_expect_not_null(strstr(p.trouble, "it is tried again"), "%s", p.trouble);
	press_add(&p, 20);
	scratch_run(&p.bench.dir, "rm audit/filler");
	press_wait_published(&p, 2021);
	cr_expect_str_eq(p.trouble, "");
	press_stop(&p);
	assert_log(&p, 2021);
	cr_assert_eq(umount(p.log_dir), 0);
	press_release(&p);
}

/* --- the key --- */

Test(publish, a_key_is_made_once_and_kept_from_others)
{
	struct signing_key *first, *again;
	struct scratch dir;
	char path[128], *why = NULL;
	struct stat st;

	cr_assert_eq(crypto_init(), ERR_OK);
	scratch_make(&dir);
	scratch_path(&dir, "audit.key", path);
	cr_assert_eq(audit_key_load(path, false, &first, &why), ERR_NOTFOUND);
	cr_expect_not_null(strstr(why, "is missing"));
	free(TAKE(why));
	cr_assert_eq(audit_key_load(path, true, &first, &why), ERR_OK);
	cr_assert_eq(audit_key_load(path, true, &again, &why), ERR_OK);
	cr_expect_eq(memcmp(signing_key_public(first), signing_key_public(again), 32), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	signing_key_free(first);
	signing_key_free(again);
	cr_assert_eq(chmod(path, 0640), 0);
	cr_assert_eq(audit_key_load(path, true, &first, &why), ERR_AUTH);
	cr_expect_not_null(strstr(why, "others may read"));
	free(TAKE(why));
	scratch_write(&dir, "audit.key", SPAN("short\n"));
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(audit_key_load(path, true, &first, &why), ERR_PARSE);
	free(why);
	scratch_remove(&dir);
}
