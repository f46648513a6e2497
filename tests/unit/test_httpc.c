/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/egress.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "standin.h"

#define ANSWER_MAX 65536

static struct standin server;
static struct loop *loop;
static struct httpc *http;

/* What a callback heard. */
struct heard {
	unsigned calls;
	bool done;
	enum httpc_result result;
	int status;
	int64_t retry_after_ms;
	char body[8192], content_type[64];
	char field[64];
	int http_version;
	size_t body_len;
	bool has_error;
};

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

TestSuite(httpc, .init = setup, .fini = teardown, .timeout = 30);

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct heard *h = ctx;

	h->calls++;
	h->done = true;
	h->result = a->result;
	h->status = a->status;
	h->retry_after_ms = a->retry_after_ms;
	h->body_len = a->body.n;
	h->has_error = a->error != NULL;
	h->http_version = a->http_version;
	snprintf(h->field, sizeof(h->field), "%.*s",
		SPAN_ARGS(httpc_answer_field(a, "retry-after")));
	snprintf(h->body, sizeof(h->body), "%.*s", SPAN_ARGS(a->body));
	snprintf(h->content_type, sizeof(h->content_type), "%.*s", SPAN_ARGS(a->content_type));
	loop_stop(loop);
}

static const char *url_of(const char *path)
{
	static char url[512];

	snprintf(url, sizeof(url), "%s%s", server.url, path);
	return url;
}

static struct httpc_request get(const char *path)
{
	return (struct httpc_request){
		.url = url_of(path),
		.timeout_ms = 10000,
		.answer_max = ANSWER_MAX,
	};
}

static struct httpc_call *send_request(const struct httpc_request *req, struct heard *h)
{
	struct httpc_call *call;

	*h = (struct heard){ 0 };
	cr_assert_eq(httpc_send(http, req, on_answer, h, &call), ERR_OK);
	cr_assert_eq(h->calls, 0, "on_answer ran inside httpc_send()");
	return call;
}

static struct heard ask(const struct httpc_request *req)
{
	static struct heard h;

	send_request(req, &h);
	loop_run_until(loop, &h.done);
	cr_assert_eq(h.calls, 1);
	return h;
}

static struct heard ask_path(const char *path)
{
	struct httpc_request req = get(path);

	return ask(&req);
}

/* A number out of the stand-in's own count. */
static int stat_of(const char *name)
{
	struct heard h = ask_path("/stats");
	const char *at = strstr(h.body, name);

	cr_assert_not_null(at, "%s", h.body);
	return atoi(at + strlen(name) + 2);
}

Test(httpc, gives_status_body_and_content_type)
{
	struct heard h = ask_path("/status/404");

	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_eq(h.status, 404);
	cr_assert_str_eq(h.body, "status");
	cr_assert_str_eq(h.content_type, "text/plain; charset=utf-8");
	cr_assert_eq(h.retry_after_ms, -1);
	cr_assert_not(h.has_error);
}

Test(httpc, an_answer_without_body_or_content_type_is_empty)
{
	struct heard h = ask_path("/status/204");

	cr_assert_eq(h.status, 204);
	cr_assert_eq(h.body_len, 0);
	h = ask_path("/big");
	cr_assert_str_empty(h.content_type);
}

Test(httpc, sends_method_fields_bearer_and_body_and_nothing_unasked)
{
	const char *fields[] = { "Content-Type: application/json", "X-Test: yes", NULL };
	struct httpc_request req = get("/echo");
	struct heard h;

	req.method = "PUT";
	req.fields = fields;
	req.bearer = "top.secret-token";
	req.body = SPAN("{\"a\":1}");
	h = ask(&req);
	cr_assert(strncmp(h.body, "PUT /echo HTTP/1.1\r\n", 20) == 0, "%s", h.body);
	cr_assert_not_null(strstr(h.body, "\r\nContent-Type: application/json\r\n"));
	cr_assert_not_null(strstr(h.body, "\r\nX-Test: yes\r\n"));
	cr_assert_not_null(strstr(h.body, "\r\nAuthorization: Bearer top.secret-token\r\n"));
	cr_assert_not_null(strstr(h.body, "\r\nContent-Length: 7\r\n"));
	cr_assert_not_null(strstr(h.body, "\r\n\r\n{\"a\":1}"));
	cr_assert_null(strstr(h.body, "Expect"));
	cr_assert_null(strstr(h.body, "Accept-Encoding"));
}

Test(httpc, the_next_request_inherits_nothing_from_the_last)
{
	const char *fields[] = { "X-Test: yes", NULL };
	struct httpc_request req = get("/echo");
	struct heard h;

	req.method = "DELETE";
	req.fields = fields;
	req.bearer = "secret";
	req.body = SPAN("body");
	h = ask(&req);
	cr_assert(strncmp(h.body, "DELETE ", 7) == 0, "%s", h.body);
	h = ask_path("/echo");
	cr_assert(strncmp(h.body, "GET ", 4) == 0, "%s", h.body);
	cr_assert_null(strstr(h.body, "secret"));
	cr_assert_null(strstr(h.body, "X-Test"));
	cr_assert_null(strstr(h.body, "Content-"));
}

Test(httpc, a_method_with_no_body_says_so_where_one_is_expected)
{
	struct httpc_request req = get("/echo");
	struct heard h;

	req.method = "POST";
	h = ask(&req);
	cr_assert(strncmp(h.body, "POST ", 5) == 0);
	cr_assert_not_null(strstr(h.body, "\r\nContent-Length: 0\r\n"));
	cr_assert_null(strstr(h.body, "Content-Type"));
	req.method = "DELETE";
	h = ask(&req);
	cr_assert(strncmp(h.body, "DELETE ", 7) == 0);
	cr_assert_null(strstr(h.body, "Content-Length"));
}

Test(httpc, sends_a_body_of_megabytes_whole)
{
	CLEANUP(buf_release) struct buf body;
	struct httpc_request req = get("/echo");
	struct heard h;

	buf_init(&body, 4 << 20);
	while (body.len < 3 << 20)
		cr_assert_eq(buf_add_str(&body, "0123456789abcdef"), ERR_OK);
	req.body = buf_span(&body);
	req.answer_max = 4 << 20;
	h = ask(&req);
	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_gt(h.body_len, body.len);
}

Test(httpc, copies_the_request)
{
	CLEANUP(freep) char *url = xstrdup(url_of("/echo"));
	char body[] = "kept";
	struct httpc_request req = get("/echo");
	struct heard h;

	req.url = url;
	req.body = span_of(body);
	send_request(&req, &h);
	memset(url, 'x', strlen(url));
	memset(body, 'x', sizeof(body) - 1);
	loop_run_until(loop, &h.done);
	cr_assert_not_null(strstr(h.body, "\r\n\r\nkept"));
}

struct refusal {
	const char *why;
	struct httpc_request req;
};

Test(httpc, refuses_what_is_no_request)
{
	static const char *const cut[] = { "X: a\r\nY: b", NULL };
	static const char *const nameless[] = { ": a", NULL };
	static const char *const spaced[] = { "X Y: a", NULL };
	static const char *const empty[] = { "X-Empty: ", NULL };
	const struct refusal table[] = {
		{ "no url", { .url = NULL } },
		{ "no scheme", { .url = "127.0.0.1/" } },
		{ "file", { .url = "file:///etc/passwd" } },
		{ "gopher", { .url = "gopher://127.0.0.1/" } },
		{ "credentials", { .url = "http://me:secret@127.0.0.1/" } },
		{ "line end in url", { .url = "http://127.0.0.1/\r\nX: a" } },
		{ "space in url", { .url = "http://127.0.0.1/a b" } },
		{ "line end in field", { .url = "http://127.0.0.1/", .fields = cut } },
		{ "no field name", { .url = "http://127.0.0.1/", .fields = nameless } },
		{ "space in field name", { .url = "http://127.0.0.1/", .fields = spaced } },
		{ "no field value", { .url = "http://127.0.0.1/", .fields = empty } },
		{ "line end in bearer", { .url = "http://127.0.0.1/", .bearer = "a\r\nX: b" } },
		{ "empty bearer", { .url = "http://127.0.0.1/", .bearer = "" } },
		{ "lower-case method", { .url = "http://127.0.0.1/", .method = "get" } },
		{ "two words of method", { .url = "http://127.0.0.1/", .method = "GET X" } },
	};
	struct heard h = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct httpc_request req = table[i].req;

		req.timeout_ms = 1000;
		cr_expect_eq(
			httpc_send(http, &req, on_answer, &h, NULL), ERR_PARSE, "%s", table[i].why);
	}
	cr_assert_eq(h.calls, 0);
}

Test(httpc, follows_no_redirect)
{
	struct heard h = ask_path("/redirect");

	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_eq(h.status, 302);
}

Test(httpc, uses_no_proxy_from_the_environment)
{
	struct heard h;

	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	h = ask_path("/status/200");
	cr_assert_eq(h.status, 200);
}

Test(httpc, reads_retry_after_in_seconds_or_as_a_date)
{
	struct heard h = ask_path("/retry/7");

	cr_assert_eq(h.status, 429);
	cr_assert_eq(h.retry_after_ms, 7000);
	h = ask_path("/retry/in-3600");
	cr_assert_geq(h.retry_after_ms, 3590 * 1000);
	cr_assert_leq(h.retry_after_ms, 3600 * 1000);
	h = ask_path("/retry/Sun,%2006%20Nov%201994%2008:49:37%20GMT");
	cr_assert_eq(h.retry_after_ms, 0);
	h = ask_path("/retry/soon");
	cr_assert_eq(h.retry_after_ms, -1);
	h = ask_path("/retry/99999999999999999999");
	cr_assert_eq(h.retry_after_ms, (int64_t)INT32_MAX * 1000);
}

Test(httpc, reads_an_answer_in_chunks)
{
	struct heard h = ask_path("/chunked");

	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_str_eq(h.body, "partsparts");
}

Test(httpc, stops_an_answer_that_is_too_large)
{
	struct heard h = ask_path("/big");

	cr_assert_eq(h.result, HTTPC_TOO_LARGE);
	cr_assert_eq(h.status, 200);
	cr_assert(h.has_error);
	h = ask_path("/chunked-big");
	cr_assert_eq(h.result, HTTPC_TOO_LARGE);
	cr_assert_leq(h.body_len, ANSWER_MAX);
}

Test(httpc, inflates_nothing)
{
	struct heard h = ask_path("/gzip");

	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_lt(h.body_len, 11000);
	cr_assert_eq((unsigned char)h.body[0], 0x1f);
}

Test(httpc, tells_how_it_failed)
{
	static const struct {
		const char *path;
		enum httpc_result result;
		int status;
	} table[] = {
		{ "/reset", HTTPC_UNREACHABLE, 0 },
		{ "/half", HTTPC_BROKEN, 200 },
		{ "/garbage", HTTPC_BROKEN, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct heard h = ask_path(table[i].path);

		cr_expect_eq(h.result, table[i].result, "%s: %s", table[i].path,
			httpc_result_str(h.result));
		cr_expect_eq(h.status, table[i].status, "%s: %d", table[i].path, h.status);
		cr_expect(h.has_error);
	}
}

Test(httpc, a_port_where_nobody_listens_is_unreachable)
{
	struct httpc_request req = get("");
	struct heard h;

	req.url = "http://127.0.0.1:1/";
	h = ask(&req);
	cr_assert_eq(h.result, HTTPC_UNREACHABLE);
	cr_assert_eq(h.status, 0);
}

Test(httpc, tls_to_a_server_without_it_is_a_tls_failure)
{
	struct httpc_request req = get("");
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/garbage", server.port);
	req.url = url;
	cr_assert_eq(ask(&req).result, HTTPC_TLS);
}

Test(httpc, the_timeout_is_for_all_of_it)
{
	struct httpc_request req = get("/slow");

	req.timeout_ms = 100;
	cr_assert_eq(ask(&req).result, HTTPC_TIMEOUT);
	req.url = url_of("/drip");
	cr_assert_eq(ask(&req).result, HTTPC_TIMEOUT);
}

Test(httpc, keeps_its_connection_open)
{
	for (int i = 0; i < 20; i++)
		cr_assert_eq(ask_path("/status/200").status, 200);
	cr_assert_eq(stat_of("\"connections\""), 1);
}

Test(httpc, asks_again_where_the_server_had_closed_the_kept_connection)
{
	struct httpc_request req = get("/close-second");

	req.body = SPAN("x");
	cr_assert_eq(ask(&req).status, 200);
	cr_assert_eq(ask(&req).status, 200);
	cr_assert_eq(stat_of("\"connections\""), 2);
}

Test(httpc, opens_no_more_connections_to_a_host_than_allowed)
{
	struct httpc_request req = get("/status/200");
	struct heard h[30];

	req.host_connections_max = 3;
	for (size_t i = 0; i < ARRAY_SIZE(h); i++)
		send_request(&req, &h[i]);
	for (size_t i = 0; i < ARRAY_SIZE(h); i++) {
		loop_run_until(loop, &h[i].done);
		cr_assert_eq(h[i].status, 200);
		cr_assert_eq(h[i].calls, 1);
	}
	cr_assert_eq(stat_of("\"connections\""), 3);
}

Test(httpc, the_timeout_counts_while_waiting_for_a_connection)
{
	struct httpc_request req = get("/hold");
	struct heard held, waiting;
	struct httpc_call *call;

	req.host_connections_max = 1;
	call = send_request(&req, &held);
	req.url = url_of("/status/200");
	req.timeout_ms = 100;
	send_request(&req, &waiting);
	loop_run_until(loop, &waiting.done);
	cr_assert_eq(waiting.result, HTTPC_TIMEOUT);
	cr_assert_eq(held.calls, 0);
	httpc_cancel(call);
}

Test(httpc, a_cancelled_call_is_silent_and_makes_room)
{
	struct httpc_request req = get("/hold");
	struct heard first, second, third;
	struct httpc_call *active, *queued;

	req.host_connections_max = 1;
	active = send_request(&req, &first);
	queued = send_request(&req, &second);
	req.url = url_of("/status/200");
	send_request(&req, &third);
	httpc_cancel(queued);
	httpc_cancel(active);
	loop_run_until(loop, &third.done);
	cr_assert_eq(third.status, 200);
	ask_path("/release");
	cr_assert_eq(first.calls, 0);
	cr_assert_eq(second.calls, 0);
}

struct chain {
	struct heard heard;
	struct httpc_call *other;
	int left;
};

static void on_chain(void *ctx, const struct httpc_answer *a)
{
	struct chain *chain = ctx;
	struct httpc_request req = get("/status/200");

	cr_assert_eq(a->status, 200);
	if (chain->other != NULL)
		httpc_cancel(TAKE(chain->other));
	if (chain->left-- > 0) {
		cr_assert_eq(httpc_send(http, &req, on_chain, chain, NULL), ERR_OK);
		return;
	}
	on_answer(&chain->heard, a);
}

Test(httpc, a_callback_may_send_and_cancel)
{
	struct chain chain = { .left = 5 };
	struct httpc_request req = get("/slow");
	struct heard other;

	chain.other = send_request(&req, &other);
	req.url = url_of("/status/200");
	cr_assert_eq(httpc_send(http, &req, on_chain, &chain, NULL), ERR_OK);
	loop_run_until(loop, &chain.heard.done);
	cr_assert_eq(other.calls, 0);
}

Test(httpc, closing_ends_every_call_as_cancelled)
{
	struct httpc_request req = get("/slow");
	struct heard active, queued;

	req.host_connections_max = 1;
	send_request(&req, &active);
	send_request(&req, &queued);
	httpc_free(TAKE(http));
	cr_assert_eq(active.calls, 1);
	cr_assert_eq(active.result, HTTPC_CANCELLED);
	cr_assert_eq(queued.calls, 1);
	cr_assert_eq(queued.result, HTTPC_CANCELLED);
}

Test(httpc, reaches_a_unix_socket)
{
	struct httpc_request req = get("/status/201");
	struct heard h;

	req.url = "http://relay/status/201";
	req.unix_socket = server.unix_path;
	h = ask(&req);
	cr_assert_eq(h.result, HTTPC_ANSWERED);
	cr_assert_eq(h.status, 201);
	/* And the next call goes by TCP again. */
	cr_assert_eq(ask_path("/status/202").status, 202);
}

Test(httpc, gives_the_fields_that_are_asked_for)
{
	struct heard h = ask_path("/retry/17");

	cr_assert_str_eq(h.field, "17");
	cr_assert_eq(h.http_version, 11);
	cr_assert_str_empty(ask_path("/status/200").field);
}

/* --- the egress guard --- */

static struct egress_rule rule_of(const char *network, int port)
{
	struct egress_rule r;
	char text[64];

	snprintf(text, sizeof(text), "%s:%d", network, port);
	cr_assert_eq(egress_rule_parse(span_of(text), &r), ERR_OK);
	return r;
}

static struct heard ask_guarded(const char *url, const struct httpc_guard *guard)
{
	struct httpc_request req = get("/");

	req.url = url;
	req.guard = guard;
	return ask(&req);
}

/* What may be written for this host: as name, and in the ways of inet_aton(3). */
static const char *const this_host[] = {
	"127.0.0.1",
	"localhost",
	"LocalHost",
	"127.1",
	"2130706433",
	"0x7f000001",
	"0177.0.0.1",
	"0x7f.1",
	"017700000001",
	"127.0.1",
	"0",
	"0.0.0.0",
	"[::1]",
	"[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]",
	"[::127.0.0.1]",
	"[::]",
};

Test(httpc, the_guard_keeps_every_spelling_of_this_host_from_being_contacted)
{
	const struct httpc_guard guard = { 0 };
	char url[128];

	for (size_t i = 0; i < ARRAY_SIZE(this_host); i++) {
		struct heard h;

		snprintf(url, sizeof(url), "http://%s:%d/status/200", this_host[i], server.port);
		h = ask_guarded(url, &guard);
		cr_expect_eq(h.result, HTTPC_FORBIDDEN, "%s: %s", url, httpc_result_str(h.result));
		cr_expect(h.has_error);
	}
	/* The one that asks. */
	cr_assert_eq(stat_of("connections"), 1);
}

Test(httpc, the_guard_lets_pass_network_and_port_that_a_rule_names)
{
	const struct egress_rule right = rule_of("127.0.0.0/8", server.port);
	const struct egress_rule wrong = rule_of("127.0.0.0/8", server.port + 1);
	const struct httpc_guard open = { &right, 1 }, closed = { &wrong, 1 };

	cr_assert_eq(ask_guarded(url_of("/status/200"), &closed).result, HTTPC_FORBIDDEN);
	cr_assert_eq(ask_guarded(url_of("/status/200"), &open).result, HTTPC_ANSWERED);
}

Test(httpc, the_guard_is_asked_for_a_connection_that_another_call_left_open)
{
	const struct httpc_guard guard = { 0 };

	cr_assert_eq(ask_path("/status/200").result, HTTPC_ANSWERED);
	cr_assert_eq(ask_guarded(url_of("/status/200"), &guard).result, HTTPC_FORBIDDEN);
	cr_assert_eq(ask_path("/status/200").result, HTTPC_ANSWERED);
	/* The third is the one that asks. */
	cr_assert_eq(stat_of("requests"), 3);
}

Test(httpc, a_guarded_call_does_not_go_to_a_unix_socket)
{
	const struct httpc_guard guard = { 0 };
	struct httpc_request req = get("/status/201");

	req.url = "http://relay/status/201";
	req.unix_socket = server.unix_path;
	req.guard = &guard;
	cr_assert_eq(ask(&req).result, HTTPC_FORBIDDEN);
}
