/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "model/build.h"

#define T0 1000000
#define T1 2000000
#define F0 1500000
#define F1 2500000
#define NO (-1)

static struct build_record known(enum build_state s, int64_t started_ms, int64_t finished_ms)
{
	return (struct build_record){
		.known = true,
		.state = s,
		.started_at = { started_ms },
		.finished_at = { finished_ms },
		.attempt = 1,
	};
}

static struct build coming(enum build_state s, int64_t started_ms, int64_t finished_ms)
{
	struct build b;

	build_init(&b);
	b.id = 7;
	b.state = s;
	b.started_at.ms = started_ms;
	b.finished_at.ms = finished_ms;
	return b;
}

Test(build, the_first_word_of_a_build_is_news_whatever_its_state)
{
	for (int s = 0; s < BUILD_STATES; s++) {
		struct build_record none = { 0 }, next;
		struct build b = coming((enum build_state)s, T0, s >= BUILD_PASSED ? F0 : NO);

		cr_expect_eq(build_judge(&none, &b, &next), VERDICT_NEWS, "state %d", s);
		cr_expect(next.known);
		cr_expect_eq((int)next.state, s);
		cr_expect_eq(next.attempt, 1);
	}
}

/* Within one attempt: rows are what is known, columns what comes. */
static const enum build_verdict same_attempt[BUILD_STATES][BUILD_STATES] = {
#define N VERDICT_NEWS
#define D VERDICT_DUPLICATE
#define F VERDICT_FOLLOW_UP
#define L VERDICT_LATE
	/*                    queued started passed failed errored canceled */
	[BUILD_QUEUED] = { D, N, N, N, N, N },
	[BUILD_STARTED] = { L, D, N, N, N, N },
	[BUILD_PASSED] = { L, L, F, N, N, N },
	[BUILD_FAILED] = { L, L, L, F, N, N },
	[BUILD_ERRORED] = { L, L, L, L, F, N },
	[BUILD_CANCELED] = { L, L, L, L, L, F },
#undef N
#undef D
#undef F
#undef L
};

Test(build, every_pair_of_states_of_one_attempt_is_judged_as_the_table_says)
{
	for (int k = 0; k < BUILD_STATES; k++) {
		for (int c = 0; c < BUILD_STATES; c++) {
			struct build_record before =
				known((enum build_state)k, T0, k >= BUILD_PASSED ? F0 : NO);
			struct build_record next;
			struct build b =
				coming((enum build_state)c, T0, c >= BUILD_PASSED ? F0 : NO);

			cr_expect_eq(build_judge(&before, &b, &next), same_attempt[k][c],
				"%s after %s", build_state_str((enum build_state)c),
				build_state_str((enum build_state)k));
		}
	}
}

Test(build, every_pair_of_states_of_a_later_attempt_is_a_restart)
{
	for (int k = 0; k < BUILD_STATES; k++) {
		for (int c = BUILD_STARTED; c < BUILD_STATES; c++) {
			struct build_record before =
				known((enum build_state)k, T0, k >= BUILD_PASSED ? F0 : NO);
			struct build_record next;
			struct build b =
				coming((enum build_state)c, T1, c >= BUILD_PASSED ? F1 : NO);

			cr_expect_eq(build_judge(&before, &b, &next), VERDICT_RESTART,
				"%s after %s", build_state_str((enum build_state)c),
				build_state_str((enum build_state)k));
			cr_expect_eq(next.attempt, 2);
			cr_expect_eq((int)next.state, c);
		}
	}
}

Test(build, every_pair_of_states_of_an_earlier_attempt_is_late_and_changes_nothing)
{
	for (int k = BUILD_STARTED; k < BUILD_STATES; k++) {
		for (int c = BUILD_STARTED; c < BUILD_STATES; c++) {
			struct build_record before =
				known((enum build_state)k, T1, k >= BUILD_PASSED ? F1 : NO);
			struct build_record next;
			struct build b =
				coming((enum build_state)c, T0, c >= BUILD_PASSED ? F0 : NO);

			cr_expect_eq(build_judge(&before, &b, &next), VERDICT_LATE, "%s after %s",
				build_state_str((enum build_state)c),
				build_state_str((enum build_state)k));
			cr_expect_eq(next.state, before.state);
			cr_expect_eq(next.started_at.ms, T1);
			cr_expect_eq(next.attempt, 1);
		}
	}
}

Test(build, another_final_state_of_one_attempt_counts_if_it_is_later)
{
	struct build_record before = known(BUILD_FAILED, T0, F0), next;
	struct build later = coming(BUILD_PASSED, T0, F1);
	struct build earlier = coming(BUILD_CANCELED, T0, T0);

	cr_expect_eq(build_judge(&before, &later, &next), VERDICT_NEWS);
	cr_expect_eq(next.state, BUILD_PASSED);
	cr_expect_eq(build_judge(&before, &earlier, &next), VERDICT_LATE);
}

Test(build, canceled_before_it_started_again_is_a_restart)
{
	struct build_record before = known(BUILD_FAILED, T0, F0), next;
	struct build b = coming(BUILD_CANCELED, NO, F1);

	cr_expect_eq(build_judge(&before, &b, &next), VERDICT_RESTART);
	b.finished_at.ms = T0;
	cr_expect_eq(build_judge(&before, &b, &next), VERDICT_LATE);
}

Test(build, canceled_before_it_ever_started_is_followed_by_a_restart)
{
	struct build_record before = known(BUILD_CANCELED, NO, F0), next;
	struct build again = coming(BUILD_STARTED, T1, NO);
	struct build stale = coming(BUILD_STARTED, T0, NO);

	cr_expect_eq(build_judge(&before, &again, &next), VERDICT_RESTART);
	cr_expect_eq(build_judge(&before, &stale, &next), VERDICT_LATE);
}

Test(build, a_follow_up_keeps_the_attempt_and_the_later_end)
{
	struct build_record before = known(BUILD_PASSED, T0, F1), next;
	struct build b = coming(BUILD_PASSED, T0, F0);

	cr_expect_eq(build_judge(&before, &b, &next), VERDICT_FOLLOW_UP);
	cr_expect_eq(next.finished_at.ms, F1);
	cr_expect_eq(next.attempt, 1);
}

Test(line, transitions_follow_the_last_conclusive_result)
{
	static const struct {
		int before; /* -1: nothing, 0: bad, 1: good */
		enum build_state now;
		enum transition want;
		bool moves;
	} row[] = {
		{ -1, BUILD_PASSED, TRANSITION_NONE, true },
		{ -1, BUILD_FAILED, TRANSITION_NONE, true },
		{ -1, BUILD_CANCELED, TRANSITION_NONE, false },
		{ 1, BUILD_PASSED, TRANSITION_NONE, true },
		{ 1, BUILD_FAILED, TRANSITION_BROKEN, true },
		{ 1, BUILD_ERRORED, TRANSITION_BROKEN, true },
		{ 1, BUILD_CANCELED, TRANSITION_NONE, false },
		{ 1, BUILD_STARTED, TRANSITION_NONE, false },
		{ 0, BUILD_PASSED, TRANSITION_FIXED, true },
		{ 0, BUILD_FAILED, TRANSITION_STILL_FAILING, true },
		{ 0, BUILD_ERRORED, TRANSITION_STILL_FAILING, true },
		{ 0, BUILD_CANCELED, TRANSITION_NONE, false },
		{ 0, BUILD_QUEUED, TRANSITION_NONE, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct line_record before = { 0 }, next;
		struct build b = coming(row[i].now, T0, F0);

		if (row[i].before >= 0)
			before = (struct line_record){ true, 6, row[i].before == 1 };
		cr_expect_eq(line_advance(&before, &b, &next), row[i].want, "row %zu", i);
		cr_expect_eq(next.build_id, row[i].moves ? 7 : before.build_id, "row %zu", i);
	}
}

Test(line, a_build_older_than_the_last_recorded_changes_nothing)
{
	struct line_record before = { true, 8, true }, next;
	struct build b = coming(BUILD_FAILED, T0, F0);

	cr_expect_eq(line_advance(&before, &b, &next), TRANSITION_NONE);
	cr_expect_eq(next.build_id, 8);
	cr_expect(next.good);
}

Test(line, a_restart_of_the_last_build_is_compared_with_its_first_attempt)
{
	struct line_record before = { true, 7, false }, next;
	struct build b = coming(BUILD_PASSED, T1, F1);

	cr_expect_eq(line_advance(&before, &b, &next), TRANSITION_FIXED);
	cr_expect(next.good);
}

static void fill(struct build *b)
{
	build_init(b);
	b->host = SPAN("app.travis-ci.com");
	b->id = 277713381;
	b->number = SPAN("5");
	b->state = BUILD_FAILED;
	b->cause = BUILD_PULL_REQUEST;
	b->repository_id = 42;
	b->owner = SPAN("acme");
	b->name = SPAN("Parcel-API");
	b->branch = SPAN("main");
	b->subject = SPAN("say \"hello\"\tand \xc3\xa9");
	b->pull_request = 12;
	b->started_at.ms = T0;
	b->duration_s = 90;
}

Test(build, what_is_written_reads_back_the_same)
{
	CLEANUP(build_release) struct build b, again;
	CLEANUP(buf_release) struct buf json, json_again;

	fill(&b);
	build_init(&again);
	buf_init(&json, 10000);
	buf_init(&json_again, 10000);
	cr_assert_eq(build_write(&b, &json), ERR_OK);
	cr_assert_eq(build_read(buf_span(&json), &again), ERR_OK);
	cr_assert_eq(build_write(&again, &json_again), ERR_OK);
	cr_assert_str_eq(json.data, json_again.data);
	cr_assert(span_eq(again.subject, b.subject));
	cr_assert_eq(again.finished_at.ms, NO);
	cr_assert_eq(again.pull_request, 12);
}

Test(build, a_record_that_is_not_ours_does_not_read)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"state\":\"exploded\"}",
		"{\"state\":\"passed\",\"started\":1,\"finished\":2}",
		"{\"state\":\"passed\",\"started\":\"1\",\"finished\":2,\"attempt\":1}" };
	struct build_record r;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(build_record_read(span_of(bad[i]), &r), ERR_PARSE, "%s", bad[i]);
}

Test(build, records_read_back_the_same)
{
	struct build_record r = known(BUILD_ERRORED, T0, F0), again = { 0 };
	struct line_record l = { true, 99, true }, l_again = { 0 };
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1000);
	cr_assert_eq(build_record_write(&r, &text), ERR_OK);
	cr_assert_eq(build_record_read(buf_span(&text), &again), ERR_OK);
	cr_assert_eq(again.state, BUILD_ERRORED);
	cr_assert_eq(again.started_at.ms, T0);
	cr_assert_eq(again.finished_at.ms, F0);
	cr_assert_eq(again.attempt, 1);
	buf_clear(&text);
	cr_assert_eq(line_record_write(&l, &text), ERR_OK);
	cr_assert_eq(line_record_read(buf_span(&text), &l_again), ERR_OK);
	cr_assert_eq(l_again.build_id, 99);
	cr_assert(l_again.good);
}

Test(build, branch_tag_and_pull_request_are_different_lines)
{
	CLEANUP(build_release) struct build b;
	CLEANUP(buf_release) struct buf key;

	fill(&b);
	buf_init(&key, 1000);
	cr_assert_eq(build_line_key(&b, &key), ERR_OK);
	cr_expect_str_eq(key.data, "app.travis-ci.com/42/pull/12");
	b.pull_request = -1;
	buf_clear(&key);
	cr_assert_eq(build_line_key(&b, &key), ERR_OK);
	cr_expect_str_eq(key.data, "app.travis-ci.com/42/branch/main");
	b.tag = SPAN("main");
	buf_clear(&key);
	cr_assert_eq(build_line_key(&b, &key), ERR_OK);
	cr_expect_str_eq(key.data, "app.travis-ci.com/42/tag/main");
}
