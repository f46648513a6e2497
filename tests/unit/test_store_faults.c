/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_bench.h"

/* --- no room --- */

#define DISK_BYTES "3m"
#define BODY_BYTES 4000

struct full_disk {
	struct bench bench;
	enum store_health health;
	unsigned changes;
};

static void on_health(void *ctx, enum store_health h)
{
	struct full_disk *f = ctx;

	f->health = h;
	f->changes++;
	if (h == STORE_OK)
		loop_stop(f->bench.loop);
}

static enum append_result append_large(struct bench *b, uint64_t n)
{
	static char body[BODY_BYTES];
	struct store_event ev = event_numbered(n, "lane");
	struct span entry = SPAN("{\"action\":\"x\"}");
	struct store_append a = {
		.event = &ev, .sinks = bench_sinks, .sinks_n = 1, .audit = &entry, .audit_n = 1
	};

	memset(body, 'x', sizeof(body));
	body[0] = body[sizeof(body) - 1] = '"';
	ev.body = (struct span){ body, sizeof(body) };
	return bench_append(b, &a, NULL);
}

/* Returns how many were stored before one was not. */
static uint64_t append_until_full(struct bench *b, uint64_t from)
{
	for (uint64_t n = from; n < from + 5000; n++) {
		enum append_result r = append_large(b, n);

		if (r == APPEND_RETRY)
			return n - from;
		cr_assert_eq(r, APPEND_STORED);
	}
	cr_assert_fail("the disk did not become full");
	return 0;
}

static void assert_sound(const struct bench *b)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(b->path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	cr_assert_str_eq((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

Test(store_faults, full_disk_stops_appends_until_there_is_room_again)
{
	struct full_disk f = { 0 };
	struct bench *b = &f.bench;
	struct store_counts c;
	uint64_t stored, more;

	bench_init(b);
	if (!bench_mount(b, DISK_BYTES)) {
		bench_release(b);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	bench_open(b);
	store_on_health(b->s, on_health, &f);
	scratch_run(&b->dir, "head -c 1000000 /dev/zero >filler;"
			     " head -c 100000 /dev/zero >reserve");
	stored = append_until_full(b, 1);
	cr_assert_eq(f.health, STORE_READONLY);
	cr_assert_eq(store_health(b->s), STORE_READONLY);
	cr_assert_eq(append_large(b, 1), APPEND_RETRY);
	cr_assert_eq(store_counts(b->s).events, (int64_t)stored);

	scratch_run(&b->dir, "rm filler");
	loop_timer_set(b->patience, BENCH_PATIENCE_MS);
	while (f.health != STORE_OK)
		cr_assert_eq(loop_run(b->loop), ERR_OK);
	cr_assert_eq(f.changes, 2);
	cr_assert_eq(append_large(b, 1), APPEND_DUPLICATE);
	more = append_until_full(b, stored + 1);
	cr_assert_gt(more, 0, "the refused one among them");

	store_on_health(b->s, NULL, NULL);
	store_close(TAKE(b->s));
	assert_sound(b);
	/* A start writes its number, so it needs a little room. */
	scratch_run(&b->dir, "rm reserve");
	bench_open(b);
	c = store_counts(b->s);
	cr_assert_eq(c.events, (int64_t)(stored + more));
	cr_assert_eq(c.pending, c.events);
	cr_assert_eq(c.audit, c.events);
	store_close(TAKE(b->s));
	cr_assert_eq(umount(b->dir.dir), 0);
	bench_release(b);
}

/* --- kill --- */

#define KILL_ROUNDS 20
#define IN_FLIGHT   8

/* Appends until it is killed; each that was acknowledged goes to the pipe. */
struct victim {
	struct bench bench;
	uint64_t next;
	int pipe;
};

static void victim_append(struct victim *v);

struct victim_call {
	struct victim *victim;
	uint64_t n;
};

static void on_victim_append(void *ctx, const struct append_answer *a)
{
	struct victim_call *call = ctx;
	struct victim *v = call->victim;

	if (a->result != APPEND_STORED || write(v->pipe, &call->n, sizeof(call->n)) < 0)
		_exit(1);
	free(call);
	victim_append(v);
}

static void victim_append(struct victim *v)
{
	struct victim_call *call = xcalloc(1, sizeof(*call));
	struct store_event ev;
	struct store_put p = { "build", SPAN("counter"), 0, SPAN("value") };
	struct span entry = SPAN("{\"action\":\"x\"}");
	struct store_append a = { .event = &ev,
		.sinks = bench_sinks,
		.sinks_n = 1,
		.puts = &p,
		.puts_n = 1,
		.audit = &entry,
		.audit_n = 1 };
	char key[32];

	*call = (struct victim_call){ v, v->next++ };
	ev = event_numbered(call->n, "lane");
	snprintf(key, sizeof(key), "%" PRIu64, call->n);
	p.key = span_of(key);
	if (store_append(v->bench.s, &a, on_victim_append, call) != ERR_OK)
		_exit(1);
}

NORETURN static void victim_run(const struct bench *parent, uint64_t from, int pipe)
{
	struct victim v = { .bench = *parent, .next = from, .pipe = pipe };
	struct store_config conf = { parent->path, "victim", parent->inflight_max };
	char *why;

	v.bench.loop = loop_new();
	if (sqlite_store_open(v.bench.loop, &conf, &v.bench.s, &why) != ERR_OK)
		_exit(1);
	for (int i = 0; i < IN_FLIGHT; i++)
		victim_append(&v);
	IGNORE(loop_run(v.bench.loop));
	_exit(1);
}

struct seen {
	uint64_t id[20000];
	size_t n;
};

/* Let a victim work until so many came back, kill it, and read what else it told. */
static void round_run(struct bench *b, uint64_t from, size_t acks, struct seen *seen)
{
	size_t until = seen->n + acks;
	int fd[2], status;
	pid_t pid;

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		victim_run(b, from, fd[1]);
	close(fd[1]);
	while (read(fd[0], &seen->id[seen->n], sizeof(uint64_t)) == (ssize_t)sizeof(uint64_t)) {
		cr_assert_lt(++seen->n, ARRAY_SIZE(seen->id));
		if (seen->n == until)
			cr_assert_eq(kill(pid, SIGKILL), 0);
	}
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status), "it ended by itself: %d", status);
}

static uint64_t seed_draw(void)
{
	const char *given = getenv("STAGEWIRE_TEST_SEED");
	uint64_t seed;

	if (given != NULL)
		return strtoull(given, NULL, 0);
	cr_assert_eq(getrandom(&seed, sizeof(seed), 0), (ssize_t)sizeof(seed));
	return seed;
}

static bool is_stored(struct bench *b, uint64_t n)
{
	struct store_event ev = event_numbered(n, "lane");
	struct store_append a = { .seen_id = ev.id };

	return bench_append(b, &a, NULL) == APPEND_DUPLICATE;
}

Test(store_faults, every_acknowledged_event_outlives_a_kill, .timeout = 120)
{
	static struct seen seen;
	uint64_t seed = seed_draw(), dice = seed;
	struct bench b;

	fprintf(stderr, "# STAGEWIRE_TEST_SEED=%" PRIu64 "\n", seed);
	bench_init(&b);
	for (uint64_t round = 0; round < KILL_ROUNDS; round++) {
		struct store_counts c;
		size_t before = seen.n;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		round_run(&b, round << 32, 1 + (dice >> 33) % 400, &seen);
		assert_sound(&b);
		bench_open(&b);
		c = store_counts(b.s);
		cr_assert_geq(c.events, (int64_t)seen.n, "round %" PRIu64, round);
		cr_assert_eq(c.pending, c.events, "whole or not at all");
		cr_assert_eq(c.audit, c.events, "whole or not at all");
		for (size_t i = before; i < seen.n; i++)
			cr_assert(is_stored(&b, seen.id[i]), "lost %" PRIx64, seen.id[i]);
		store_close(TAKE(b.s));
	}
	bench_release(&b);
}
