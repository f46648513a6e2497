/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "store_bench.h"

static struct bench b;
static uint64_t events; /* kept so far: each has its number as id */

static void set_up(void)
{
	bench_init(&b);
	bench_open(&b);
	events = 0;
}

static void tear_down(void)
{
	bench_release(&b);
}

TestSuite(store_builds, .init = set_up, .fini = tear_down);

#define HOST "app.travis-ci.com"

enum {
	STARTED = 1,
	PASSED = 2,
	FAILED = 3,
};

static struct store_build build_of(const char *repository, int64_t id, unsigned state)
{
	return (struct store_build){
		.host = SPAN(HOST),
		.id = id,
		.repository = span_of(repository),
		.number = SPAN("7"),
		.branch = SPAN("main"),
		.state = state,
		.attempt = 1,
		.started = { 1000 },
		.finished = { 2000 },
		.fact = SPAN("{}"),
	};
}

/* News of a build; returns the number of its event. */
static int64_t tell(const struct store_build *build)
{
	struct store_event ev = event_numbered(++events, "lane");
	struct store_append a = { .event = &ev, .build = build };
	int64_t seq = 0;

	cr_assert_eq(bench_append(&b, &a, &seq), APPEND_STORED);
	return seq;
}

static int64_t tell_of(const char *repository, int64_t id, unsigned state)
{
	struct store_build build = build_of(repository, id, state);

	return tell(&build);
}

struct shown {
	struct reply r;
	int64_t total, next_seq;
	size_t answered;
};

static void on_builds(void *ctx, enum err e, const struct store_builds *builds)
{
	struct shown *s = ctx;

	cr_assert_eq(e, ERR_OK);
	s->total = builds->total;
	s->next_seq = builds->next_seq;
	s->answered = builds->answered;
	s->r.n = builds->n;
	for (size_t i = 0; i < builds->n && i < 100; i++) {
		const struct store_build *build = &builds->build[i];

		cr_assert_eq(buf_addf(&s->r.text, "%s%lld:%u", i == 0 ? "" : " ",
				     (long long)build->id, build->state),
			ERR_OK);
	}
	bench_came(&s->r);
}

/* "ID:STATE ..." in the order of the answer. */
static void show(const struct store_builds_query *q, struct shown *s)
{
	*s = (struct shown){ 0 };
	reply_init(&s->r, &b);
	cr_assert_eq(store_builds(b.s, q, on_builds, s), ERR_OK);
	bench_wait(&b);
}

static void assert_shown(const struct store_builds_query *q, const char *want)
{
	struct shown s;

	show(q, &s);
	cr_expect_str_eq(s.r.text.data == NULL ? "" : s.r.text.data, want);
	reply_release(&s.r);
}

static struct store_builds_query of(const struct span *repository, size_t n)
{
	return (struct store_builds_query){
		.repository = repository, .repositories = n, .limit = 10, .count = true
	};
}

Test(store_builds, of_a_repository_come_newest_first_whatever_its_case)
{
	const struct span acme = SPAN("ACME/Api");
	struct store_builds_query q = of(&acme, 1);
	struct shown s;

	tell_of("acme/api", 30, PASSED);
	tell_of("acme/api", 10, PASSED);
	tell_of("acme/other", 40, PASSED);
	tell_of("Acme/API", 20, FAILED);
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "30:2 20:3 10:2");
	cr_expect_eq(s.total, 3);
	cr_expect_eq(s.answered, 1);
	reply_release(&s.r);

	q.offset = 1;
	q.limit = 1;
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "20:3");
	cr_expect_eq(s.total, 3, "the count is of all, not of the page");
	reply_release(&s.r);
	q.offset = 3;
	assert_shown(&q, "");
}

Test(store_builds, later_news_of_one_takes_the_place_of_what_was_known)
{
	struct store_builds_query q = { .id = 7, .limit = 10 };
	struct store_build build = build_of("acme/api", 7, STARTED);

	tell(&build);
	assert_shown(&q, "7:1");
	build.state = FAILED;
	tell(&build);
	assert_shown(&q, "7:3");
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM build"), 1);
	cr_assert_eq(bench_sql_int(&b, "SELECT seq * 10 + changed FROM build"), 12);
}

Test(store_builds, update_without_an_event_leaves_the_state_and_makes_no_build)
{
	struct store_build build = build_of("acme/api", 7, PASSED);
	struct store_append a = { .build = &build };

	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM build"), 0);
	build.transition = 3;
	build.entities = SPAN("[]");
	tell(&build);
	build.transition = 0;
	build.finished.ms = 5000;
	build.entities = (struct span){ 0 };
	build.fact = SPAN("{\"jobs\":2}");
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(bench_sql_int(&b, "SELECT count(*) FROM build WHERE finished_ms = 5000"
				       " AND fact = '{\"jobs\":2}' AND transition = 3"
				       " AND entities = '[]' AND changed = 1"),
		1);
}

Test(store_builds, same_id_on_two_hosts_is_two_builds)
{
	struct store_build build = build_of("acme/api", 7, PASSED);
	struct store_builds_query q = { .id = 7, .limit = 10 };

	tell(&build);
	build.host = SPAN("travis.example.org");
	build.state = FAILED;
	tell(&build);
	assert_shown(&q, "7:2 7:3");
	q.host = SPAN("travis.example.org");
	assert_shown(&q, "7:3");
	q.host = SPAN("other.example.org");
	assert_shown(&q, "");
}

Test(store_builds, refused_append_shows_nothing)
{
	struct store_put p = { "build", SPAN("k"), 5, SPAN("v") };
	struct store_event ev = event_numbered(1, "lane");
	struct store_build build = build_of("acme/api", 7, PASSED);
	struct store_append a = { .event = &ev, .puts = &p, .puts_n = 1, .build = &build };
	struct store_builds_query q = { .limit = 10 };

	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_CONFLICT);
	assert_shown(&q, "");
}

Test(store_builds, latest_of_each_repository_in_the_order_asked)
{
	const struct span repository[] = { SPAN("acme/web"), SPAN("acme/none"), SPAN("acme/api") };
	struct store_builds_query q = of(repository, 3);
	struct shown s;

	tell_of("acme/api", 1, PASSED);
	tell_of("acme/api", 2, FAILED);
	tell_of("acme/web", 3, PASSED);
	tell_of("acme/web", 4, STARTED);
	q.limit = 1;
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "4:1 2:3");
	cr_expect_eq(s.total, 4);
	cr_expect_eq(s.answered, 3);
	reply_release(&s.r);
	q.states = 1U << PASSED;
	assert_shown(&q, "3:2 1:2");
	q.states = 1U << PASSED | 1U << STARTED;
	assert_shown(&q, "4:1 1:2");
}

Test(store_builds, without_a_repository_those_that_changed_last_come_first_page_by_page)
{
	struct store_builds_query q = { .limit = 2 };
	struct shown s;

	tell_of("acme/a", 1, STARTED);
	tell_of("acme/b", 2, PASSED);
	tell_of("acme/c", 3, PASSED);
	tell_of("acme/a", 1, PASSED);
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "1:2 3:2");
	cr_assert_neq(s.next_seq, 0);
	q.before_seq = s.next_seq;
	reply_release(&s.r);
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "2:2");
	cr_expect_eq(s.next_seq, 0);
	reply_release(&s.r);
}

Test(store_builds, what_one_answer_costs_is_bounded_and_the_next_goes_on)
{
	static char name[STORE_BUILDS_LOOK + 100][8];
	static struct span repository[ARRAY_SIZE(name)];
	struct store_builds_query q = of(repository, ARRAY_SIZE(name));
	struct shown s;
	size_t first;

	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		snprintf(name[i], sizeof(name[i]), "a/%zu", i);
		repository[i] = span_of(name[i]);
	}
	tell_of(name[ARRAY_SIZE(name) - 1], 5, PASSED);
	show(&q, &s);
	cr_expect_eq(s.r.n, 0);
	cr_assert_leq(s.answered, STORE_BUILDS_LOOK);
	first = s.answered;
	reply_release(&s.r);
	q.repository += first;
	q.repositories -= first;
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "5:2");
	cr_expect_eq(s.answered, q.repositories);
	reply_release(&s.r);
}

Test(store_builds, large_answer_ends_before_a_repository_that_does_not_fit)
{
	static char fact[1024 * 1024];
	const struct span repository[] = { SPAN("acme/a"), SPAN("acme/b") };
	struct store_builds_query q = of(repository, 2);
	struct shown s;

	memset(fact, 'x', sizeof(fact));
	for (int64_t id = 1; id <= 6; id++) {
		struct store_build build = build_of(id <= 3 ? "acme/a" : "acme/b", id, PASSED);

		build.fact = (struct span){ fact, sizeof(fact) };
		tell(&build);
	}
	show(&q, &s);
	cr_expect_str_eq(s.r.text.data, "3:2 2:2 1:2");
	cr_expect_eq(s.answered, 1);
	cr_expect_eq(s.total, 3);
	reply_release(&s.r);
}

Test(store_builds, moved_event_gives_its_build_entities_unless_a_later_one_did)
{
	struct store_reroute move = { .body = SPAN("{}"), .entities = SPAN("[1]") };
	struct store_build build = build_of("acme/api", 7, STARTED);
	struct store_event ev;
	struct store_append a = { .event = &ev, .build = &build };

	for (unsigned state = STARTED; state <= PASSED; state++) {
		ev = event_numbered(state, "lane");
		ev.place = EVENT_QUARANTINED;
		build.state = state;
		cr_assert_eq(bench_append(&b, &a, &move.event_seq), APPEND_STORED);
	}
	move.event_seq = 1;
	cr_assert_eq(bench_reroute(&b, &move), CLAIM_OK);
	cr_assert_eq(bench_sql_int(&b, "SELECT entities = '' FROM build"), 1);
	move.event_seq = 2;
	cr_assert_eq(bench_reroute(&b, &move), CLAIM_OK);
	cr_assert_eq(bench_sql_int(&b, "SELECT entities = '[1]' FROM build"), 1);
}

#define DAY ((int64_t)24 * 60 * 60 * 1000)

Test(store_builds, old_ones_go_but_the_newest_of_a_repository_stays)
{
	const struct store_retention keep = { .events_ms = DAY };
	struct store_builds_query q = { .limit = 10 };
	char sql[200];

	tell_of("acme/api", 1, PASSED);
	tell_of("ACME/api", 2, PASSED);
	tell_of("acme/web", 3, PASSED);
	tell_of("acme/old", 4, STARTED);
	tell_of("acme/old", 5, PASSED);
	store_close(TAKE(b.s));
	snprintf(sql, sizeof(sql),
		"UPDATE event SET received_ms = received_ms - %lld;"
		"UPDATE build SET updated_ms = updated_ms - %lld",
		(long long)(2 * DAY), (long long)(2 * DAY));
	bench_sql(&b, sql);
	bench_open(&b);
	tell_of("acme/old", 4, PASSED);
	cr_assert_eq(bench_retain(&b, &keep, NULL).builds, 1);
	assert_shown(&q, "4:2 5:2 3:2 2:2");
	cr_assert_eq(bench_retain(&b, &keep, NULL).builds, 0);
}

Test(store_builds, every_query_walks_an_index)
{
	static const char *const plan[] = {
		"repository = 'a' ORDER BY id DESC",
		"id = 1 AND host = 'a'",
		"changed < 9 ORDER BY changed DESC",
	};
	char sql[200];

	for (size_t i = 0; i < ARRAY_SIZE(plan); i++) {
		sqlite3_stmt *st;
		sqlite3 *db;

		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN SELECT * FROM build WHERE %s",
			plan[i]);
		cr_assert_eq(sqlite3_open(b.path, &db), SQLITE_OK);
		cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
		cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
		cr_expect_not_null(strstr((const char *)sqlite3_column_text(st, 3), "USING INDEX"));
		cr_expect_eq(sqlite3_step(st), SQLITE_DONE, "no sorting: %s", plan[i]);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
}

Test(store_builds, nothing_asked_for_is_refused)
{
	const struct store_builds_query q = { .limit = 0 };

	cr_assert_eq(store_builds(b.s, &q, on_builds, NULL), ERR_LIMIT);
}
