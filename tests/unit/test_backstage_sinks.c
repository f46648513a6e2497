/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "backstage/bus_sink.h"
#include "backstage/client.h"
#include "backstage/notify.h"
#include "base/buf.h"
#include "base/codec.h"
#include "io/secmem.h"
#include "model/catalog.h"
#include "model/cloudevent.h"
#include "standin.h"

static struct standin server;
static struct loop *loop;
static struct httpc *http;
static struct buf event;

static void write_event(size_t entities)
{
	const struct entity e = { .ref = SPAN("component:default/parcel-api") };
	struct build b;
	struct cloudevent ce = {
		.build = &b,
		.attempt = 1,
		.source_name = "travis",
		.entity = &e,
		.entities = entities,
	};

	build_init(&b);
	b.host = SPAN("app.travis-ci.com");
	b.id = 9007199254740991;
	b.number = SPAN("417");
	b.state = BUILD_PASSED;
	b.owner = SPAN("acme");
	b.name = SPAN("parcel-api");
	b.branch = SPAN("main");
	buf_init(&event, 65536);
	cr_assert_eq(cloudevent_write(&ce, &event), ERR_OK);
}

static void setup(void)
{
	standin_start(&server);
	loop = loop_new();
	http = httpc_new(loop);
	write_event(1);
}

static void teardown(void)
{
	httpc_free(http);
	loop_free(loop);
	buf_release(&event);
	standin_stop(&server);
}

TestSuite(backstage_sinks, .init = setup, .fini = teardown, .timeout = 30);

static struct backstage_client *client_at(const char *behaviour, const char *token)
{
	char url[1024];
	struct backstage_client_conf conf = { .url = url, .timeout_ms = 5000 };

	snprintf(url, sizeof(url), "%s%s", server.url, behaviour);
	return backstage_client_new(
		http, &conf, token == NULL ? NULL : secret_new(token, strlen(token)));
}

static void notify_init(struct sink *sink, struct backstage_client *client)
{
	notify_sink_init(sink, "owners", client, &(struct notify_conf){ .topic = "travis-ci" });
}

static void bus_init(struct sink *sink, struct backstage_client *client)
{
	bus_sink_init(sink, "bus", client, &(struct bus_sink_conf){ .topic = "ci.builds" });
}

static void sink_end(struct sink *sink)
{
	sink->ops->free(sink->self);
	free(sink->name);
}

struct heard {
	unsigned results;
	bool done;
	struct sink_result r;
};

static void on_result(void *ctx, const struct sink_result *r)
{
	struct heard *h = ctx;

	h->results++;
	h->done = true;
	h->r = *r;
	loop_stop(loop);
}

static void start_try(struct sink *sink, struct heard *h)
{
	const struct delivery d = { .event_id = "id", .event = buf_span(&event) };

	*h = (struct heard){ 0 };
	sink->ops->send(sink->self, &d, on_result, h);
}

/* One try against a server that behaves so. */
static struct sink_result try_at(
	void (*init)(struct sink *, struct backstage_client *), const char *behaviour)
{
	struct backstage_client *client = client_at(behaviour, NULL);
	struct sink sink;
	struct heard h;

	init(&sink, client);
	start_try(&sink, &h);
	loop_run_until(loop, &h.done);
	cr_assert_eq(h.results, 1);
	sink_end(&sink);
	backstage_client_free(client);
	return h.r;
}

static const char *answer(int status, const char *body, char path[1024])
{
	CLEANUP(buf_release) struct buf encoded;

	buf_init(&encoded, 1000);
	cr_assert_eq(url_encode(span_of(body), &encoded), ERR_OK);
	snprintf(path, 1024, "/answer/%d/%s", status, encoded.data);
	return path;
}

#define ERROR_BODY(name, message) "{\"error\":{\"name\":\"" name "\",\"message\":\"" message "\"}}"

struct reading {
	int status;
	const char *body;
	enum outcome outcome;
	const char *note; /* part of it */
};

static void check_readings(
	void (*init)(struct sink *, struct backstage_client *), const struct reading *row, size_t n)
{
	char path[1024];

	for (size_t i = 0; i < n; i++) {
		struct sink_result r = try_at(init, answer(row[i].status, row[i].body, path));

		cr_expect_eq(r.outcome, row[i].outcome, "%d %s: %d, %s", row[i].status, row[i].body,
			(int)r.outcome, r.note);
		cr_expect_eq(r.status, row[i].status);
		cr_expect_eq(r.retry_after_ms, -1);
		cr_expect_not_null(strstr(r.note, row[i].note), "%d %s: %s", row[i].status,
			row[i].body, r.note);
	}
}

/* What both sinks read alike. */
static const struct reading common[] = {
	{ 301, "", OUTCOME_TEMPFAIL, "is the URL right?" },
	{ 400, ERROR_BODY("InputError", "bad"), OUTCOME_PERMFAIL, "400 InputError: bad" },
	{ 401, ERROR_BODY("AuthenticationError", "Illegal token"), OUTCOME_TEMPFAIL,
		"401 AuthenticationError: Illegal token" },
	{ 403, ERROR_BODY("NotAllowedError", "restricted"), OUTCOME_TEMPFAIL,
		"403 NotAllowedError: restricted" },
	{ 404, "", OUTCOME_TEMPFAIL, "404 unexplained: plugin not installed" },
	{ 404, "<html>", OUTCOME_TEMPFAIL, "404" },
	{ 404, ERROR_BODY("NotFoundError", "no plugin"), OUTCOME_TEMPFAIL, "no plugin" },
	{ 405, "", OUTCOME_TEMPFAIL, "is the URL right?" },
	{ 408, "", OUTCOME_TEMPFAIL, "408" },
	{ 413, ERROR_BODY("PayloadTooLargeError", "large"), OUTCOME_PERMFAIL, "413" },
	{ 415, "", OUTCOME_PERMFAIL, "415" },
	{ 429, "", OUTCOME_TEMPFAIL, "429" },
	{ 500, ERROR_BODY("Error", "boom"), OUTCOME_TEMPFAIL, "500 Error: boom" },
	{ 503, "", OUTCOME_TEMPFAIL, "503" },
};

Test(backstage_sinks, notify_reads_the_answers_of_the_notifications_api)
{
	static const struct reading row[] = {
		{ 200, "[{\"id\":\"1\",\"user\":\"user:default/bob\"}]", OUTCOME_OK, "" },
		{ 200, "[]", OUTCOME_PERMFAIL,
			"nobody: Backstage finds no recipient for component:default/parcel-api" },
		{ 200, " [ \n ] ", OUTCOME_PERMFAIL, "nobody" },
		{ 200, "", OUTCOME_TEMPFAIL, "is the URL right?" },
		{ 200, "<html>Sign in</html>", OUTCOME_TEMPFAIL, "is the URL right?" },
		{ 400,
			ERROR_BODY("InputError",
				"Failed to send user notifications; caused by ECONNREFUSED"),
			OUTCOME_TEMPFAIL, "Failed to send" },
	};

	check_readings(notify_init, row, ARRAY_SIZE(row));
	check_readings(notify_init, common, ARRAY_SIZE(common));
}

Test(backstage_sinks, bus_reads_the_answers_of_the_event_bus)
{
	static const struct reading row[] = {
		{ 201, "", OUTCOME_OK, "" },
		{ 200, "<html>Sign in</html>", OUTCOME_TEMPFAIL, "is the URL right?" },
	};

	check_readings(bus_init, row, ARRAY_SIZE(row));
	check_readings(bus_init, common, ARRAY_SIZE(common));
}

Test(backstage_sinks, bus_says_when_nobody_subscribes)
{
	struct sink_result r = try_at(bus_init, "/status/204");

	cr_assert_eq(r.outcome, OUTCOME_OK);
	cr_assert_str_eq(r.note, "no subscriber");
}

Test(backstage_sinks, no_answer_is_tried_again)
{
	static const char *const row[] = { "/reset", "/half", "/garbage" };
	struct sink_result r;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		r = try_at(notify_init, row[i]);
		cr_expect_eq(r.outcome, OUTCOME_TEMPFAIL, "%s", row[i]);
		cr_expect_str_not_empty(r.note);
		r = try_at(bus_init, row[i]);
		cr_expect_eq(r.outcome, OUTCOME_TEMPFAIL, "%s", row[i]);
	}
}

Test(backstage_sinks, a_list_of_recipients_too_long_to_read_is_success)
{
	struct sink_result r = try_at(notify_init, "/recipients");

	cr_assert_eq(r.outcome, OUTCOME_OK, "%s", r.note);
}

Test(backstage_sinks, the_wish_of_retry_after_is_passed_on)
{
	struct sink_result r = try_at(notify_init, "/retry/7");

	cr_assert_eq(r.outcome, OUTCOME_TEMPFAIL);
	cr_assert_eq(r.status, 429);
	cr_assert_eq(r.retry_after_ms, 7000);
}

Test(backstage_sinks, an_event_without_entity_has_nobody_to_notify)
{
	struct sink_result r;

	buf_release(&event);
	write_event(0);
	r = try_at(notify_init, "/status/500");
	cr_assert_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_assert_eq(r.status, 0);
	cr_assert_str_eq(r.note, "the event names no entity");
}

Test(backstage_sinks, an_operator_event_without_operators_has_nobody_to_notify)
{
	struct sink_result r;

	buf_clear(&event);
	cr_assert_eq(buf_add_str(&event, "{\"id\":\"1\",\"type\":\"dev.stagewire.operator.x\","
					 "\"data\":{\"message\":\"m\"}}"),
		ERR_OK);
	r = try_at(notify_init, "/status/500");
	cr_assert_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_assert_str_eq(r.note, "nobody to tell: the sink has no recipients for operator events");
}

Test(backstage_sinks, an_event_too_large_for_the_bus_is_not_sent)
{
	struct sink_result r;

	buf_release(&event);
	buf_init(&event, 6 << 20);
	while (event.len < 5 << 20)
		cr_assert_eq(buf_add_str(&event, "[0,0,0,0,0,0,0,0]"), ERR_OK);
	r = try_at(bus_init, "/status/500");
	cr_assert_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_assert_eq(r.status, 0);
}

Test(backstage_sinks, cancel_and_free_silence_what_is_under_way)
{
	struct backstage_client *client = client_at("/hold", NULL);
	struct sink notify, bus;
	struct heard one, two, three;

	notify_init(&notify, client);
	bus_init(&bus, client);
	start_try(&notify, &one);
	start_try(&notify, &two);
	start_try(&bus, &three);
	notify.ops->cancel(notify.self);
	sink_end(&notify);
	sink_end(&bus);
	backstage_client_free(client);
	cr_assert_eq(try_at(bus_init, "/release/201").outcome, OUTCOME_TEMPFAIL);
	cr_assert_eq(one.results + two.results + three.results, 0);
}

/* --- the request as it goes out, and the words for an answer --- */

struct echo {
	bool done;
	int status;
	char text[8192];
	char description[64];
	enum backstage_answer meaning;
};

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct echo *e = ctx;

	e->done = true;
	e->status = a->status;
	e->meaning = backstage_classify(a);
	snprintf(e->text, sizeof(e->text), "%.*s", SPAN_ARGS(a->body));
	backstage_describe(a, e->description, sizeof(e->description));
	loop_stop(loop);
}

static struct echo call(struct backstage_client *c, const char *path, struct span body)
{
	static struct echo e;

	e.done = false;
	cr_assert_eq(backstage_call(c, NULL, path, body, 65536, on_answer, &e, NULL), ERR_OK);
	loop_run_until(loop, &e.done);
	return e;
}

Test(backstage_sinks, client_identifies_itself_and_speaks_json)
{
	struct backstage_client *c = client_at("/echo", "first.token");
	struct echo e = call(c, "/api/x?y=z", SPAN("{}"));

	cr_assert(strncmp(e.text, "POST /echo/api/x?y=z HTTP/1.1\r\n", 31) == 0, "%s", e.text);
	cr_assert_not_null(strstr(e.text, "\r\nAuthorization: Bearer first.token\r\n"));
	cr_assert_not_null(strstr(e.text, "\r\nContent-Type: application/json\r\n"));
	cr_assert_not_null(strstr(e.text, "\r\nAccept: application/json\r\n"));
	backstage_client_set_token(c, secret_new("second", 6));
	e = call(c, "/api/x", (struct span){ NULL, 0 });
	cr_assert(strncmp(e.text, "GET ", 4) == 0);
	cr_assert_not_null(strstr(e.text, "\r\nAuthorization: Bearer second\r\n"));
	cr_assert_null(strstr(e.text, "Content-Type"));
	backstage_client_set_token(c, NULL);
	e = call(c, "/api/x", (struct span){ NULL, 0 });
	cr_assert_null(strstr(e.text, "Authorization"));
	backstage_client_free(c);
}

Test(backstage_sinks, client_tells_an_entity_gone_from_routes_not_mounted)
{
	char path[1024];
	struct backstage_client *c =
		client_at(answer(404, ERROR_BODY("NotFoundError", "x"), path), NULL);

	cr_assert_eq(call(c, "", (struct span){ NULL, 0 }).meaning, BACKSTAGE_GONE);
	backstage_client_free(c);
	c = client_at("/answer/404/", NULL);
	cr_assert_eq(call(c, "", (struct span){ NULL, 0 }).meaning, BACKSTAGE_TRANSIENT);
	backstage_client_free(c);
}

Test(backstage_sinks, a_description_is_printable_and_cut_between_characters)
{
	char path[1024], message[200] = "a\\nb\\u0007";
	CLEANUP(buf_release) struct buf body;
	struct backstage_client *c;
	struct echo e;

	while (strlen(message) < sizeof(message) - 3)
		strcat(message, "\xc3\xa9");
	buf_init(&body, 1000);
	cr_assert_eq(buf_addf(&body, ERROR_BODY("InputError", "%s"), message), ERR_OK);
	c = client_at(answer(400, body.data, path), NULL);
	e = call(c, "", (struct span){ NULL, 0 });
	cr_assert(strncmp(e.description, "400 InputError: a b \xc3\xa9", 21) == 0, "%s",
		e.description);
	cr_assert(utf8_is_valid(span_of(e.description)));
	cr_assert_geq(strlen(e.description), sizeof(e.description) - 3);
	backstage_client_free(c);
}

/* The body of a request that a sink sends, as the stand-in keeps it for us. */
static void last_request(struct buf *out)
{
	struct backstage_client *c = client_at("", NULL);
	struct echo e = call(c, "/last", (struct span){ NULL, 0 });

	buf_init(out, 65536);
	cr_assert_eq(buf_add_str(out, e.text), ERR_OK);
	backstage_client_free(c);
}

Test(backstage_sinks, notify_posts_to_the_notifications_api)
{
	CLEANUP(buf_release) struct buf sent;

	IGNORE(try_at(notify_init, "/status/500").outcome != OUTCOME_TEMPFAIL);
	last_request(&sent);
	cr_assert(strncmp(sent.data, "POST /status/500/api/notifications HTTP/1.1\r\n", 45) == 0,
		"%s", sent.data);
	cr_assert_not_null(strstr(sent.data, "\"entityRef\":[\"component:default/parcel-api\"]"));
	cr_assert_not_null(strstr(sent.data, "\"topic\":\"travis-ci\""));
}

Test(backstage_sinks, bus_publishes_the_event_as_it_was_stored)
{
	CLEANUP(buf_release) struct buf sent, want;

	IGNORE(try_at(bus_init, "/status/201").outcome != OUTCOME_OK);
	last_request(&sent);
	cr_assert(strncmp(sent.data, "POST /status/201/api/events/bus/v1/events HTTP/1.1\r\n",
			  52) == 0,
		"%s", sent.data);
	buf_init(&want, 65536);
	cr_assert_eq(buf_addf(&want, "\r\n\r\n{\"event\":{\"topic\":\"ci.builds\",\"payload\":%s}}",
			     event.data),
		ERR_OK);
	cr_assert_not_null(strstr(sent.data, want.data), "%s", sent.data);
}
