/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/json_gate.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "standin.h"
#include "travis/api.h"

static struct standin server;
static struct loop *loop;
static struct httpc *http;

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
	standin_stop(&server);
}

TestSuite(travis_api, .init = setup, .fini = teardown, .timeout = 30);

struct heard {
	bool done;
	enum travis_answer answer;
	int status;
	int64_t wait_ms;
	char why[512], body[4096];
};

static void on_reply(void *ctx, const struct travis_reply *r)
{
	struct heard *h = ctx;

	h->done = true;
	h->answer = r->answer;
	h->status = r->status;
	h->wait_ms = r->wait_ms;
	snprintf(h->why, sizeof(h->why), "%s", r->why);
	snprintf(h->body, sizeof(h->body), "%.*s", SPAN_ARGS(r->body.text));
	loop_stop(loop);
}

/* Call something at a server that behaves as the path says. */
static struct heard call(const char *path, struct span body)
{
	const struct travis_api_conf conf = { server.url, 5000, 4 };
	struct travis_api *api = travis_api_new(http, &conf);
	struct secret *token = secret_new("s3cret-token", 12);
	struct travis_api_call *under_way;
	struct heard h = { 0 };

	cr_assert_eq(
		travis_api_send(api, NULL, path, token, body, on_reply, &h, &under_way), ERR_OK);
	secret_free(token);
	loop_run_until(loop, &h.done);
	travis_api_free(api);
	return h;
}

static void on_text(void *ctx, const struct httpc_answer *a)
{
	struct heard *h = ctx;

	h->done = true;
	snprintf(h->body, sizeof(h->body), "%.*s", SPAN_ARGS(a->body));
	loop_stop(loop);
}

/* The request that the server had last, as it came. */
static struct heard last_request(void)
{
	char url[128];
	struct httpc_request req = { .url = url, .timeout_ms = 5000, .answer_max = 65536 };
	struct heard h = { 0 };

	snprintf(url, sizeof(url), "%s/last", server.url);
	cr_assert_eq(httpc_send(http, &req, on_text, &h, NULL), ERR_OK);
	loop_run_until(loop, &h.done);
	return h;
}

Test(travis_api, sends_the_token_and_the_version_as_travis_wants_them)
{
	struct heard h;

	call("/answer/200/%7B%7D", SPAN("{\"request\":{}}"));
	h = last_request();
	cr_expect_not_null(strstr(h.body, "Authorization: token s3cret-token\r\n"), "%s", h.body);
	cr_expect_not_null(strstr(h.body, "Travis-API-Version: 3\r\n"), "%s", h.body);
	cr_expect_not_null(strstr(h.body, "Content-Type: application/json\r\n"), "%s", h.body);
}

Test(travis_api, tells_what_every_answer_means)
{
	const struct {
		const char *path;
		enum travis_answer answer;
	} row[] = {
		{ "/answer/200/%7B%7D", TRAVIS_OK },
		{ "/answer/202/%7B%22a%22%3A1%7D", TRAVIS_OK },
		{ "/status/204", TRAVIS_OK },
		{ "/answer/200/%5B%5D", TRAVIS_TRANSIENT },
		{ "/answer/200/%7B", TRAVIS_TRANSIENT },
		{ "/status/200", TRAVIS_TRANSIENT },
		{ "/status/502", TRAVIS_TRANSIENT },
		{ "/answer/503/busy", TRAVIS_TRANSIENT },
		{ "/reset", TRAVIS_TRANSIENT },
		{ "/answer/401/no", TRAVIS_UNAUTHORIZED },
		{ "/answer/403/access%20denied", TRAVIS_UNAUTHORIZED },
		{ "/answer/403/%7B%22error_type%22%3A%22login_required%22%7D",
			TRAVIS_UNAUTHORIZED },
		{ "/answer/403/%7B%22error_type%22%3A%22insufficient_access%22%7D",
			TRAVIS_FORBIDDEN },
		{ "/answer/403/%7B%22error_type%22%3A%22error%22%7D", TRAVIS_FORBIDDEN },
		{ "/answer/403/Forbidden", TRAVIS_LIMITED },
		{ "/answer/404/%7B%22error_type%22%3A%22not_found%22%7D", TRAVIS_NOT_FOUND },
		{ "/answer/429/Retry%20later", TRAVIS_LIMITED },
		{ "/answer/406/%7B%22error_type%22%3A%22repository_inactive%22%7D",
			TRAVIS_REFUSED },
		{ "/answer/409/%7B%22error_type%22%3A%22build_already_running%22%7D",
			TRAVIS_REFUSED },
		{ "/redirect", TRAVIS_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(call(row[i].path, (struct span){ 0 }).answer, row[i].answer, "%s",
			row[i].path);
}

Test(travis_api, repeats_nothing_of_what_answers_a_secret)
{
	const struct travis_api_conf conf = { server.url, 5000, 4 };
	struct travis_api *api = travis_api_new(http, &conf);
	struct secret *token = secret_new("s3cret-token", 12), *body = secret_new("hunter2", 7);
	struct travis_api_call *under_way;
	struct heard h = { 0 };

	cr_assert_eq(
		travis_api_send_secret(api, "POST", "/echo", token, body, on_reply, &h, &under_way),
		ERR_OK);
	secret_free(token);
	secret_free(body);
	loop_run_until(loop, &h.done);
	cr_assert_str_eq(h.why, "200");
	h = last_request();
	cr_expect_not_null(strstr(h.body, "POST /echo "), "%s", h.body);
	cr_expect_not_null(strstr(h.body, "\r\n\r\nhunter2"), "%s", h.body);
	travis_api_free(api);
}

Test(travis_api, says_how_long_to_wait)
{
	cr_expect_eq(call("/retry/7", (struct span){ 0 }).wait_ms, 7000);
	cr_expect_eq(call("/answer/429/Retry%20later", (struct span){ 0 }).wait_ms, 60000);
	cr_expect_eq(call("/answer/403/Forbidden", (struct span){ 0 }).wait_ms, 3600000);
}

Test(travis_api, tells_the_operator_why_without_control_characters)
{
	struct heard h = call("/answer/406/%7B%22error_type%22%3A%22repository_inactive%22,"
			      "%22error_message%22%3A%22Inactive.%22%7D",
		(struct span){ 0 });

	cr_expect_str_eq(h.why, "406 repository_inactive: Inactive.");
	h = call("/answer/403/a%0Ab%1B[2J", (struct span){ 0 });
	cr_expect_str_eq(h.why, "403: a b [2J");
	h = call("/answer/200/%7B%7D", (struct span){ 0 });
	cr_expect_str_eq(h.why, "");
}

Test(travis_api, a_repository_is_one_segment_of_a_path)
{
	CLEANUP(buf_release) struct buf path;

	buf_init(&path, 256);
	cr_assert_eq(travis_path_repo(SPAN("acme/parcel api"), "/requests", &path), ERR_OK);
	cr_expect_str_eq(path.data, "/repo/acme%2Fparcel%20api/requests");
}

static struct json_value json(const char *text)
{
	cr_assert_eq(json_gate(span_of(text), NULL, NULL), ERR_OK, "%s", text);
	return json_root(span_of(text));
}

Test(travis_api, reads_the_answer_to_a_request)
{
	struct travis_request r;

	cr_assert_eq(
		travis_request_read(json("{\"@type\":\"pending\",\"remaining_requests\":10,"
					 "\"repository\":{\"id\":7,\"slug\":\"acme/parcel-api\"},"
					 "\"request\":{\"repository\":{\"id\":99},\"id\":205729,"
					 "\"branch\":\"main\"},\"resource_type\":\"request\"}"),
			&r),
		ERR_OK);
	cr_expect_eq(r.id, 205729);
	cr_expect_eq(r.state, TRAVIS_REQUEST_PENDING);
	cr_expect(span_is(r.slug, "acme/parcel-api"));
	cr_expect_eq(r.builds, 0);
}

Test(travis_api, a_request_with_a_build_is_approved_whatever_its_result_says)
{
	const struct {
		const char *text;
		enum travis_request_state state;
	} row[] = {
		{ "{\"id\":1,\"state\":\"pending\",\"result\":null,\"builds\":[]}",
			TRAVIS_REQUEST_PENDING },
		{ "{\"id\":1,\"state\":\"finished\",\"result\":null,\"builds\":[{\"id\":5}]}",
			TRAVIS_REQUEST_APPROVED },
		{ "{\"id\":1,\"state\":\"finished\",\"result\":\"approved\",\"builds\":[]}",
			TRAVIS_REQUEST_APPROVED },
		{ "{\"id\":1,\"state\":\"finished\",\"result\":\"rejected\"}",
			TRAVIS_REQUEST_REJECTED },
	};
	struct travis_request r;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cr_assert_eq(travis_request_read(json(row[i].text), &r), ERR_OK);
		cr_expect_eq(r.state, row[i].state, "%s", row[i].text);
	}
	cr_expect_eq(travis_request_read(json("{\"id\":null}"), &r), ERR_PARSE);
	cr_expect_eq(travis_request_read(json("{\"id\":-1}"), &r), ERR_PARSE);
	cr_expect_eq(travis_request_read(json("[]"), &r), ERR_PARSE);
}

Test(travis_api, reads_whose_build_it_is)
{
	struct travis_build b;

	cr_assert_eq(travis_build_read(json("{\"@type\":\"build\",\"id\":42,\"number\":\"17\","
					    "\"state\":\"started\",\"repository\":{\"id\":7,"
					    "\"slug\":\"acme/parcel-api\"},"
					    "\"branch\":{\"name\":\"main\"}}"),
			     &b),
		ERR_OK);
	cr_expect_eq(b.id, 42);
	cr_expect(span_is(b.slug, "acme/parcel-api"));
	cr_expect(span_is(b.branch, "main"));
	cr_expect(span_is(b.state, "started"));
	cr_expect_eq(travis_build_read(json("{\"id\":\"42\"}"), &b), ERR_PARSE);
}
