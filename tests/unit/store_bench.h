/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_BENCH_H
#define TESTS_UNIT_STORE_BENCH_H

#include <criterion/criterion.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/buf.h"
#include "io/loop.h"
#include "scratch.h"
#include "store/store.h"

/*
 * A store in a directory of its own, and calls of it that wait for their
 * answers on the real loop. What an answer lent is copied.
 */
struct bench {
	struct scratch dir;
	char path[128];
	size_t inflight_max;
	struct loop *loop;
	struct loop_timer *patience;
	struct store *s;
	int64_t token;
	int waiting; /* calls under way; bench_wait() returns when there is none */
};

#define BENCH_PATIENCE_MS 30000

/* What came back for one call. */
struct reply {
	struct bench *bench;
	bool came;
	enum append_result result;
	enum claim_result claim;
	enum err err;
	int64_t seq, version;
	bool more;
	size_t n;
	struct buf text; /* values, bodies or JSON, one a line */
	struct store_held held[4];
	char held_text[4][64];
	struct {
		int64_t seq, cursor, wait_ms;
		unsigned tries;
		char sink[32], okey[64], id[UUID_TEXT_MAX];
	} row[64];
};

static inline void bench_on_impatient(void *ctx)
{
	(void)ctx;
	cr_assert_fail("an answer did not come within %d ms", BENCH_PATIENCE_MS);
}

static inline void bench_init(struct bench *b)
{
	*b = (struct bench){ .inflight_max = (size_t)64 * 1024 * 1024 };
	b->loop = loop_new();
	b->patience = loop_timer_new(b->loop, bench_on_impatient, b);
	scratch_make(&b->dir);
	scratch_path(&b->dir, "store.db", b->path);
}

/* NULL, or why it was refused. */
static inline char *bench_try_open(struct bench *b)
{
	struct store_config conf = { b->path, "test", b->inflight_max };
	char *why = NULL;
	enum err e = sqlite_store_open(b->loop, &conf, &b->s, &why);

	cr_assert_eq(e == ERR_OK, why == NULL);
	return why;
}

static inline void bench_wait(struct bench *b)
{
	loop_timer_set(b->patience, BENCH_PATIENCE_MS);
	if (b->waiting > 0)
		cr_assert_eq(loop_run(b->loop), ERR_OK);
	loop_timer_stop(b->patience);
}

static inline void bench_came(struct reply *r)
{
	cr_assert_not(r->came, "answered twice");
	r->came = true;
	if (--r->bench->waiting == 0)
		loop_stop(r->bench->loop);
}

static inline void reply_init(struct reply *r, struct bench *b)
{
	memset(r, 0, sizeof(*r));
	r->bench = b;
	buf_init(&r->text, (size_t)64 * 1024 * 1024);
	b->waiting++;
}

/* Undo reply_init() for a call that was refused at once. */
static inline void reply_withdraw(struct reply *r)
{
	r->bench->waiting--;
}

static inline void reply_release(struct reply *r)
{
	buf_release(&r->text);
}

static inline void reply_line(struct reply *r, struct span s)
{
	cr_assert_eq(buf_add_span(&r->text, s), ERR_OK);
	cr_assert_eq(buf_add(&r->text, "\n", 1), ERR_OK);
}

static inline void span_text(struct span s, char *text, size_t max)
{
	cr_assert_lt(s.n, max);
	memcpy(text, s.n == 0 ? "" : s.p, s.n);
	text[s.n] = '\0';
}

static inline void bench_on_lease(void *ctx, bool held, int64_t token)
{
	struct reply *r = ctx;

	cr_assert(held);
	r->seq = token;
	bench_came(r);
}

static inline int64_t bench_lease(struct bench *b, const char *name)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_lease(b->s, name, 1000, bench_on_lease, &r), ERR_OK);
	bench_wait(b);
	return r.seq;
}

static inline void bench_open(struct bench *b)
{
	char *why = bench_try_open(b);

	cr_assert_null(why, "%s", why);
	b->token = bench_lease(b, "part/0");
}

static inline void bench_reopen(struct bench *b)
{
	store_close(b->s);
	bench_open(b);
}

static inline void bench_release(struct bench *b)
{
	store_close(b->s);
	loop_timer_free(b->patience);
	loop_free(b->loop);
	scratch_remove(&b->dir);
}

/* Run SQL on the file from outside, as no caller of the store can. */
static inline void bench_sql(const struct bench *b, const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	cr_assert_eq(sqlite3_open(b->path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, &why), SQLITE_OK, "%s", why);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

static inline int64_t bench_sql_int(const struct bench *b, const char *text)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	cr_assert_eq(sqlite3_open(b->path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
	return n;
}

/* A small disk of its own in a mount namespace of its own; false if that is not allowed. */
static inline bool bench_mount(const struct bench *b, const char *size)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%s", size);
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	return mount("tmpfs", b->dir.dir, "tmpfs", 0, options) == 0;
}

/* --- appends --- */

static inline void bench_on_append(void *ctx, const struct append_answer *a)
{
	struct reply *r = ctx;

	r->result = a->result;
	r->seq = a->seq;
	for (size_t i = 0; a->held != NULL && i < r->n; i++) {
		r->held[i].version = a->held[i].version;
		span_text(a->held[i].value, r->held_text[i], sizeof(r->held_text[i]));
	}
	bench_came(r);
}

static inline void bench_append_start(
	struct bench *b, const struct store_append *a, struct reply *r)
{
	reply_init(r, b);
	r->n = a->puts_n;
	cr_assert_eq(store_append(b->s, a, bench_on_append, r), ERR_OK);
}

/* The event with number n: its id, its lane and its body tell. */
static inline struct store_event event_numbered(uint64_t n, const char *okey)
{
	struct store_event ev = {
		.place = EVENT_ROUTED,
		.okey = span_of(okey),
		.source = SPAN("travis-com"),
		.type = SPAN("dev.cdevents.pipelinerun.finished"),
		.repository = SPAN("example-org/api"),
		.outcome = SPAN("success"),
		.body = SPAN("{\"specversion\":\"1.0\"}"),
		.fact = SPAN("{\"number\":7}"),
	};

	memcpy(ev.id, &n, sizeof(n));
	return ev;
}

static inline enum append_result bench_append(
	struct bench *b, const struct store_append *a, int64_t *seq)
{
	CLEANUP(reply_release) struct reply r;

	bench_append_start(b, a, &r);
	bench_wait(b);
	if (seq != NULL)
		*seq = r.seq;
	return r.result;
}

static const char *const bench_sinks[] = { "alpha", "beta" };

/* Keep an event for the first sinks_n sinks; returns its seq. */
static inline int64_t bench_keep(struct bench *b, uint64_t n, const char *okey, size_t sinks_n)
{
	struct store_event ev = event_numbered(n, okey);
	struct store_append a = { .event = &ev, .sinks = bench_sinks, .sinks_n = sinks_n };
	int64_t seq;

	cr_assert_eq(bench_append(b, &a, &seq), APPEND_STORED);
	return seq;
}

/* --- claims --- */

static inline void bench_on_claim(
	void *ctx, enum claim_result c, const struct store_delivery *d, size_t n, bool more)
{
	struct reply *r = ctx;

	r->claim = c;
	r->n = n;
	r->more = more;
	for (size_t i = 0; i < n && i < ARRAY_SIZE(r->row); i++) {
		r->row[i].seq = d[i].event_seq;
		r->row[i].tries = d[i].tries;
		r->row[i].wait_ms = d[i].wait_ms;
		span_text(span_of(d[i].sink), r->row[i].sink, sizeof(r->row[i].sink));
		span_text(d[i].okey, r->row[i].okey, sizeof(r->row[i].okey));
		uuid_format(d[i].event_id, r->row[i].id);
		reply_line(r, d[i].body);
	}
	bench_came(r);
}

static inline void bench_claim(struct bench *b, const struct store_claim *c, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_claim(b->s, c, bench_on_claim, r), ERR_OK);
	bench_wait(b);
}

/* A claim of the heads in the lane's partition, to be narrowed. */
static inline struct store_claim claim_of(const struct bench *b, const char *okey)
{
	return (struct store_claim){
		.part = store_part(span_of(okey)),
		.token = b->token,
		.per_lane = 1,
		.items_max = 64,
		.bytes_max = (size_t)1024 * 1024,
	};
}

/* --- finishes and the like --- */

static inline void bench_on_done(void *ctx, enum claim_result c)
{
	struct reply *r = ctx;

	r->claim = c;
	bench_came(r);
}

static inline enum claim_result bench_finish(
	struct bench *b, int64_t token, const struct store_finish *f, size_t n)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_finish(b->s, 0, token, f, n, bench_on_done, &r), ERR_OK);
	bench_wait(b);
	return r.claim;
}

static inline enum claim_result bench_reroute(struct bench *b, const struct store_reroute *m)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_reroute(b->s, m, bench_on_done, &r), ERR_OK);
	bench_wait(b);
	return r.claim;
}

static inline enum claim_result bench_put(struct bench *b, const struct store_put *p, size_t n)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_put(b->s, p, n, bench_on_done, &r), ERR_OK);
	bench_wait(b);
	return r.claim;
}

static inline enum claim_result bench_maintain(struct bench *b)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_maintain(b->s, bench_on_done, &r), ERR_OK);
	bench_wait(b);
	return r.claim;
}

/* --- reads --- */

static inline void bench_on_get(void *ctx, enum err e, int64_t version, struct span value)
{
	struct reply *r = ctx;

	r->err = e;
	r->version = version;
	reply_line(r, value);
	bench_came(r);
}

static inline void bench_get(struct bench *b, const char *ns, const char *key, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_get(b->s, ns, span_of(key), bench_on_get, r), ERR_OK);
	bench_wait(b);
}

static inline void bench_on_scan(
	void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct reply *r = ctx;

	r->err = e;
	r->n = n;
	r->more = more;
	for (size_t i = 0; i < n; i++)
		reply_line(r, rows[i].key);
	bench_came(r);
}

static inline void bench_scan(
	struct bench *b, const char *ns, const char *after, size_t limit, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_scan(b->s, ns, span_of(after), limit, bench_on_scan, r), ERR_OK);
	bench_wait(b);
}

static inline void bench_on_parked(
	void *ctx, enum err e, const struct store_parked *p, size_t n, bool more)
{
	struct reply *r = ctx;

	r->err = e;
	r->n = n;
	r->more = more;
	for (size_t i = 0; i < n && i < ARRAY_SIZE(r->row); i++) {
		r->row[i].seq = p[i].event_seq;
		uuid_format(p[i].id, r->row[i].id);
		span_text(p[i].okey, r->row[i].okey, sizeof(r->row[i].okey));
		reply_line(r, p[i].fact);
	}
	bench_came(r);
}

static inline void bench_parked(struct bench *b, int64_t after_seq, unsigned limit, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_parked(b->s, after_seq, limit, bench_on_parked, r), ERR_OK);
	bench_wait(b);
}

static inline void bench_on_entries(void *ctx, enum err e, const struct store_entry *entries,
	size_t n, int64_t first, int64_t last)
{
	struct reply *r = ctx;

	r->err = e;
	r->n = n;
	r->seq = first;
	r->version = last;
	for (size_t i = 0; i < n; i++) {
		if (i < ARRAY_SIZE(r->row))
			r->row[i].seq = entries[i].seq;
		reply_line(r, entries[i].entry);
	}
	bench_came(r);
}

/* seq is the first that is kept, version the last. */
static inline void bench_entries(struct bench *b, int64_t after, unsigned limit, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_audit_read(b->s, after, limit, bench_on_entries, r), ERR_OK);
	bench_wait(b);
}

static inline void bench_on_query(
	void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct reply *r = ctx;

	r->err = e;
	r->n = n;
	r->more = more;
	for (size_t i = 0; i < n; i++) {
		if (i < ARRAY_SIZE(r->row))
			r->row[i].cursor = items[i].cursor;
		reply_line(r, items[i].json);
	}
	bench_came(r);
}

static inline void bench_query(struct bench *b, const struct store_query *q, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_query(b->s, q, bench_on_query, r), ERR_OK);
	bench_wait(b);
}

/* --- replay and retention --- */

static inline void bench_on_select(
	void *ctx, enum err e, const struct store_found *found, size_t n, int64_t next)
{
	static const char state[] = "pdx"; /* pending, done, dead */
	struct reply *r = ctx;

	r->err = e;
	r->n = n;
	r->seq = next;
	for (size_t i = 0; i < n; i++) {
		char line[300];
		size_t at =
			(size_t)snprintf(line, sizeof(line), "%lld", (long long)found[i].event_seq);

		for (size_t k = 0; k < found[i].sent_n; k++)
			at += (size_t)snprintf(line + at, sizeof(line) - at, " %s:%c",
				found[i].sent[k].sink, state[found[i].sent[k].state]);
		reply_line(r, (struct span){ line, at });
	}
	bench_came(r);
}

/* A line for each event: its number, its sinks and what became of them. */
static inline void bench_select(struct bench *b, const struct store_select *q, struct reply *r)
{
	reply_init(r, b);
	cr_assert_eq(store_select(b->s, q, bench_on_select, r), ERR_OK);
	bench_wait(b);
}

static inline void bench_on_replay(void *ctx, enum claim_result c, size_t made)
{
	struct reply *r = ctx;

	r->claim = c;
	r->n = made;
	bench_came(r);
}

static inline enum claim_result bench_replay(
	struct bench *b, const struct store_replay *m, size_t *made)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, b);
	cr_assert_eq(store_replay(b->s, m, bench_on_replay, &r), ERR_OK);
	bench_wait(b);
	*made = r.n;
	return r.claim;
}

struct bench_removed {
	struct reply reply;
	struct store_removed n;
};

static inline void bench_on_retain(
	void *ctx, enum claim_result c, const struct store_removed *n, bool more)
{
	struct bench_removed *r = ctx;

	r->reply.claim = c;
	r->reply.more = more;
	r->n.deliveries += n->deliveries;
	r->n.dead += n->dead;
	r->n.events += n->events;
	r->n.quarantined += n->quarantined;
	r->n.audit += n->audit;
	r->n.builds += n->builds;
	bench_came(&r->reply);
}

/* A whole sweep; *steps, where wanted, is how many steps it took. */
static inline struct store_removed bench_retain(
	struct bench *b, const struct store_retention *keep, unsigned *steps)
{
	struct bench_removed r = { .reply = { .bench = b } };
	unsigned n = 0;

	do {
		r.reply.came = false;
		b->waiting++;
		cr_assert_eq(store_retain(b->s, keep, bench_on_retain, &r), ERR_OK);
		bench_wait(b);
		cr_assert_eq(r.reply.claim, CLAIM_OK);
		n++;
	} while (r.reply.more);
	if (steps != NULL)
		*steps = n;
	return r.n;
}

#endif
