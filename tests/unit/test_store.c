/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "base/json_gate.h"
#include "store/sqlite_clock.h"
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

TestSuite(store, .init = set_up, .fini = tear_down);

static struct store_put put_of(const char *key, int64_t expect, const char *value)
{
	return (struct store_put){ "build", span_of(key), expect, span_of(value) };
}

/* --- partitions --- */

Test(store, partition_of_a_key_never_changes)
{
	/* From the reference implementation of SipHash-2-4 with the zero key. */
	cr_assert_eq(store_part(SPAN("example-org/api")), store_part(SPAN("example-org/api")));
	cr_assert_eq(store_part((struct span){ 0 }), 0x1e924b9d737700d7 % STORE_PARTS);
	cr_assert_lt(store_part(SPAN("x")), STORE_PARTS);
}

/* --- append --- */

Test(store, append_is_stored_once_and_a_repeat_is_known)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev };
	int64_t seq = 0;

	cr_assert_eq(bench_append(&b, &a, &seq), APPEND_STORED);
	cr_assert_eq(seq, 1);
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_DUPLICATE);
	cr_assert_eq(store_counts(b.s).events, 1);
}

Test(store, appends_of_one_pass_commit_once_and_a_repeat_among_them_is_known)
{
	struct reply r[33];
	uint64_t commits = store_counts(b.s).commits;

	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		struct store_event ev = event_numbered(i % 32, "lane");
		struct store_append a = { .event = &ev };

		bench_append_start(&b, &a, &r[i]);
	}
	cr_assert_gt(store_counts(b.s).inflight, 0);
	bench_wait(&b);
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		cr_expect_eq(r[i].result, i < 32 ? APPEND_STORED : APPEND_DUPLICATE);
		reply_release(&r[i]);
	}
	cr_assert_eq(store_counts(b.s).commits, commits + 1);
	cr_assert_eq(store_counts(b.s).events, 32);
	cr_assert_eq(store_counts(b.s).inflight, 0);
}

Test(store, append_with_another_version_is_refused_whole_and_told_what_is_held)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_put first = put_of("one", 0, "v1");
	struct store_put puts[] = { put_of("two", 0, "w1"), put_of("one", 7, "v8") };
	struct span entry = SPAN("{\"action\":\"x\"}");
	struct store_append a = { .puts = &first, .puts_n = 1 };
	CLEANUP(reply_release) struct reply refused, two;

	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	a = (struct store_append){ .event = &ev,
		.sinks = bench_sinks,
		.sinks_n = 2,
		.puts = puts,
		.puts_n = 2,
		.audit = &entry,
		.audit_n = 1 };
	bench_append_start(&b, &a, &refused);
	bench_wait(&b);
	cr_assert_eq(refused.result, APPEND_CONFLICT);
	cr_assert_eq(refused.held[0].version, 0);
	cr_assert_eq(refused.held[1].version, 1);
	cr_assert_str_eq(refused.held_text[1], "v1");

	bench_get(&b, "build", "two", &two);
	cr_assert_eq(two.err, ERR_NOTFOUND);
	cr_assert_eq(store_counts(b.s).events, 0);
	cr_assert_eq(store_counts(b.s).pending, 0);
	cr_assert_eq(store_counts(b.s).audit, 0);
	puts[1].expect = 1;
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED, "its id was not remembered");
}

Test(store, later_append_of_a_pass_sees_what_an_earlier_one_put)
{
	struct store_put p = put_of("one", 0, "first"), q = put_of("one", 0, "second");
	struct store_append a = { .puts = &p, .puts_n = 1 }, c = { .puts = &q, .puts_n = 1 };
	CLEANUP(reply_release) struct reply first, second, third;

	bench_append_start(&b, &a, &first);
	bench_append_start(&b, &c, &second);
	q.expect = 1;
	bench_append_start(&b, &c, &third);
	bench_wait(&b);
	cr_assert_eq(first.result, APPEND_STORED);
	cr_assert_eq(second.result, APPEND_CONFLICT);
	cr_assert_eq(second.held[0].version, 1);
	cr_assert_str_eq(second.held_text[0], "first");
	cr_assert_eq(third.result, APPEND_STORED);
}

Test(store, repeat_is_a_duplicate_even_where_its_versions_are_gone)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_put p = put_of("one", 0, "v");
	struct store_append a = { .event = &ev, .puts = &p, .puts_n = 1 };

	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_DUPLICATE);
}

Test(store, id_is_remembered_without_an_event)
{
	struct store_event ev = event_numbered(9, "lane");
	struct store_append seen = { .seen_id = ev.id }, a = { .event = &ev };

	cr_assert_eq(bench_append(&b, &seen, NULL), APPEND_STORED);
	cr_assert_eq(bench_append(&b, &seen, NULL), APPEND_DUPLICATE);
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_DUPLICATE);
}

Test(store, appends_over_the_bytes_in_flight_are_refused_at_once)
{
	static char large[100000];
	struct store_event ev = event_numbered(1, "lane"), other = event_numbered(2, "lane");
	struct store_append a = { .event = &ev }, c = { .event = &other };
	CLEANUP(reply_release) struct reply first, second;

	b.inflight_max = 50000;
	bench_reopen(&b);
	memset(large, 'x', sizeof(large));
	ev.body = (struct span){ large, sizeof(large) };
	bench_append_start(&b, &a, &first);
	reply_init(&second, &b);
	cr_assert_eq(store_append(b.s, &c, bench_on_append, &second), ERR_BUSY);
	reply_withdraw(&second);
	bench_wait(&b);
	cr_assert_eq(first.result, APPEND_STORED);
	cr_assert_eq(bench_append(&b, &c, NULL), APPEND_STORED);
}

Test(store, more_sinks_than_a_number_of_a_delivery_can_name_are_refused)
{
	const char *sinks[STORE_SINKS_MAX + 1];
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev, .sinks = sinks };
	CLEANUP(reply_release) struct reply r;

	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++)
		sinks[i] = "sink";
	a.sinks_n = ARRAY_SIZE(sinks);
	reply_init(&r, &b);
	cr_assert_eq(store_append(b.s, &a, bench_on_append, &r), ERR_LIMIT);
	reply_withdraw(&r);
	a.sinks_n = STORE_SINKS_MAX;
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	cr_assert_eq(store_counts(b.s).pending, STORE_SINKS_MAX);
}

/* --- claim --- */

Test(store, claim_gives_the_head_of_each_lane_with_its_event)
{
	CLEANUP(reply_release) struct reply r;
	int64_t first = bench_keep(&b, 1, "lane", 2);
	struct store_claim c = claim_of(&b, "lane");

	bench_keep(&b, 2, "lane", 2);
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.claim, CLAIM_OK);
	cr_assert_eq(r.n, 2);
	cr_assert_not(r.more);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(r.row[i].seq, first);
		cr_expect_str_eq(r.row[i].sink, bench_sinks[i]);
		cr_expect_str_eq(r.row[i].okey, "lane");
		cr_expect_leq(r.row[i].wait_ms, 0);
		cr_expect_eq(r.row[i].tries, 0);
		cr_expect_str_eq(r.row[i].id, "01000000-0000-0000-0000-000000000000");
	}
	cr_assert_str_eq(r.text.data, "{\"specversion\":\"1.0\"}\n{\"specversion\":\"1.0\"}\n");
}

Test(store, claim_keeps_to_the_sink_and_the_lane_it_names)
{
	struct store_claim c = claim_of(&b, "lane");
	CLEANUP(reply_release) struct reply of_sink, of_lane, of_both, none;

	bench_keep(&b, 1, "lane", 2);
	c.sink = "beta";
	bench_claim(&b, &c, &of_sink);
	cr_assert_eq(of_sink.n, 1);
	cr_assert_str_eq(of_sink.row[0].sink, "beta");
	c.okey = SPAN("lane");
	bench_claim(&b, &c, &of_both);
	cr_assert_eq(of_both.n, 1);
	c.sink = NULL;
	bench_claim(&b, &c, &of_lane);
	cr_assert_eq(of_lane.n, 2);
	c.okey = SPAN("other");
	bench_claim(&b, &c, &none);
	cr_assert_eq(none.n, 0);
}

Test(store, claim_takes_several_of_a_lane_in_their_order)
{
	struct store_claim c = claim_of(&b, "lane");
	CLEANUP(reply_release) struct reply r, rest;

	for (uint64_t i = 1; i <= 5; i++)
		bench_keep(&b, i, "lane", 1);
	c.per_lane = 3;
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(r.row[i].seq, (int64_t)i + 1);
	c.per_lane = 100;
	c.items_max = 4;
	bench_claim(&b, &c, &rest);
	cr_assert_eq(rest.n, 4);
	cr_assert(rest.more);
}

/* Two lanes of the same partition, in the order of their names. */
static void lanes_together(char one[16], char two[16])
{
	snprintf(one, 16, "lane-000000");
	for (unsigned i = 1; i < 100000; i++) {
		snprintf(two, 16, "lane-%06u", i);
		if (store_part(span_of(one)) == store_part(span_of(two)))
			return;
	}
	cr_assert_fail("no two lanes in one partition");
}

Test(store, claim_goes_on_behind_the_lane_where_a_page_ended)
{
	char lane[2][16];
	struct store_claim c;
	const char *const expected[] = { "alpha", "alpha", "beta", "beta" };
	CLEANUP(reply_release) struct reply r;

	lanes_together(lane[0], lane[1]);
	for (uint64_t i = 0; i < 4; i++)
		bench_keep(&b, i, lane[i % 2], 2);
	c = claim_of(&b, lane[0]);
	c.items_max = 1;
	for (size_t i = 0; i < 4; i++) {
		bench_claim(&b, &c, &r);
		cr_assert_eq(r.n, 1);
		cr_expect_str_eq(r.row[0].sink, expected[i]);
		cr_expect_str_eq(r.row[0].okey, lane[i % 2]);
		cr_expect_eq(r.more, i < 3);
		c.after_sink = expected[i];
		c.after_okey = span_of(lane[i % 2]);
		if (i < 3)
			reply_release(&r);
	}
}

Test(store, claim_keeps_to_its_bytes_but_always_gives_one)
{
	struct store_claim c = claim_of(&b, "lane");
	CLEANUP(reply_release) struct reply r;

	bench_keep(&b, 1, "lane", 2);
	c.bytes_max = 1;
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 1);
	cr_assert(r.more);
}

Test(store, forged_token_neither_claims_nor_finishes)
{
	struct store_claim c = claim_of(&b, "lane");
	struct store_finish f = { .sink = "alpha", .result = FINISH_DONE };
	CLEANUP(reply_release) struct reply stale, r;

	f.event_seq = bench_keep(&b, 1, "lane", 1);
	c.token = b.token + 1;
	bench_claim(&b, &c, &stale);
	cr_assert_eq(stale.claim, CLAIM_STALE);
	cr_assert_eq(stale.n, 0);
	cr_assert_eq(bench_finish(&b, b.token + 1, &f, 1), CLAIM_STALE);
	c.token = b.token;
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 1, "the forged finish changed nothing");
}

Test(store, token_stays_while_open_and_grows_with_each_start)
{
	int64_t first = b.token;

	cr_assert_gt(first, 0);
	cr_assert_eq(bench_lease(&b, "part/0"), first);
	bench_reopen(&b);
	cr_assert_gt(b.token, first);
	cr_assert_eq(bench_lease(&b, "part/1"), b.token);
}

/* --- finish --- */

Test(store, finished_delivery_leaves_the_lane_with_its_audit_entry_and_no_sooner)
{
	struct store_claim c = claim_of(&b, "lane");
	struct store_finish f = { .sink = "alpha",
		.result = FINISH_DONE,
		.status = 200,
		.audit = SPAN("{\"action\":\"delivery.attempt\"}") };
	struct store_query audit = { .list = LIST_AUDIT, .limit = 10 };
	uint64_t commits;
	CLEANUP(reply_release) struct reply r, entries;

	f.event_seq = bench_keep(&b, 1, "lane", 1);
	bench_keep(&b, 2, "lane", 1);
	cr_assert_geq(store_counts(b.s).oldest_pending_ms, 0);
	commits = store_counts(b.s).commits;
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	cr_assert_eq(store_counts(b.s).commits, commits + 1);
	cr_assert_eq(store_counts(b.s).pending, 1);
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 1);
	cr_assert_eq(r.row[0].seq, 2);
	bench_query(&b, &audit, &entries);
	cr_assert_str_eq(entries.text.data, "{\"seq\":1,\"action\":\"delivery.attempt\"}\n");
}

Test(store, finish_again_changes_nothing_and_tells_nothing_twice)
{
	struct store_finish f = { .sink = "alpha",
		.result = FINISH_DONE,
		.audit = SPAN("{\"action\":\"delivery.attempt\"}") };

	f.event_seq = bench_keep(&b, 1, "lane", 1);
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	f.result = FINISH_DEAD;
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	cr_assert_eq(store_counts(b.s).pending, 0);
	cr_assert_eq(store_counts(b.s).dead, 0);
	cr_assert_eq(store_counts(b.s).audit, 1);
}

Test(store, retried_delivery_stays_at_its_place_until_due)
{
	struct store_claim c = claim_of(&b, "lane");
	struct store_finish f = { .sink = "alpha",
		.result = FINISH_RETRY,
		.retry_ms = 3600000,
		.status = 503,
		.note = SPAN("busy") };
	CLEANUP(reply_release) struct reply later, now, not_counted;

	f.event_seq = bench_keep(&b, 1, "lane", 1);
	bench_keep(&b, 2, "lane", 1);
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	bench_claim(&b, &c, &later);
	cr_assert_eq(later.row[0].seq, f.event_seq);
	cr_assert_eq(later.row[0].tries, 1);
	cr_assert_gt(later.row[0].wait_ms, 3600000 - BENCH_PATIENCE_MS);
	cr_assert_leq(later.row[0].wait_ms, 3600000);
	f.retry_ms = 0;
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	bench_claim(&b, &c, &now);
	cr_assert_eq(now.row[0].seq, f.event_seq);
	cr_assert_eq(now.row[0].tries, 2);
	cr_assert_leq(now.row[0].wait_ms, 0);
	cr_assert_eq(store_counts(b.s).pending, 2);
	f.result = FINISH_WAIT;
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	bench_claim(&b, &c, &not_counted);
	cr_assert_eq(not_counted.row[0].tries, 2);
}

Test(store, dead_delivery_frees_its_lane_and_is_listed)
{
	struct store_finish f[] = {
		{ .sink = "alpha", .result = FINISH_DEAD, .status = 400, .note = SPAN("no such") },
		{ .sink = "beta", .result = FINISH_DONE, .status = 200 },
	};
	struct store_query q = { .list = LIST_DELIVERIES, .delivery_state = "dead", .limit = 10 };
	CLEANUP(reply_release) struct reply r;

	f[0].event_seq = f[1].event_seq = bench_keep(&b, 1, "lane", 2);
	cr_assert_eq(bench_finish(&b, b.token, f, 2), CLAIM_OK);
	cr_assert_eq(store_counts(b.s).pending, 0);
	cr_assert_eq(store_counts(b.s).dead, 1);
	cr_assert_eq(store_counts(b.s).oldest_pending_ms, 0);
	bench_query(&b, &q, &r);
	cr_assert_eq(r.n, 1);
	cr_assert_not_null(
		strstr(r.text.data, "\"sink\":\"alpha\",\"state\":\"dead\",\"tries\":1"));
	cr_assert_not_null(strstr(r.text.data, "\"due\":null"));
	cr_assert_not_null(strstr(r.text.data, "\"status\":400,\"note\":\"no such\""));
}

/* --- parked events --- */

static int64_t park(uint64_t n, enum event_place place)
{
	struct store_event ev = event_numbered(n, "lane");
	struct store_append a = { .event = &ev };
	int64_t seq;

	ev.place = place;
	cr_assert_eq(bench_append(&b, &a, &seq), APPEND_STORED);
	return seq;
}

Test(store, rerouted_event_gets_body_and_deliveries_once)
{
	struct store_claim c = claim_of(&b, "lane");
	struct store_reroute m = { .place = EVENT_ROUTED,
		.body = SPAN("{\"new\":1}"),
		.sinks = bench_sinks,
		.sinks_n = 2,
		.audit = SPAN("{\"action\":\"reroute\"}") };
	CLEANUP(reply_release) struct reply r;

	m.event_seq = park(1, EVENT_QUARANTINED);
	bench_keep(&b, 2, "lane", 1);
	cr_assert_eq(store_counts(b.s).quarantined, 1);
	cr_assert_eq(bench_reroute(&b, &m), CLAIM_OK);
	cr_assert_eq(bench_reroute(&b, &m), CLAIM_STALE);
	cr_assert_eq(store_counts(b.s).quarantined, 0);
	cr_assert_eq(store_counts(b.s).pending, 3);
	cr_assert_eq(store_counts(b.s).audit, 1);
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.row[0].seq, m.event_seq, "order is that of the events");
	cr_assert_str_eq(r.text.data, "{\"new\":1}\n{\"new\":1}\n");
}

Test(store, waiting_event_may_go_to_quarantine_and_an_unknown_one_nowhere)
{
	struct store_reroute m = { .place = EVENT_QUARANTINED, .body = SPAN("{}") };

	m.event_seq = park(1, EVENT_WAITING);
	cr_assert_eq(bench_reroute(&b, &m), CLAIM_OK);
	cr_assert_eq(store_counts(b.s).waiting, 0);
	cr_assert_eq(store_counts(b.s).quarantined, 1);
	m.event_seq = 99;
	cr_assert_eq(bench_reroute(&b, &m), CLAIM_STALE);
}

Test(store, parked_events_come_in_pages_oldest_first)
{
	CLEANUP(reply_release) struct reply first, rest;

	park(1, EVENT_WAITING);
	bench_keep(&b, 2, "lane", 1);
	park(3, EVENT_QUARANTINED);
	park(4, EVENT_WAITING);
	bench_parked(&b, 0, 2, &first);
	cr_assert_eq(first.n, 2);
	cr_assert(first.more);
	cr_assert_eq(first.row[0].seq, 1);
	cr_assert_eq(first.row[1].seq, 3);
	cr_assert_str_eq(first.row[1].okey, "lane");
	cr_assert_str_eq(first.text.data, "{\"number\":7}\n{\"number\":7}\n");
	bench_parked(&b, 3, 2, &rest);
	cr_assert_eq(rest.n, 1);
	cr_assert_not(rest.more);
	cr_assert_eq(rest.row[0].seq, 4);
}

/* --- state --- */

Test(store, put_grows_the_version_and_an_empty_value_removes)
{
	struct store_put p = put_of("key", 0, "one");
	CLEANUP(reply_release) struct reply r, gone;

	cr_assert_eq(bench_put(&b, &p, 1), CLAIM_OK);
	p.value = SPAN("two");
	cr_assert_eq(bench_put(&b, &p, 1), CLAIM_OK);
	bench_get(&b, "build", "key", &r);
	cr_assert_eq(r.err, ERR_OK);
	cr_assert_eq(r.version, 2);
	cr_assert_str_eq(r.text.data, "two\n");
	p.value = (struct span){ 0 };
	cr_assert_eq(bench_put(&b, &p, 1), CLAIM_OK);
	bench_get(&b, "build", "key", &gone);
	cr_assert_eq(gone.err, ERR_NOTFOUND);
	cr_assert_eq(gone.version, 0);
}

Test(store, scan_pages_through_one_namespace_in_order_of_keys)
{
	struct store_put puts[] = {
		{ "cat", SPAN("c"), 0, SPAN("3") },
		{ "cat", SPAN("a"), 0, SPAN("1") },
		{ "cat", SPAN("b"), 0, SPAN("2") },
		{ "dog", SPAN("a"), 0, SPAN("4") },
		{ "ca", SPAN("z"), 0, SPAN("5") },
	};
	CLEANUP(reply_release) struct reply first, rest, exact;

	cr_assert_eq(bench_put(&b, puts, ARRAY_SIZE(puts)), CLAIM_OK);
	bench_scan(&b, "cat", "", 2, &first);
	cr_assert_str_eq(first.text.data, "a\nb\n");
	cr_assert(first.more);
	bench_scan(&b, "cat", "b", 2, &rest);
	cr_assert_str_eq(rest.text.data, "c\n");
	cr_assert_not(rest.more);
	bench_scan(&b, "cat", "", 3, &exact);
	cr_assert_eq(exact.n, 3);
	cr_assert_not(exact.more);
}

/* --- lists --- */

static void assert_json(const struct reply *r)
{
	const char *line = r->text.data, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		struct span text = { line, (size_t)(end - line) };

		cr_expect_eq(json_gate(text, NULL, NULL), ERR_OK, "%.*s", SPAN_ARGS(text));
	}
}

Test(store, events_are_listed_newest_first_in_pages)
{
	struct store_query q = { .list = LIST_EVENTS, .limit = 2 };
	CLEANUP(reply_release) struct reply first, rest;

	for (uint64_t i = 1; i <= 3; i++)
		bench_keep(&b, i, "lane", 1);
	bench_query(&b, &q, &first);
	cr_assert_eq(first.n, 2);
	cr_assert(first.more);
	assert_json(&first);
	cr_assert_eq(strncmp(first.text.data, "{\"seq\":3,\"id\":\"03000000-0000-", 29), 0);
	cr_assert_not_null(strstr(first.text.data,
		"\"place\":\"routed\",\"source\":\"travis-com\",\"type\":"
		"\"dev.cdevents.pipelinerun.finished\",\"repository\":\"example-org/api\","
		"\"outcome\":\"success\"}"));
	cr_assert_null(strstr(first.text.data, "\"event\":"));
	q.cursor = first.row[1].cursor;
	bench_query(&b, &q, &rest);
	cr_assert_eq(rest.n, 1);
	cr_assert_not(rest.more);
	cr_assert_eq(strncmp(rest.text.data, "{\"seq\":1,", 9), 0);
}

Test(store, one_event_is_listed_with_its_body_and_deliveries)
{
	struct store_event ev = event_numbered(2, "lane"), unknown = event_numbered(7, "lane");
	struct store_query q = { .list = LIST_EVENTS, .event_id = ev.id, .limit = 2 };
	CLEANUP(reply_release) struct reply r, none;

	bench_keep(&b, 1, "lane", 1);
	bench_keep(&b, 2, "lane", 2);
	bench_query(&b, &q, &r);
	cr_assert_eq(r.n, 1);
	assert_json(&r);
	cr_assert_not_null(strstr(r.text.data,
		"\"event\":{\"specversion\":\"1.0\"},\"deliveries\":[{\"event_seq\":2,"
		"\"event\":\"02000000-0000-0000-0000-000000000000\",\"sink\":\"alpha\","
		"\"state\":\"pending\",\"tries\":0,\"due\":\""));
	cr_assert_not_null(strstr(r.text.data, "\"sink\":\"beta\""));
	q.event_id = unknown.id;
	bench_query(&b, &q, &none);
	cr_assert_eq(none.err, ERR_OK);
	cr_assert_eq(none.n, 0);
}

Test(store, quarantine_lists_parked_events_with_their_reason)
{
	struct store_query q = { .list = LIST_QUARANTINE, .limit = 10 };
	CLEANUP(reply_release) struct reply r;
	const char *waiting, *quarantined;

	park(1, EVENT_QUARANTINED);
	bench_keep(&b, 2, "lane", 1);
	park(3, EVENT_WAITING);
	bench_query(&b, &q, &r);
	cr_assert_eq(r.n, 2);
	assert_json(&r);
	waiting = strstr(r.text.data, "\"place\":\"waiting\",\"reason\":\"no-catalog\"");
	quarantined = strstr(r.text.data, "\"place\":\"quarantined\",\"reason\":\"no-entity\"");
	cr_assert_not_null(waiting);
	cr_assert_not_null(quarantined);
	cr_assert_lt(waiting, quarantined);
}

Test(store, deliveries_are_listed_by_state_and_by_event)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_query q = { .list = LIST_DELIVERIES, .limit = 10 };
	struct store_finish f = { .sink = "alpha", .result = FINISH_DONE };
	static const struct {
		const char *state;
		bool of_event;
		size_t n;
	} want[] = {
		{ NULL, false, 4 },
		{ "pending", false, 3 },
		{ "done", false, 1 },
		{ "dead", false, 0 },
		{ NULL, true, 2 },
		{ "done", true, 1 },
	};

	f.event_seq = bench_keep(&b, 1, "lane", 2);
	bench_keep(&b, 2, "lane", 2);
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		CLEANUP(reply_release) struct reply r;

		q.delivery_state = want[i].state;
		q.event_id = want[i].of_event ? ev.id : NULL;
		bench_query(&b, &q, &r);
		cr_expect_eq(r.n, want[i].n, "row %zu", i);
		assert_json(&r);
	}
}

Test(store, unknown_state_of_deliveries_is_refused)
{
	struct store_query q = { .list = LIST_DELIVERIES, .delivery_state = "lost", .limit = 10 };
	CLEANUP(reply_release) struct reply r;

	reply_init(&r, &b);
	cr_assert_eq(store_query(b.s, &q, bench_on_query, &r), ERR_PARSE);
	reply_withdraw(&r);
}

Test(store, audit_is_listed_oldest_first_with_its_number_and_by_event)
{
	struct store_event ev = event_numbered(1, "lane");
	struct span entries[] = { SPAN("{\"a\":1}"), SPAN("{}") }, other = SPAN("{\"b\":2}");
	struct store_append with = { .event = &ev, .audit = entries, .audit_n = 2 };
	struct store_append without = { .audit = &other, .audit_n = 1 };
	struct store_query q = { .list = LIST_AUDIT, .limit = 2 };
	CLEANUP(reply_release) struct reply first, rest, of_event;

	cr_assert_eq(bench_append(&b, &without, NULL), APPEND_STORED);
	cr_assert_eq(bench_append(&b, &with, NULL), APPEND_STORED);
	cr_assert_eq(store_counts(b.s).audit, 3);
	bench_query(&b, &q, &first);
	cr_assert_str_eq(first.text.data, "{\"seq\":1,\"b\":2}\n{\"seq\":2,\"a\":1}\n");
	cr_assert(first.more);
	q.cursor = first.row[1].cursor;
	bench_query(&b, &q, &rest);
	cr_assert_str_eq(rest.text.data, "{\"seq\":3}\n");
	q = (struct store_query){ .list = LIST_AUDIT, .event_id = ev.id, .limit = 10 };
	bench_query(&b, &q, &of_event);
	cr_assert_str_eq(of_event.text.data, "{\"seq\":2,\"a\":1}\n{\"seq\":3}\n");
}

Test(store, audit_entries_are_read_as_they_were_given)
{
	struct span entries[] = { SPAN("{\"a\":1}"), SPAN("{}"), SPAN("{\"b\":2}") };
	struct store_append a = { .audit = entries, .audit_n = 3 };
	CLEANUP(reply_release) struct reply none, some, rest, ends;

	bench_entries(&b, 0, 10, &none);
	cr_assert_eq(none.n, 0);
	cr_assert_eq(none.version, 0);
	cr_assert_eq(bench_append(&b, &a, NULL), APPEND_STORED);
	bench_entries(&b, 0, 2, &some);
	cr_assert_str_eq(some.text.data, "{\"a\":1}\n{}\n");
	cr_assert_eq(some.row[1].seq, 2);
	bench_entries(&b, 2, 10, &rest);
	cr_assert_str_eq(rest.text.data, "{\"b\":2}\n");
	bench_entries(&b, 0, 0, &ends);
	cr_assert_eq(ends.n, 0);
	cr_assert_eq(ends.seq, 1);
	cr_assert_eq(ends.version, 3);
}

/* --- life --- */

Test(store, reopened_store_has_all_it_had)
{
	struct store_claim c = claim_of(&b, "lane");
	struct store_put p = put_of("key", 0, "value");
	struct store_finish f = { .sink = "alpha", .result = FINISH_DEAD };
	struct store_counts before, after;
	CLEANUP(reply_release) struct reply r, value;

	f.event_seq = bench_keep(&b, 1, "lane", 2);
	park(2, EVENT_WAITING);
	park(3, EVENT_QUARANTINED);
	f.audit = SPAN("{}");
	cr_assert_eq(bench_finish(&b, b.token, &f, 1), CLAIM_OK);
	cr_assert_eq(bench_put(&b, &p, 1), CLAIM_OK);
	before = store_counts(b.s);
	bench_reopen(&b);
	after = store_counts(b.s);
	cr_assert_eq(after.events, 3);
	cr_assert_eq(after.waiting, 1);
	cr_assert_eq(after.quarantined, 1);
	cr_assert_eq(after.pending, before.pending);
	cr_assert_eq(after.dead, before.dead);
	cr_assert_eq(after.audit, before.audit);
	c.token = b.token;
	bench_claim(&b, &c, &r);
	cr_assert_eq(r.n, 1);
	cr_assert_str_eq(r.row[0].sink, "beta");
	bench_get(&b, "build", "key", &value);
	cr_assert_eq(value.version, 1);
}

Test(store, close_answers_what_is_under_way_and_takes_nothing_more)
{
	struct store_event ev = event_numbered(1, "lane");
	struct store_append a = { .event = &ev };
	CLEANUP(reply_release) struct reply r;

	bench_append_start(&b, &a, &r);
	store_close(b.s);
	cr_assert(r.came);
	cr_assert_eq(r.result, APPEND_STORED);
	bench_open(&b);
	cr_assert_eq(store_counts(b.s).events, 1);
}

Test(store, upkeep_empties_the_log)
{
	char log[140];
	FILE *f;

	bench_keep(&b, 1, "lane", 1);
	cr_assert_eq(bench_maintain(&b), CLAIM_OK);
	snprintf(log, sizeof(log), "%s-wal", b.path);
	f = fopen(log, "rb");
	cr_assert_not_null(f);
	cr_assert_eq(fgetc(f), EOF);
	fclose(f);
	cr_assert_eq(store_counts(b.s).events, 1);
}

Test(store, log_starts_anew_under_load_without_upkeep)
{
	enum { APPENDS = 1500, BYTES = 100000 };
	static char body[BYTES];
	char command[300];

	memset(body, 'x', sizeof(body));
	for (uint64_t i = 0; i < APPENDS; i += 50) {
		struct reply r[50];

		for (size_t k = 0; k < 50; k++) {
			struct store_event ev = event_numbered(i + k, "lane");
			struct store_append a = { .event = &ev };

			ev.body = (struct span){ body, sizeof(body) };
			bench_append_start(&b, &a, &r[k]);
		}
		bench_wait(&b);
		for (size_t k = 0; k < 50; k++) {
			cr_assert_eq(r[k].result, APPEND_STORED);
			reply_release(&r[k]);
		}
	}
	/* 150 MB went through it; how soon it was begun anew depends on who else runs. */
	snprintf(command, sizeof(command), "test $(stat -c %%s store.db-wal) -lt 120000000");
	scratch_run(&b.dir, command);
}

Test(store, clock_follows_the_host_forward_and_never_back)
{
	struct store_clock c = { 0 };

	cr_assert_eq(store_clock_at(&c, (struct wall){ 5000 }, (struct mono){ 100 }).ms, 5000);
	cr_assert_eq(store_clock_at(&c, (struct wall){ 9000 }, (struct mono){ 200 }).ms, 9000);
	cr_assert_eq(store_clock_at(&c, (struct wall){ 1000 }, (struct mono){ 300 }).ms, 9100,
		"a step back, and it goes on");
	cr_assert_eq(store_clock_at(&c, (struct wall){ 9500 }, (struct mono){ 400 }).ms, 9500);
}
