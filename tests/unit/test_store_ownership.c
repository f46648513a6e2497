/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "store_bench.h"

static struct bench b;

static void set_up(void)
{
	bench_init(&b);
	bench_open(&b);
}

static void tear_down(void)
{
	bench_release(&b);
}

TestSuite(store_ownership, .init = set_up, .fini = tear_down);

static struct store_ownership row_of(const char *ref, const char *owners, int64_t at)
{
	return (struct store_ownership){
		.ref = span_of(ref),
		.uid = SPAN("uid"),
		.slug = SPAN("acme/api"),
		.owners = span_of(owners),
		.not_before = { at - 20 },
		.read = { at - 10 },
		.since = { at },
		.audit = SPAN("{\"action\":\"ownership.change\"}"),
	};
}

static void on_added(void *ctx, enum claim_result c, size_t added)
{
	struct reply *r = ctx;

	r->claim = c;
	r->n = added;
	bench_came(r);
}

/* Returns how many were added. */
static size_t add(const struct store_ownership *rows, size_t n)
{
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, &b);
	cr_assert_eq(store_ownership_add(b.s, rows, n, on_added, &r), ERR_OK);
	bench_wait(&b);
	cr_assert_eq(r.claim, CLAIM_OK);
	return r.n;
}

static size_t add_one(const char *ref, const char *owners, int64_t at)
{
	struct store_ownership row = row_of(ref, owners, at);

	return add(&row, 1);
}

static void on_rows(void *ctx, enum err e, const struct store_ownership *rows, size_t n, bool more,
	struct wall begins)
{
	struct reply *r = ctx;
	char line[128];

	r->err = e;
	r->n = n;
	r->more = more;
	r->version = begins.ms;
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(line, sizeof(line), "%.*s %lld..%lld %s%s%.*s",
			SPAN_ARGS(rows[i].ref), (long long)rows[i].not_before.ms,
			(long long)rows[i].since.ms, rows[i].first ? "first " : "",
			rows[i].gone ? "gone" : "", SPAN_ARGS(rows[i].owners));

		r->seq = rows[i].seq;
		reply_line(r, (struct span){ line, (size_t)len });
	}
	bench_came(r);
}

static void ask(const struct store_ownership_query *q, struct reply *r)
{
	reply_init(r, &b);
	cr_assert_eq(store_ownership(b.s, q, on_rows, r), ERR_OK);
	bench_wait(&b);
	cr_assert_eq(r->err, ERR_OK);
}

static void expect(const struct store_ownership_query *q, const char *text)
{
	CLEANUP(reply_release) struct reply r;

	ask(q, &r);
	cr_expect_str_eq(r.text.data == NULL ? "" : r.text.data, text);
}

static struct store_ownership_query all_of(const char *ref)
{
	return (struct store_ownership_query){
		.which = OWNERSHIP_ALL, .ref = span_of(ref), .limit = 10
	};
}

static int64_t audited(void)
{
	return bench_sql_int(&b, "SELECT count(*) FROM audit");
}

Test(store_ownership, each_state_is_told_once_with_its_entry)
{
	struct store_ownership_query q = all_of("c:d/a");

	cr_expect_eq(add_one("c:d/a", "x", 100), 1);
	cr_expect_eq(add_one("c:d/a", "x", 200), 0);
	cr_expect_eq(add_one("c:d/a", "y", 300), 1);
	cr_expect_eq(add_one("c:d/a", "x", 400), 1);
	expect(&q, "c:d/a 380..400 x\nc:d/a 280..300 y\nc:d/a 80..100 first x\n");
	cr_expect_eq(audited(), 3);
	cr_expect_eq(store_counts(b.s).audit, 3);
}

Test(store_ownership, a_state_lasted_at_least_until_its_own_reading_began)
{
	struct store_ownership row = row_of("c:d/a", "y", 300);
	struct store_ownership_query q = all_of("c:d/a");

	add_one("c:d/a", "x", 290);
	row.not_before.ms = 100;
	add(&row, 1);
	expect(&q, "c:d/a 280..300 y\nc:d/a 270..290 first x\n");
}

Test(store_ownership, an_end_of_what_is_not_on_record_is_none)
{
	struct store_ownership gone = row_of("c:d/a", "", 100);
	struct store_ownership_query q = all_of("c:d/a");

	gone.gone = true;
	cr_expect_eq(add(&gone, 1), 0);
	cr_expect_eq(audited(), 0);
	add_one("c:d/a", "x", 200);
	gone.since.ms = 300;
	cr_expect_eq(add(&gone, 1), 1);
	cr_expect_eq(add(&gone, 1), 0);
	cr_expect_eq(add_one("c:d/a", "x", 400), 1);
	expect(&q, "c:d/a 380..400 x\nc:d/a 190..300 gone\nc:d/a 180..200 first x\n");
}

Test(store_ownership, rows_around_a_time_are_the_last_by_then_and_the_next)
{
	static const struct {
		int64_t at;
		const char *text;
	} cases[] = {
		{ 99, "c:d/a 80..100 first x\nc:d/a 180..200 y\n" },
		{ 100, "c:d/a 80..100 first x\nc:d/a 180..200 y\n" },
		{ 250, "c:d/a 180..200 y\nc:d/a 280..300 z\n" },
		{ 300, "c:d/a 280..300 z\n" },
	};

	add_one("c:d/a", "x", 100);
	add_one("c:d/b", "other", 150);
	add_one("c:d/a", "y", 200);
	add_one("c:d/a", "z", 300);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct store_ownership_query q = {
			.which = OWNERSHIP_AROUND,
			.ref = SPAN("c:d/a"),
			.at = { cases[i].at },
			.limit = 2,
		};

		expect(&q, cases[i].text);
	}
}

Test(store_ownership, newest_rows_come_in_order_of_ref_and_page_by_page)
{
	CLEANUP(reply_release) struct reply r;
	struct store_ownership_query q = { .which = OWNERSHIP_NEWEST, .limit = 2 };

	add_one("c:d/c", "x", 100);
	add_one("c:d/a", "x", 110);
	add_one("c:d/b", "x", 120);
	add_one("c:d/a", "y", 130);
	ask(&q, &r);
	cr_expect_str_eq(r.text.data, "c:d/a 110..130 y\nc:d/b 100..120 first x\n");
	cr_expect(r.more);
	cr_expect_eq(r.version, 100, "when the record begins");
	q.ref = SPAN("c:d/b");
	expect(&q, "c:d/c 80..100 first x\n");
}

Test(store_ownership, history_goes_on_behind_a_cursor)
{
	CLEANUP(reply_release) struct reply r;
	struct store_ownership_query q = all_of("c:d/a");

	add_one("c:d/a", "x", 100);
	add_one("c:d/a", "y", 200);
	add_one("c:d/a", "z", 300);
	q.limit = 2;
	ask(&q, &r);
	cr_expect(r.more);
	q.cursor = r.seq;
	expect(&q, "c:d/a 80..100 first x\n");
}

static void on_retain(
	void *ctx, enum claim_result c, const struct store_removed *removed, bool more)
{
	struct reply *r = ctx;

	r->claim = c;
	r->n = removed->ownership;
	r->more = more;
	bench_came(r);
}

/* One sweep; returns how many rows of ownership it removed. */
static size_t sweep(int64_t ownership_ms)
{
	const struct store_retention keep = { .ownership_ms = ownership_ms };
	size_t n = 0;
	bool more = true;

	while (more) {
		CLEANUP(reply_release) struct reply r;

		reply_init(&r, &b);
		cr_assert_eq(store_retain(b.s, &keep, on_retain, &r), ERR_OK);
		bench_wait(&b);
		cr_assert_eq(r.claim, CLAIM_OK);
		n += r.n;
		more = r.more;
	}
	return n;
}

Test(store_ownership, what_was_replaced_long_ago_goes_and_what_holds_stays)
{
	const int64_t day = 86400000, now = clock_wall().ms;
	struct store_ownership gone = row_of("c:d/gone", "", now - 20 * day);
	struct store_ownership_query a = all_of("c:d/a"), old = all_of("c:d/old");
	char text[128];

	gone.gone = true;
	add_one("c:d/old", "x", now - 40 * day);
	add_one("c:d/a", "x", now - 39 * day);
	add_one("c:d/gone", "x", now - 38 * day);
	add_one("c:d/a", "y", now - 30 * day);
	add(&gone, 1);
	add_one("c:d/a", "z", now - 5 * day);
	cr_expect_eq(sweep(0), 0);
	cr_expect_eq(sweep(10 * day), 3, "x of a, which y replaced; both of what is gone");
	snprintf(text, sizeof(text), "c:d/a %lld..%lld z\nc:d/a %lld..%lld y\n",
		(long long)(now - 5 * day - 20), (long long)(now - 5 * day),
		(long long)(now - 30 * day - 20), (long long)(now - 30 * day));
	expect(&a, text);
	snprintf(text, sizeof(text), "c:d/old %lld..%lld first x\n",
		(long long)(now - 40 * day - 20), (long long)(now - 40 * day));
	expect(&old, text);
}
