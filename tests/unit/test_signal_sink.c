/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/signal_sink.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "backstage/client.h"
#include "base/buf.h"
#include "base/clock.h"
#include "model/catalog.h"
#include "model/cloudevent.h"
#include "standin.h"

static struct standin server;
static struct loop *loop;
static struct httpc *http;
static struct buf event;

/* What a build is told with; the rest of it is what must not be told. */
struct told {
	size_t entities, owners;
	int64_t age_ms;
	const char *branch;
};

static void write_event(const struct told *t)
{
	static struct entity e[CLOUDEVENT_ENTITIES];
	static char ref[CLOUDEVENT_ENTITIES][64];
	struct build b;
	struct cloudevent ce = {
		.build = &b,
		.attempt = 1,
		.source_name = "travis",
		.entity = e,
		.entities = t->entities,
		.received = { clock_wall().ms - t->age_ms },
	};

	for (size_t i = 0; i < t->entities; i++) {
		snprintf(ref[i], sizeof(ref[i]), "component:default/parcel-%zu", i);
		e[i] = (struct entity){ .ref = span_of(ref[i]) };
		e[i].owner[0] = i == 0 ? SPAN("group:default/payments") : SPAN("user:default/ann");
		e[i].owners = t->owners;
	}
	build_init(&b);
	b.host = SPAN("app.travis-ci.com");
	b.id = 417;
	b.number = SPAN("42");
	b.state = BUILD_FAILED;
	b.owner = SPAN("acme");
	b.name = SPAN("parcel-api");
	b.url = SPAN("https://app.travis-ci.com/acme/parcel-api/builds/417");
	b.branch = span_of(t->branch == NULL ? "main" : t->branch);
	b.subject = SPAN("CONFIDENTIAL");
	buf_init(&event, 65536);
	cr_assert_eq(cloudevent_write(&ce, &event), ERR_OK);
}

static void setup(void)
{
	standin_start(&server);
	loop = loop_new();
	http = httpc_new(loop);
}

static void teardown(void)
{
	httpc_free(http);
	loop_free(loop);
	buf_release(&event);
	standin_stop(&server);
}

TestSuite(signal_sink, .init = setup, .fini = teardown, .timeout = 30);

struct heard {
	bool done;
	struct sink_result r;
};

static void on_result(void *ctx, const struct sink_result *r)
{
	struct heard *h = ctx;

	cr_assert_not(h->done);
	h->done = true;
	h->r = *r;
	loop_stop(loop);
}

static struct backstage_client *client_at(const char *behaviour)
{
	char url[1024];
	struct backstage_client_conf conf = { .url = url, .timeout_ms = 5000 };

	snprintf(url, sizeof(url), "%s%s", server.url, behaviour);
	return backstage_client_new(http, &conf, NULL);
}

/* One try of the event against a server that behaves so. */
static struct sink_result try_at(const char *behaviour, bool broadcast)
{
	const struct signal_sink_conf conf = { "ci", broadcast, 60000 };
	const struct delivery d = { .event_id = "id", .event = buf_span(&event) };
	struct backstage_client *client = client_at(behaviour);
	struct heard h = { 0 };
	struct sink sink;

	signal_sink_init(&sink, "live", client, &conf);
	cr_assert_str_eq(sink.type, "backstage-signals");
	sink.ops->send(sink.self, &d, on_result, &h);
	if (!h.done)
		loop_run_until(loop, &h.done);
	sink.ops->free(sink.self);
	free(sink.name);
	backstage_client_free(client);
	return h.r;
}

struct last {
	bool done;
	struct buf text;
};

static void on_last(void *ctx, const struct httpc_answer *a)
{
	struct last *l = ctx;

	cr_assert_eq(buf_add_span(&l->text, a->body), ERR_OK);
	l->done = true;
	loop_stop(loop);
}

/* The body of the request before, as the stand-in keeps it for us. */
static const char *last_body(struct last *l)
{
	struct backstage_client *c = client_at("");

	l->done = false;
	buf_init(&l->text, 1 << 20);
	cr_assert_eq(
		backstage_call(c, "GET", "/last", (struct span){ 0 }, 1 << 20, on_last, l, NULL),
		ERR_OK);
	loop_run_until(loop, &l->done);
	backstage_client_free(c);
	cr_assert_not_null(strstr(l->text.data, "POST /status/201/api/events/bus/v1/events HTTP"));
	return strstr(l->text.data, "\r\n\r\n") + 4;
}

Test(signal_sink, tells_the_owners_what_a_page_needs)
{
	char time[WALL_TEXT_MAX], id[64], want[2048];
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	struct last last;

	write_event(&(struct told){ .entities = 2, .owners = 1 });
	cr_assert_eq(cloudevent_read(buf_span(&event), &f), ERR_OK);
	snprintf(id, sizeof(id), "%.*s", SPAN_ARGS(f.id));
	snprintf(time, sizeof(time), "%.*s", SPAN_ARGS(f.time));
	cr_assert_eq(try_at("/status/201", false).outcome, OUTCOME_OK);
	snprintf(want, sizeof(want),
		"{\"event\":{\"topic\":\"signals\",\"payload\":{\"channel\":\"ci\","
		"\"recipients\":{\"type\":\"user\",\"entityRef\":[\"group:default/payments\","
		"\"user:default/"
		"ann\"]},\"message\":{\"type\":\"build\",\"id\":\"%s\",\"time\":\"%s\","
		"\"entities\":[\"component:default/parcel-0\",\"component:default/parcel-1\"],"
		"\"repository\":\"acme/parcel-api\",\"number\":\"42\",\"outcome\":\"failure\","
		"\"transition\":\"none\",\"branch\":\"main\","
		"\"url\":\"https://app.travis-ci.com/acme/parcel-api/builds/417\"}}}}",
		id, time);
	cr_assert_str_eq(last_body(&last), want);
	buf_release(&last.text);
}

Test(signal_sink, broadcasts_nothing_but_which_entities_have_news)
{
	struct last last;

	write_event(&(struct told){ .entities = 1, .owners = 1 });
	cr_assert_eq(try_at("/status/201", true).outcome, OUTCOME_OK);
	cr_assert_str_eq(last_body(&last),
		"{\"event\":{\"topic\":\"signals\",\"payload\":{\"channel\":\"ci\","
		"\"recipients\":{\"type\":\"broadcast\"},\"message\":{\"type\":\"changed\","
		"\"entities\":[\"component:default/parcel-0\"]}}}}");
	buf_release(&last.text);
}

Test(signal_sink, is_small_whatever_the_build_is_called)
{
	char branch[4000];
	struct last last;

	memset(branch, '"', sizeof(branch) - 1);
	branch[sizeof(branch) - 1] = '\0';
	write_event(
		&(struct told){ .entities = CLOUDEVENT_ENTITIES, .owners = 1, .branch = branch });
	cr_assert_eq(try_at("/status/201", false).outcome, OUTCOME_OK);
	cr_assert_lt(strlen(last_body(&last)), 4096);
	buf_release(&last.text);
}

Test(signal_sink, sends_nothing_that_nobody_would_look_at)
{
	static const struct {
		struct told told;
		bool broadcast;
		const char *note;
	} row[] = {
		{ { .entities = 0 }, false, "about no entity" },
		{ { .entities = 0 }, true, "about no entity" },
		{ { .entities = 1, .owners = 0 }, false, "nobody owns" },
		{ { .entities = 1, .owners = 1, .age_ms = 61000 }, false, "too old" },
		{ { .entities = 1, .owners = 1, .age_ms = 61000 }, true, "too old" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct sink_result r;

		write_event(&row[i].told);
		r = try_at("/status/500", row[i].broadcast);
		cr_assert_eq(r.outcome, OUTCOME_MOOT, "%zu", i);
		cr_assert_eq(r.status, 0);
		cr_assert_not_null(strstr(r.note, row[i].note), "%s", r.note);
		buf_release(&event);
	}
	write_event(&(struct told){ .entities = 1, .owners = 0 });
	cr_assert_eq(try_at("/status/201", true).outcome, OUTCOME_OK, "a broadcast needs no owner");
	buf_release(&event);
	write_event(&(struct told){ .entities = 1, .owners = 1, .age_ms = 50000 });
	cr_assert_eq(try_at("/status/201", false).outcome, OUTCOME_OK);
}

Test(signal_sink, has_no_signal_for_an_operator_event)
{
	struct sink_result r;

	buf_init(&event, 1024);
	cr_assert_eq(buf_add_str(&event, "{\"id\":\"1\",\"type\":\"dev.stagewire.operator.x\","
					 "\"data\":{\"message\":\"m\"}}"),
		ERR_OK);
	r = try_at("/status/500", true);
	cr_assert_eq(r.outcome, OUTCOME_MOOT);
}

Test(signal_sink, says_when_there_is_no_signals_plugin)
{
	struct sink_result r;

	write_event(&(struct told){ .entities = 1, .owners = 1 });
	r = try_at("/status/204", false);
	cr_assert_eq(r.outcome, OUTCOME_OK);
	cr_assert_str_eq(r.note, "no subscriber");
	cr_assert_eq(try_at("/status/503", false).outcome, OUTCOME_TEMPFAIL);
	cr_assert_eq(try_at("/status/403", false).advice, ADVICE_PAUSE);
}
