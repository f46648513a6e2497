/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

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

TestSuite(store_replay, .init = set_up, .fini = tear_down);

static void finish(int64_t seq, const char *sink, enum finish_result result)
{
	struct store_finish f = { .event_seq = seq, .sink = sink, .result = result };

	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
}

static struct store_replay replay_of(int64_t seq, const char *const *sinks, size_t n)
{
	return (struct store_replay){
		.event_seq = seq,
		.sinks = sinks,
		.sinks_n = n,
		.audit = SPAN("{\"action\":\"operator.replay\"}"),
	};
}

static struct store_select select_of(enum store_from from)
{
	return (struct store_select){
		.from = from, .since = WALL_NONE, .until = WALL_NONE, .limit = 100
	};
}

static void assert_selected(const struct store_select *q, const char *want)
{
	CLEANUP(reply_release) struct reply r;

	bench_select(&b, q, &r);
	cr_assert_eq(r.err, ERR_OK);
	cr_assert_str_eq(r.text.data, want);
	cr_assert_eq(r.seq, 0, "there is more");
}

/* --- replay --- */

Test(store_replay, dead_letter_is_outstanding_again_from_its_first_try)
{
	int64_t seq = bench_keep(&b, 1, "lane", 2);
	struct store_replay m = replay_of(seq, bench_sinks, 1);
	struct store_claim c = claim_of(&b, "lane");
	CLEANUP(reply_release) struct reply r;
	size_t made;

	finish(seq, "alpha", FINISH_RETRY);
	finish(seq, "alpha", FINISH_DEAD);
	finish(seq, "beta", FINISH_DONE);
	cr_assert_eq(store_counts(b.s).dead, 1);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
	cr_assert_eq(made, 1);
	cr_assert_eq(store_counts(b.s).dead, 0);
	cr_assert_eq(store_counts(b.s).pending, 1);
	cr_assert_eq(store_counts(b.s).audit, 1);
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 1);
	cr_assert_str_eq(r.row[0].sink, "alpha");
	cr_assert_eq(r.row[0].tries, 0);
	cr_assert_leq(r.row[0].wait_ms, 0);
}

Test(store_replay, same_replay_again_changes_nothing)
{
	int64_t seq = bench_keep(&b, 1, "lane", 1);
	struct store_replay m = replay_of(seq, bench_sinks, 1);
	size_t made;

	finish(seq, "alpha", FINISH_DONE);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
	cr_assert_eq(made, 1);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
	cr_assert_eq(made, 0);
	cr_assert_eq(store_counts(b.s).pending, 1);
	cr_assert_eq(store_counts(b.s).audit, 1);
}

Test(store_replay, sink_that_never_had_it_gets_it_and_no_number_is_given_twice)
{
	static const char *const more[] = { "gamma", "beta", "delta" };
	int64_t seq = bench_keep(&b, 1, "lane", 2);
	struct store_replay m = replay_of(seq, more, 3);
	struct store_select q = select_of(FROM_ANY);
	size_t made;

	bench_keep(&b, 2, "lane", 2);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
	cr_assert_eq(made, 2, "beta is outstanding");
	assert_selected(&q, "1 alpha:p beta:p gamma:p delta:p\n2 alpha:p beta:p\n");
	cr_assert_eq(store_counts(b.s).pending, 6);
}

Test(store_replay, event_has_no_room_for_more_sinks_than_it_may_have)
{
	static char name[STORE_SINKS_MAX][8];
	const char *sinks[STORE_SINKS_MAX];
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev, .sinks = sinks, .sinks_n = STORE_SINKS_MAX };
	struct store_replay m = replay_of(1, bench_sinks, 1);
	size_t made;

	for (size_t i = 0; i < STORE_SINKS_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "s%zu", i);
		sinks[i] = name[i];
	}
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
	cr_assert_eq(made, 0);
}

Test(store_replay, event_that_is_parked_or_unknown_is_refused)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev };
	struct store_replay m = replay_of(1, bench_sinks, 1);
	size_t made;

	ev.place = EVENT_QUARANTINED;
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_STALE);
	m.event_seq = 2;
	cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_STALE);
	cr_assert_eq(store_counts(b.s).pending, 0);
	cr_assert_eq(store_counts(b.s).audit, 0);
}

/* --- select --- */

static void keep_in(uint64_t n, enum event_place place, const char *repository)
{
	struct store_event ev = event_numbered(n, "lane");
	struct store_append a = { .event = &ev, .sinks = bench_sinks };

	ev.place = place;
	ev.repository = span_of(repository);
	a.sinks_n = place == EVENT_ROUTED ? 2 : 0;
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
}

Test(store_replay, selection_is_by_place_and_oldest_first)
{
	struct store_select q;

	keep_in(1, EVENT_ROUTED, "acme/api");
	keep_in(2, EVENT_QUARANTINED, "acme/ui");
	keep_in(3, EVENT_ROUTED, "Acme/API");
	keep_in(4, EVENT_WAITING, "acme/api");
	finish(1, "alpha", FINISH_DEAD);
	finish(3, "beta", FINISH_DEAD);
	finish(3, "alpha", FINISH_DONE);
	q = select_of(FROM_ANY);
	assert_selected(&q, "1 alpha:x beta:p\n2\n3 alpha:d beta:x\n4\n");
	q = select_of(FROM_HISTORY);
	assert_selected(&q, "1 alpha:x beta:p\n3 alpha:d beta:x\n");
	q = select_of(FROM_PARKED);
	assert_selected(&q, "2\n4\n");
	q = select_of(FROM_DEAD);
	assert_selected(&q, "1 alpha:x beta:p\n3 alpha:d beta:x\n");
	q.sink = "beta";
	assert_selected(&q, "3 alpha:d beta:x\n");
	q = select_of(FROM_ANY);
	q.repository = SPAN("acme/api");
	assert_selected(&q, "1 alpha:x beta:p\n3 alpha:d beta:x\n4\n");
	q.after_seq = 1;
	assert_selected(&q, "3 alpha:d beta:x\n4\n");
}

Test(store_replay, one_event_is_selected_by_its_id)
{
	struct store_event second = event_numbered(2, "lane"), unknown = event_numbered(9, "lane");
	struct store_select q = select_of(FROM_ANY);

	keep_in(1, EVENT_ROUTED, "acme/api");
	keep_in(2, EVENT_ROUTED, "acme/api");
	keep_in(3, EVENT_ROUTED, "acme/api");
	q.event_id = second.id;
	assert_selected(&q, "2 alpha:p beta:p\n");
	q.event_id = unknown.id;
	assert_selected(&q, "");
}

Test(store_replay, selection_goes_on_where_a_page_ended)
{
	struct store_select q = select_of(FROM_HISTORY);
	CLEANUP(reply_release) struct reply first, second;

	for (uint64_t i = 1; i <= 5; i++)
		bench_keep(&b, i, "lane", 0);
	q.limit = 3;
	bench_select(&b, &q, &first);
	cr_assert_str_eq(first.text.data, "1\n2\n3\n");
	cr_assert_eq(first.seq, 3);
	q.after_seq = first.seq;
	bench_select(&b, &q, &second);
	cr_assert_str_eq(second.text.data, "4\n5\n");
	cr_assert_eq(second.seq, 0);
}

/* Times are given to the events from outside; they grow as the store's do. */
Test(store_replay, selection_is_from_a_time_to_before_another_across_gaps)
{
	static const struct {
		int64_t since, until;
		const char *want;
	} row[] = {
		{ -1, -1, "1\n2\n5\n6\n" },
		{ 1000, -1, "1\n2\n5\n6\n" },
		{ 1001, -1, "2\n5\n6\n" },
		{ 2000, 5000, "2\n" },
		{ 2001, 5001, "5\n" },
		{ 3000, 6000, "5\n" },
		{ 6000, -1, "6\n" },
		{ 6001, -1, "" },
		{ -1, 1000, "" },
		{ -1, 9000, "1\n2\n5\n6\n" },
	};

	for (uint64_t i = 1; i <= 6; i++)
		bench_keep(&b, i, "lane", 0);
	store_close(TAKE(b.s));
	bench_sql(&b, "UPDATE event SET received_ms = 1000 * seq;"
		      "DELETE FROM event WHERE seq IN (3, 4)");
	bench_open(&b);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct store_select q = select_of(FROM_ANY);

		q.since.ms = row[i].since;
		q.until.ms = row[i].until;
		assert_selected(&q, row[i].want);
	}
}

/* --- no room --- */

static void open_on_small_disk(void)
{
	bench_init(&b);
	if (!bench_mount(&b, "2m")) {
		scratch_remove(&b.dir);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	bench_open(&b);
}

static void close_small_disk(void)
{
	store_close(TAKE(b.s));
	cr_assert_eq(umount2(b.dir.dir, MNT_DETACH), 0);
	bench_release(&b);
}

TestSuite(store_replay_full, .init = open_on_small_disk, .fini = close_small_disk);

static void on_health(void *ctx, enum store_health h)
{
	(void)ctx;
	if (h == STORE_OK)
		loop_stop(b.loop);
}

Test(store_replay_full, replay_that_found_no_room_is_made_once_when_it_is_made_again)
{
	int64_t seq = bench_keep(&b, 1, "lane", 1);
	struct store_replay m = replay_of(seq, bench_sinks, 1);
	struct store_retention keep = { .deliveries_ms = 1, .dead_ms = 1, .events_ms = 1 };
	struct store_event ev = event_numbered(2, "lane");
	struct store_append a = { .event = &ev };
	static char body[65536];
	size_t made;

	finish(seq, "alpha", FINISH_DEAD);
	scratch_run(&b.dir, "head -c 4000000 /dev/zero >filler 2>filler.log || true");
	memset(body, 'x', sizeof(body));
	ev.body = (struct span){ body, sizeof(body) };
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_RETRY, "there is room");
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_RETRY);
		cr_assert_eq(made, 0);
	}
	cr_assert_eq(store_counts(b.s).dead, 1);
	cr_assert_eq(store_counts(b.s).audit, 0);

	store_on_health(b.s, on_health, NULL);
	scratch_run(&b.dir, "rm filler");
	loop_timer_set(b.patience, BENCH_PATIENCE_MS);
	while (store_health(b.s) != STORE_OK)
		cr_assert_eq(loop_run(b.loop), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(bench_replay(&b, &m, &made), CLAIM_OK);
		cr_assert_eq(made, 1 - i);
	}
	cr_assert_eq(store_counts(b.s).dead, 0);
	cr_assert_eq(store_counts(b.s).pending, 1);
	cr_assert_eq(store_counts(b.s).audit, 1);
	bench_retain(&b, &keep, NULL);
	cr_assert_eq(store_counts(b.s).pending, 1, "retention took it");
	store_on_health(b.s, NULL, NULL);
}
