/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/egress.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "sink/http.h"
#include "sink/http_credentials.h"
#include "standin.h"

#define EVENT_ID "7d0f4dce-8a3b-8c5e-9f10-112233445566"
#define EVENT                                                                                      \
	"{\"specversion\":\"1.0\",\"id\":\"" EVENT_ID "\",\"source\":\"s\",\"type\":\"t\","        \
	"\"data\":{\"a\":1}}"
#define KEY_A "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define KEY_B "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

static struct standin server;
static struct loop *loop;
static struct httpc *http;
static struct sink sink;

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	standin_start(&server);
	loop = loop_new();
	http = httpc_new(loop);
}

static void sink_end(void)
{
	if (sink.ops != NULL)
		sink.ops->free(sink.self);
	free(sink.name);
	sink = (struct sink){ 0 };
}

static void teardown(void)
{
	sink_end();
	httpc_free(http);
	loop_free(loop);
	standin_stop(&server);
}

TestSuite(http_sink, .init = setup, .fini = teardown, .timeout = 30);

static struct secret *secret_of(const char *text)
{
	return secret_new(text, strlen(text));
}

static struct http_credentials *credentials_of(const char *key)
{
	struct http_credentials *c = http_credentials_new();
	const char *why = NULL;

	if (key != NULL)
		cr_assert_eq(http_credentials_add_key(c, secret_of(key), &why), ERR_OK, "%s", why);
	return c;
}

static void make_at(const char *behaviour, bool handshake, struct http_credentials *c)
{
	struct egress_rule rule;
	char url[256], text[64];
	const struct http_sink_conf conf = {
		.url = url,
		.mode = HTTP_BINARY,
		.origin = "relay.example",
		.handshake = handshake,
		.timeout_ms = 5000,
		.answer_max = 1024,
		.rule = &rule,
		.rules = 1,
	};

	snprintf(text, sizeof(text), "127.0.0.0/8:%d", server.port);
	cr_assert_eq(egress_rule_parse(span_of(text), &rule), ERR_OK);
	snprintf(url, sizeof(url), "%s%s", server.url, behaviour);
	sink_end();
	http_sink_init(&sink, http, "hook", &conf, c);
}

/* --- tries --- */

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

static void start_try(struct heard *h, unsigned tries)
{
	const struct delivery d = { .event_id = EVENT_ID, .event = SPAN(EVENT), .tries = tries };

	*h = (struct heard){ 0 };
	sink.ops->send(sink.self, &d, on_result, h);
}

static struct sink_result finish_try(struct heard *h)
{
	loop_run_until(loop, &h->done);
	cr_assert_eq(h->results, 1);
	return h->r;
}

static struct sink_result try_once(unsigned tries)
{
	struct heard h;

	start_try(&h, tries);
	return finish_try(&h);
}

/* --- what the stand-in saw --- */

struct page {
	bool done;
	char text[8192];
};

static void on_page(void *ctx, const struct httpc_answer *a)
{
	struct page *p = ctx;

	cr_assert_eq(a->status, 200);
	snprintf(p->text, sizeof(p->text), "%.*s", SPAN_ARGS(a->body));
	p->done = true;
	loop_stop(loop);
}

static const char *page_of(const char *path)
{
	static struct page p;
	char url[256];
	const struct httpc_request req = { .url = url, .timeout_ms = 5000, .answer_max = 8000 };

	p = (struct page){ .done = false };
	snprintf(url, sizeof(url), "%s%s", server.url, path);
	cr_assert_eq(httpc_send(http, &req, on_page, &p, NULL), ERR_OK);
	loop_run_until(loop, &p.done);
	return p.text;
}

/* Requests so far, without the one that asks. */
static int requests(void)
{
	const char *text = page_of("/stats"), *at = strstr(text, "\"requests\": ");

	cr_assert_not_null(at, "%s", text);
	return atoi(at + 12) - 1;
}

static void field_of_last(const char *name, char value[256])
{
	const char *text = page_of("/last"), *at = strstr(text, name);

	cr_assert_not_null(at, "%s: %s", name, text);
	snprintf(value, 256, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

Test(http_sink, all_tries_of_an_event_are_one_trace)
{
	char first[256], second[256], again[256];

	make_at("/status/503", false, credentials_of(NULL));
	cr_assert_eq(try_once(0).outcome, OUTCOME_TEMPFAIL);
	field_of_last("traceparent: ", first);
	try_once(1);
	field_of_last("traceparent: ", second);
	try_once(1);
	field_of_last("traceparent: ", again);
	cr_assert_eq(strncmp(first, "00-7d0f4dce8a3b8c5e9f10112233445566-", 36), 0, "%s", first);
	cr_assert_eq(strlen(first), 55);
	cr_assert_eq(strncmp(first, second, 36), 0);
	cr_assert_neq(strcmp(first, second), 0, "a span for each try");
	cr_assert_str_eq(second, again);
}

Test(http_sink, other_credentials_sign_from_the_next_try_on)
{
	struct http_credentials *both = credentials_of(KEY_B);
	char one[256], two[256];
	const char *why;

	make_at("/status/200", false, credentials_of(KEY_A));
	cr_assert_eq(try_once(0).outcome, OUTCOME_OK);
	field_of_last("webhook-signature: ", one);
	cr_assert_null(strchr(one, ' '));
	cr_assert_eq(http_credentials_add_key(both, secret_of(KEY_A), &why), ERR_OK);
	http_sink_set_credentials(&sink, both);
	try_once(1);
	field_of_last("webhook-signature: ", two);
	cr_assert_not_null(strchr(two, ' '), "%s", two);
}

Test(http_sink, what_cannot_be_sent_is_a_dead_letter_at_once)
{
	const struct delivery d = { .event_id = "id", .event = SPAN("no JSON") };
	const struct delivery dotted = { .event_id = "a.b", .event = SPAN(EVENT) };
	struct heard h = { 0 };

	make_at("/status/200", false, credentials_of(KEY_A));
	sink.ops->send(sink.self, &d, on_result, &h);
	cr_assert_eq(h.results, 1);
	cr_assert_eq(h.r.outcome, OUTCOME_PERMFAIL);
	sink.ops->send(sink.self, &dotted, on_result, &h);
	cr_assert_eq(h.results, 2);
	cr_assert_eq(h.r.outcome, OUTCOME_PERMFAIL);
	cr_assert_eq(requests(), 0);
}

Test(http_sink, a_cancelled_try_has_no_result)
{
	struct heard h;

	make_at("/slow", false, credentials_of(NULL));
	start_try(&h, 0);
	sink.ops->cancel(sink.self);
	cr_assert_eq(requests(), 0);
	cr_assert_eq(h.results, 0);
}

/* --- the handshake --- */

Test(http_sink, one_handshake_comes_before_the_first_deliveries)
{
	struct heard h[3];

	make_at("/agree/RELAY.example/120", true, credentials_of(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(h); i++)
		start_try(&h[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(h); i++)
		cr_assert_eq(finish_try(&h[i]).outcome, OUTCOME_OK);
	cr_assert_eq(requests(), 1 + 3);
	cr_assert_eq(http_sink_agreed_rate(&sink), 120);
	try_once(0);
	cr_assert_eq(requests(), 1 + 3 + 1 + 1); /* the count before this one is a request too */
}

Test(http_sink, the_question_names_us_and_has_no_body)
{
	make_at("/answer/204/", true, credentials_of(KEY_A));
	cr_assert_eq(try_once(0).outcome, OUTCOME_TEMPFAIL);
	cr_assert_not_null(strstr(page_of("/last"), "OPTIONS /answer/204/ HTTP/1.1\r\n"));
	make_at("/answer/204/", true, credentials_of(KEY_A));
	try_once(0);
	cr_assert_not_null(
		strstr(page_of("/last"), "\r\nWebHook-Request-Origin: relay.example\r\n"));
	make_at("/answer/204/", true, credentials_of(KEY_A));
	try_once(0);
	cr_assert_null(strstr(page_of("/last"), "webhook-signature"));
}

/* Paths, and what a sink with a handshake does there. */
static const struct {
	const char *behaviour;
	enum sink_advice advice;
} refusals[] = {
	{ "/status/200", ADVICE_PAUSE }, /* knows nothing of the handshake */
	{ "/status/404", ADVICE_PAUSE },
	{ "/status/405", ADVICE_PAUSE },
	{ "/redirect", ADVICE_PAUSE },
	{ "/agree/other.example/1", ADVICE_PAUSE },
	{ "/agree/example/1", ADVICE_PAUSE },
	{ "/status/401", ADVICE_PAUSE },
	{ "/status/410", ADVICE_DISABLE },
	{ "/status/429", ADVICE_THROTTLE },
	{ "/status/503", ADVICE_THROTTLE },
	{ "/status/500", ADVICE_NONE },
	{ "/reset", ADVICE_NONE },
	{ "/half", ADVICE_NONE },
};

Test(http_sink, without_agreement_nothing_is_delivered)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct heard h[2];

		make_at(refusals[i].behaviour, true, credentials_of(NULL));
		start_try(&h[0], 0);
		start_try(&h[1], 0);
		for (size_t j = 0; j < ARRAY_SIZE(h); j++) {
			struct sink_result r = finish_try(&h[j]);

			cr_expect_neq(r.outcome, OUTCOME_OK, "%s", refusals[i].behaviour);
			cr_expect_eq(r.advice, refusals[i].advice, "%s: %s", refusals[i].behaviour,
				r.note);
		}
		cr_expect_null(strstr(page_of("/last"), "POST "), "%s", refusals[i].behaviour);
	}
}

Test(http_sink, a_refusal_is_asked_about_again)
{
	make_at("/status/405", true, credentials_of(NULL));
	try_once(0);
	try_once(1);
	cr_assert_eq(requests(), 2);
}

Test(http_sink, any_origin_may_be_agreed_to_and_any_rate)
{
	make_at("/agree/*/*", true, credentials_of(NULL));
	cr_assert_eq(try_once(0).outcome, OUTCOME_OK);
	cr_assert_eq(http_sink_agreed_rate(&sink), 0);
}

Test(http_sink, a_reload_asks_again)
{
	make_at("/agree/relay.example/1", true, credentials_of(NULL));
	try_once(0);
	sink.ops->reopen(sink.self);
	try_once(0);
	cr_assert_eq(requests(), 4);
}

Test(http_sink, cancelling_gives_up_the_question_too)
{
	struct heard h;

	make_at("/slow", true, credentials_of(NULL));
	start_try(&h, 0);
	start_try(&h, 0);
	sink.ops->cancel(sink.self);
	sink.ops->reopen(sink.self);
	cr_assert_eq(requests(), 0);
	cr_assert_eq(h.results, 0);
}

/* --- credentials --- */

Test(http_sink, credentials_are_read_strictly_and_not_repeated)
{
	static const char *const bad_fields[] = { "no-colon-s3cret", "Host: s3cret",
		"webhook-id: s3cret", "X: s3cret\r\nY: z" };
	struct http_credentials *c = http_credentials_new();
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(bad_fields); i++) {
		cr_expect_eq(http_credentials_add_field(c, secret_of(bad_fields[i]), &why),
			ERR_PARSE, "%s", bad_fields[i]);
		cr_expect_null(strstr(why, "s3cret"));
	}
	cr_expect_eq(http_credentials_set_token(c, secret_of("with blank"), &why), ERR_PARSE);
	cr_expect_eq(http_credentials_add_key(c, secret_of("whsec_AAAA"), &why), ERR_PARSE);
	cr_expect_eq(http_credentials_check(c, &why), ERR_OK);
	cr_expect_eq(http_credentials_set_token(c, secret_of("token"), &why), ERR_OK);
	cr_expect_eq(http_credentials_check(c, &why), ERR_OK);
	cr_expect_eq(http_credentials_add_field(c, secret_of("AUTHORIZATION: x"), &why), ERR_OK);
	cr_expect_eq(http_credentials_check(c, &why), ERR_PARSE, "two Authorization fields");
	http_credentials_free(c);
}

Test(http_sink, a_key_pair_signs_beside_a_shared_key_only)
{
	struct http_credentials *c =
		credentials_of("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=");
	const char *why;

	cr_assert_eq(http_credentials_check(c, &why), ERR_PARSE);
	cr_assert_eq(http_credentials_add_key(c, secret_of(KEY_A), &why), ERR_OK);
	cr_assert_eq(http_credentials_check(c, &why), ERR_OK);
	cr_assert_eq(http_credentials_add_key(c, secret_of(KEY_A), &why), ERR_OK);
	cr_assert_eq(http_credentials_add_key(c, secret_of(KEY_A), &why), ERR_OK);
	cr_assert_eq(http_credentials_add_key(c, secret_of(KEY_A), &why), ERR_LIMIT);
	http_credentials_free(c);
}
