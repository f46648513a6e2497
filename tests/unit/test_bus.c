/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/bus.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "backstage/client.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "standin.h"

#define MIB (1 << 20)

/* A bus against a stand-in that follows a script, and what it has told so far. */
struct world {
	struct standin standin;
	struct loop *loop;
	struct httpc *http;
	struct backstage_client *client;
	struct bus *bus;
	unsigned answers, gaps, troubles, refusals, reliefs;
	size_t bytes;       /* of the last answer with events */
	char answer[256];   /* its beginning */
	char why[512];      /* of the last trouble */
	struct mono second; /* when the second trouble was told */
	struct mono first;
	bool slow; /* do not resume by itself */
	bool done, late;
	bool (*is_done)(const struct world *w);
	unsigned want;
};

static void world_check(struct world *w)
{
	if (w->is_done != NULL && w->is_done(w)) {
		w->done = true;
		loop_stop(w->loop);
	}
}

static void on_events(void *ctx, struct span answer)
{
	struct world *w = ctx;

	w->answers++;
	w->bytes = answer.n;
	snprintf(w->answer, sizeof(w->answer), "%.*s", (int)(answer.n < 255 ? answer.n : 255),
		answer.p);
	if (!w->slow)
		bus_resume(w->bus);
	world_check(w);
}

static void on_gap(void *ctx)
{
	struct world *w = ctx;

	w->gaps++;
	world_check(w);
}

static void on_trouble(void *ctx, const char *why, bool refused)
{
	struct world *w = ctx;

	if (why == NULL) {
		w->reliefs++;
		world_check(w);
		return;
	}
	snprintf(w->why, sizeof(w->why), "%s", why);
	w->troubles++;
	w->refusals += refused;
	if (w->troubles == 1)
		w->first = clock_mono();
	if (w->troubles == 2)
		w->second = clock_mono();
	world_check(w);
}

static const char *const topics[] = { "one", "two", NULL };

static struct bus_conf quick(struct world *w)
{
	return (struct bus_conf){
		.id = "external.test/1",
		.topics = topics,
		.renew_ms = 60000,
		.retry = { 20, 40 },
		.refused = { 20, 40 },
		.on_events = on_events,
		.on_gap = on_gap,
		.on_trouble = on_trouble,
		.ctx = w,
	};
}

static void world_start(struct world *w, const char *script)
{
	struct backstage_client_conf client = { .timeout_ms = 10000, .connections_max = 2 };

	*w = (struct world){ 0 };
	standin_start_script(&w->standin, "bus_script.py", script);
	client.url = w->standin.url;
	w->loop = loop_new();
	w->http = httpc_new(w->loop);
	w->client = backstage_client_new(w->http, &client, NULL);
}

static void world_open(struct world *w, const char *script)
{
	struct bus_conf conf;

	world_start(w, script);
	conf = quick(w);
	w->bus = bus_new(w->loop, w->client, &conf);
}

static void world_close(struct world *w)
{
	bus_free(w->bus);
	backstage_client_free(w->client);
	httpc_free(w->http);
	loop_free(w->loop);
	standin_stop(&w->standin);
}

static void world_await(struct world *w, bool (*is_done)(const struct world *w), unsigned want)
{
	w->is_done = is_done;
	w->want = want;
	w->done = false;
	world_check(w);
	loop_run_until(w->loop, &w->done);
}

static bool has_answers(const struct world *w)
{
	return w->answers >= w->want;
}

static bool has_gaps(const struct world *w)
{
	return w->gaps >= w->want;
}

static bool has_troubles(const struct world *w)
{
	return w->troubles >= w->want;
}

TestSuite(bus, .timeout = 60);

Test(bus, subscribes_and_reads_until_there_is_no_news)
{
	struct world w;

	world_open(&w, "PUT=201 GET=events/a GET=202/10 GET=202/10 GET=events/b,c");
	world_await(&w, has_answers, 2);
	cr_assert_not_null(strstr(w.answer, "\"b\""), "%s", w.answer);
	cr_assert_eq(w.gaps, 1, "what was published before the first PUT is not known");
	cr_assert_eq(w.troubles, 0, "%s", w.why);
	cr_assert(bus_status(w.bus).subscribed);
	cr_assert_eq(bus_status(w.bus).answers, 2);
	cr_assert_neq(bus_status(w.bus).last_event.ms, WALL_NONE.ms);
	world_close(&w);
}

static void on_half_a_second(void *ctx)
{
	struct world *w = ctx;

	w->late = true;
	loop_stop(w->loop);
}

Test(bus, asks_for_no_more_before_what_came_is_safe)
{
	struct loop_timer *timer;
	struct world w;

	world_open(&w, "PUT=201 GET=events/a GET=events/b");
	w.slow = true;
	world_await(&w, has_answers, 1);
	timer = loop_timer_new(w.loop, on_half_a_second, &w);
	loop_timer_set(timer, 200);
	loop_run_until(w.loop, &w.late);
	loop_timer_free(timer);
	cr_assert_eq(w.answers, 1, "the second was asked for too early");
	bus_resume(w.bus);
	world_await(&w, has_answers, 2);
	world_close(&w);
}

Test(bus, puts_a_forgotten_subscription_again_and_tells_of_the_gap)
{
	struct world w;

	world_open(&w, "PUT=201 GET=gone PUT=201 GET=events/a");
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.gaps, 2);
	cr_assert_eq(w.troubles, 1);
	cr_assert_not_null(strstr(w.why, "404 NotFoundError"), "%s", w.why);
	cr_assert_eq(w.reliefs, 1);
	world_close(&w);
}

Test(bus, takes_an_empty_404_for_a_bus_that_is_starting)
{
	struct world w;

	world_open(&w, "PUT=empty PUT=empty PUT=201 GET=empty PUT=201 GET=events/a");
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.troubles, 3);
	cr_assert_not_null(strstr(w.why, "not started yet"), "%s", w.why);
	cr_assert_eq(w.refusals, 0);
	cr_assert_eq(w.gaps, 2);
	world_close(&w);
}

Test(bus, tells_of_a_gap_after_anything_that_may_have_cost_events)
{
	static const char *const trouble[] = { "500", "503", "cut", "dead/1" };

	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		char script[128];
		struct world w;

		/* The first 202 teaches how long a poll may be held. */
		snprintf(script, sizeof(script), "PUT=201 GET=202/1 GET=%s PUT=201 GET=events/a",
			trouble[i]);
		world_open(&w, script);
		world_await(&w, has_answers, 1);
		cr_assert_eq(w.gaps, 2, "%s", trouble[i]);
		cr_assert_eq(w.troubles, 1, "%s: %s", trouble[i], w.why);
		cr_assert_eq(bus_status(w.bus).failures, 1);
		world_close(&w);
	}
}

Test(bus, waits_as_long_as_the_bus_says_and_a_second)
{
	struct mono begin;
	struct world w;

	world_open(&w, "PUT=201 GET=202/300 GET=dead/300");
	begin = clock_mono();
	world_await(&w, has_troubles, 1);
	cr_assert_not_null(strstr(w.why, "time"), "%s", w.why);
	cr_assert_geq(clock_mono().ms - begin.ms, 300 + 1300);
	world_close(&w);
}

Test(bus, renews_the_subscription_before_it_is_forgotten)
{
	struct bus_conf conf;
	struct world w;

	world_start(&w, "PUT=201 GET=202/60 GET=202/60 PUT=201 GET=events/a");
	conf = quick(&w);
	conf.renew_ms = 100;
	w.bus = bus_new(w.loop, w.client, &conf);
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.gaps, 2);
	cr_assert_eq(w.troubles, 0, "%s", w.why);
	cr_assert_eq(BUS_RENEW_MS, 3600 * 1000, "hourly: a quiet bus forgets within a day");
	world_close(&w);
}

Test(bus, comes_back_later_each_time_it_fails)
{
	struct bus_conf conf;
	struct world w;

	world_start(&w, "PUT=500 PUT=500 PUT=500 PUT=201 GET=events/a GET=500");
	conf = quick(&w);
	conf.retry = (struct backoff){ 100, 10000 };
	w.bus = bus_new(w.loop, w.client, &conf);
	world_await(&w, has_troubles, 3);
	/* At least half of 100 ms, then of 200. */
	cr_assert_geq(clock_mono().ms - w.first.ms, 50 + 100);
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.reliefs, 1);
	world_close(&w);
}

Test(bus, is_patient_with_one_that_refuses_us)
{
	static const int status[] = { 401, 403 };

	for (size_t i = 0; i < ARRAY_SIZE(status); i++) {
		char script[64];
		struct bus_conf conf;
		struct world w;

		snprintf(script, sizeof(script), "PUT=%d PUT=%d PUT=201 GET=events/a", status[i],
			status[i]);
		world_start(&w, script);
		conf = quick(&w);
		conf.refused = (struct backoff){ 400, 400 };
		w.bus = bus_new(w.loop, w.client, &conf);
		world_await(&w, has_troubles, 2);
		cr_assert_eq(w.refusals, 2);
		cr_assert(bus_status(w.bus).refused);
		cr_assert_geq(w.second.ms - w.first.ms, 200);
		world_await(&w, has_answers, 1);
		cr_assert_not(bus_status(w.bus).refused);
		cr_assert_eq(w.reliefs, 1);
		world_close(&w);
	}
}

Test(bus, takes_an_answer_of_64_mib)
{
	char script[64];
	struct world w;

	snprintf(script, sizeof(script), "PUT=201 GET=bytes/%d", 64 * MIB);
	world_open(&w, script);
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.bytes, (size_t)64 * MIB);
	cr_assert_eq(w.troubles, 0, "%s", w.why);
	world_close(&w);
}

Test(bus, takes_a_larger_answer_for_a_gap)
{
	char script[64];
	struct world w;

	snprintf(script, sizeof(script), "PUT=201 GET=bytes/%d PUT=201 GET=events/a", 64 * MIB + 1);
	world_open(&w, script);
	world_await(&w, has_answers, 1);
	cr_assert_eq(w.troubles, 1);
	cr_assert_not_null(strstr(w.why, "large"), "%s", w.why);
	cr_assert_eq(w.gaps, 2);
	world_close(&w);
}

Test(bus, can_be_freed_in_a_long_poll)
{
	struct world w;

	world_open(&w, "PUT=201");
	world_await(&w, has_gaps, 1);
	world_close(&w);
}
