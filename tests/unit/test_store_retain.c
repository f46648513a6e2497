/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "store_bench.h"

#define DAY ((int64_t)24 * 60 * 60 * 1000)

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

TestSuite(store_retain, .init = set_up, .fini = tear_down);

/* Make all that is there older by so many days. */
static void age(int64_t days)
{
	char sql[400];
	long long ms = (long long)(days * DAY);

	store_close(TAKE(b.s));
	snprintf(sql, sizeof(sql),
		"UPDATE event SET received_ms = received_ms - %lld;"
		"UPDATE delivery SET made_ms = made_ms - %lld, updated_ms = updated_ms - %lld;"
		"UPDATE audit SET at_ms = at_ms - %lld",
		ms, ms, ms, ms);
	bench_sql(&b, sql);
	bench_open(&b);
}

static void finish(int64_t seq, const char *sink, enum finish_result result)
{
	struct store_finish f = {
		.event_seq = seq, .sink = sink, .result = result, .audit = SPAN("{}")
	};

	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
}

static void park(uint64_t n, enum event_place place)
{
	struct store_event ev = event_numbered(n, "lane");
	struct store_append a = { .event = &ev };

	ev.place = place;
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
}

/* Counted from the tables, so that the counts kept can be compared with it. */
static void assert_counts(void)
{
	struct store_counts c = store_counts(b.s);

	cr_expect_eq(c.events, bench_sql_int(&b, "SELECT count(*) FROM event"));
	cr_expect_eq(c.audit, bench_sql_int(&b, "SELECT count(*) FROM audit"));
	cr_expect_eq(c.dead, bench_sql_int(&b, "SELECT count(*) FROM delivery WHERE state = 2"));
	cr_expect_eq(c.pending, bench_sql_int(&b, "SELECT count(*) FROM delivery WHERE state = 0"));
	cr_expect_eq(
		c.quarantined, bench_sql_int(&b, "SELECT count(*) FROM event WHERE place = 1"));
	cr_expect_eq(c.waiting, bench_sql_int(&b, "SELECT count(*) FROM event WHERE place = 2"));
}

Test(store_retain, each_kind_goes_after_its_own_age_and_what_is_pending_stays)
{
	const struct store_retention keep = {
		.deliveries_ms = 10 * DAY,
		.dead_ms = 40 * DAY,
		.events_ms = 20 * DAY,
		.quarantine_ms = 30 * DAY,
		.audit_ms = 50 * DAY,
		.audit_through = INT64_MAX,
	};
	static const struct {
		int64_t days; /* older than before */
		struct store_removed want;
	} row[] = {
		{ 9, { 0 } },
		{ 2, { .deliveries = 2 } },
		{ 8, { 0 } },
		{ 2, { .events = 1 } },
		{ 8, { 0 } },
		{ 2, { .quarantined = 1 } },
		{ 8, { 0 } },
		{ 2, { .dead = 1, .events = 1 } },
		{ 8, { 0 } },
		{ 2, { .audit = 2 } },
		{ 1000, { 0 } },
	};

	finish(bench_keep(&b, 1, "lane", 1), "alpha", FINISH_DONE);
	bench_keep(&b, 2, "lane", 2); /* beta stays pending */
	finish(2, "alpha", FINISH_DONE);
	finish(bench_keep(&b, 3, "lane", 1), "alpha", FINISH_DEAD);
	park(4, EVENT_QUARANTINED);
	park(5, EVENT_WAITING);
	bench_keep(&b, 6, "lane", 0);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct store_removed n;

		age(row[i].days);
		n = bench_retain(&b, &keep, NULL);
		cr_expect_eq(n.deliveries, row[i].want.deliveries, "row %zu", i);
		cr_expect_eq(n.dead, row[i].want.dead, "row %zu", i);
		cr_expect_eq(n.events, row[i].want.events, "row %zu", i);
		cr_expect_eq(n.quarantined, row[i].want.quarantined, "row %zu", i);
		cr_expect_eq(n.audit, row[i].want.audit, "row %zu", i);
		assert_counts();
	}
	cr_assert_eq(bench_sql_int(&b, "SELECT group_concat(seq) = '2,5,6' FROM event"), 1);
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM delivery"), 1);
}

Test(store_retain, without_ages_everything_stays_for_ever)
{
	const struct store_retention keep = { .audit_through = INT64_MAX };

	finish(bench_keep(&b, 1, "lane", 1), "alpha", FINISH_DONE);
	finish(bench_keep(&b, 2, "lane", 1), "alpha", FINISH_DEAD);
	park(3, EVENT_QUARANTINED);
	bench_keep(&b, 4, "lane", 0);
	age(10000);
	cr_assert_eq(bench_retain(&b, &keep, NULL).events, 0);
	assert_counts();
	cr_assert_eq(store_counts(b.s).events, 4);
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM delivery"), 2);
}

Test(store_retain, audit_goes_only_as_far_as_it_is_published_and_without_a_gap)
{
	struct store_retention keep = { .audit_ms = DAY, .audit_through = 3 };
	struct span entry = SPAN("{}");
	struct store_append a = { .audit = &entry, .audit_n = 1 };

	for (int i = 0; i < 10; i++)
		cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	age(2);
	cr_assert_eq(bench_retain(&b, &keep, NULL).audit, 3);
	cr_assert_eq(bench_sql_int(&b, "SELECT min(seq) FROM audit"), 4);
	bench_sql(&b, "UPDATE audit SET at_ms = at_ms + 86400000 * 2 WHERE seq = 6");
	keep.audit_through = INT64_MAX;
	cr_assert_eq(bench_retain(&b, &keep, NULL).audit, 2, "not past the young one");
	bench_sql(&b, "UPDATE audit SET at_ms = 0");
	cr_assert_eq(bench_retain(&b, &keep, NULL).audit, 4, "the newest stays");
	assert_counts();
}

Test(store_retain, numbers_are_never_given_again_and_repeats_stay_known)
{
	const struct store_retention keep = { .events_ms = DAY };
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev };

	for (uint64_t i = 1; i <= 5; i++)
		bench_keep(&b, i, "lane", 0);
	age(2);
	cr_assert_eq(bench_retain(&b, &keep, NULL).events, 4);
	cr_assert_eq(store_counts(b.s).events, 1);
	bench_reopen(&b);
	cr_assert_eq(store_counts(b.s).events, 1);
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_DUPLICATE);
	cr_assert_eq(bench_keep(&b, 6, "lane", 0), 6);
	assert_counts();
}

Test(store_retain, step_is_bounded_and_the_next_one_goes_on)
{
	const struct store_retention keep = { .deliveries_ms = DAY, .events_ms = DAY };
	struct store_removed n;
	unsigned steps;

	for (uint64_t i = 0; i < 1200; i += 60) {
		struct reply r[60];

		for (size_t k = 0; k < ARRAY_SIZE(r); k++) {
			struct store_event ev = event_numbered(i + k, "lane");
			struct store_append a = { .event = &ev };

			bench_append_start(&b, &a, &r[k]);
		}
		bench_wait(&b);
		for (size_t k = 0; k < ARRAY_SIZE(r); k++)
			reply_release(&r[k]);
	}
	age(2);
	n = bench_retain(&b, &keep, &steps);
	cr_assert_eq(n.events, 1199);
	cr_assert_geq(steps, 3);
	assert_counts();
}

/* What a cycle leaves: all pages but those of what stays for ever. */
static int64_t pages_in_use(void)
{
	cr_assert_eq(bench_maintain(&b), CLAIM_OK);
	return bench_sql_int(&b, "PRAGMA page_count") -
	       bench_sql_int(&b, "SELECT count(*) FROM dbstat WHERE name = 'seen'");
}

static void soak_append(uint64_t from, size_t n)
{
	static char body[1500];
	struct reply *r = xcalloc(n, sizeof(*r));
	struct span entries[] = { SPAN("{\"action\":\"webhook.accept\"}"), SPAN("{}") };

	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < n; i++) {
		struct store_event ev = event_numbered(from + i, "lane");
		struct store_append a = {
			.event = &ev,
			.sinks = bench_sinks,
			.sinks_n = 2,
			.audit = entries,
			.audit_n = 2,
		};

		if ((from + i) % 50 == 0) {
			ev.place = EVENT_QUARANTINED;
			a.sinks_n = 0;
		}
		ev.body = (struct span){ body, sizeof(body) };
		bench_append_start(&b, &a, &r[i]);
	}
	bench_wait(&b);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(r[i].result, APPEND_STORED);
		reply_release(&r[i]);
	}
	free(r);
}

/* One in a hundred is given up. */
static void soak_finish(int64_t from_seq, size_t n)
{
	struct store_finish *f = xcalloc(2 * n, sizeof(*f));

	for (size_t i = 0; i < 2 * n; i++)
		f[i] = (struct store_finish){
			.event_seq = from_seq + (int64_t)(i / 2),
			.sink = bench_sinks[i % 2],
			.result = i % 100 == 7 ? FINISH_DEAD : FINISH_DONE,
			.audit = SPAN("{\"action\":\"delivery.attempt\"}"),
		};
	cr_assert_eq(bench_finish(&b, b.token, f, 2 * n), CLAIM_OK);
	free(f);
}

Test(store_retain, file_does_not_grow_over_30000_events_but_for_what_stays_for_ever, .timeout = 300)
{
	enum { CYCLES = 10, EVENTS = 3000, PASS = 500 };
	const struct store_retention keep = { 1, 1, 1, 1, 1, INT64_MAX, 1 };
	int64_t pages = 0, first = 0, most = 0;

	for (uint64_t n = 0; n < CYCLES * EVENTS; n += PASS) {
		soak_append(n, PASS);
		soak_finish((int64_t)n + 1, PASS);
		if ((n + PASS) % EVENTS != 0)
			continue;
		bench_retain(&b, &keep, NULL);
		assert_counts();
		pages = pages_in_use();
		if (first == 0)
			first = pages;
		most = pages > most ? pages : most;
	}
	fprintf(stderr, "# pages after the first cycle %lld, at most %lld, seen %lld\n",
		(long long)first, (long long)most,
		(long long)bench_sql_int(&b, "SELECT count(*) FROM dbstat WHERE name = 'seen'"));
	cr_assert_leq(store_counts(b.s).events, 2, "what is older than a moment is gone");
	cr_assert_leq(most, first + first / 50);
}
