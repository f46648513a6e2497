/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real front on real sockets: it runs on a thread of its own, the test is
 * its client. What must happen on the loop is handed over with on_loop().
 */
#include "io/httpd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/loop.h"
#include "io/tls.h"

#define HELD_MAX   8
#define PATIENCE_S 10 /* for what must happen; nothing waits that long unless it fails */

static const struct httpd_limits usual = {
	.head_max = 2048,
	.uri_max = 200,
	.fields_max = 20,
	.request_ms = 20000,
	.body_ms_per_mib = 1000,
	.idle_ms = 20000,
	.requests_max = 100,
	.connections_max = 50,
	.connections_per_address = 40,
	.inflight_max = 1 << 20,
	.output_pause = 65536,
	.streams_max = 2,
};

static struct site {
	struct loop *l;
	struct httpd *h;
	pthread_t thread;
	int ours, theirs; /* of the socket pair that carries calls */
	struct loop_watch *calls;
	struct httpd_req *held[HELD_MAX];
	size_t held_n, held_seen;
	struct httpd_stream *stream;
	int64_t beat_ms;
	size_t streams_gone, gone_seen;
	struct httpd_limits limits;
	struct httpd_stats stats;
	struct tls_server *tls;
	int answer; /* status of what was held */
	bool busy;
	char path[64];
	char dir[64];
} site;

static void on_call(void *ctx, unsigned ready)
{
	void (*call)(void);

	(void)ctx;
	(void)ready;
	cr_assert_eq(read(site.theirs, &call, sizeof(call)), (ssize_t)sizeof(call));
	call();
	cr_assert_eq(write(site.theirs, "", 1), 1);
}

/* Run call on the loop and wait until it has returned. */
static void on_loop(void (*call)(void))
{
	char done;

	cr_assert_eq(write(site.ours, &call, sizeof(call)), (ssize_t)sizeof(call));
	cr_assert_eq(read(site.ours, &done, 1), 1);
}

static void reply_text(struct httpd_req *req, int status, struct span text)
{
	httpd_reply(req, &(struct httpd_answer){
				 .status = status,
				 .content_type = text.n > 0 ? "text/plain" : NULL,
				 .body = text,
			 });
}

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	(void)ctx;
	if (span_is(httpd_req_path(req), "/refuse")) {
		httpd_reply_problem(req, &(struct httpd_problem){
						 .status = 401,
						 .type = "signature-missing",
						 .detail = "No \"Signature\".",
						 .fields = "WWW-Authenticate: Test\r\n",
					 });
		return (struct httpd_verdict){ .refused = true };
	}
	return (struct httpd_verdict){ .body_max = 700000 };
}

static void reply_big(struct httpd_req *req)
{
	static char big[100000];

	memset(big, 'b', sizeof(big));
	reply_text(req, 200, (struct span){ big, sizeof(big) });
}

static void reply_echo(struct httpd_req *req)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1 << 20);
	cr_assert_eq(buf_addf(&text, "%s %.*s?%.*s from %s uid %d: ",
			     httpd_req_is_post(req) ? "POST" : "GET",
			     SPAN_ARGS(httpd_req_path(req)), SPAN_ARGS(httpd_req_query(req)),
			     httpd_req_peer(req), (int)httpd_req_peer_uid(req)),
		ERR_OK);
	cr_assert_eq(buf_add_span(&text, httpd_req_body(req)), ERR_OK);
	reply_text(req, 200, buf_span(&text));
}

static void on_gone(void *ctx)
{
	struct httpd_stream **stream = ctx;

	cr_assert_neq(*stream, NULL);
	*stream = NULL;
	site.streams_gone++;
}

/* The first one is kept at hand. */
static void begin_stream(struct httpd_req *req)
{
	static struct httpd_stream *other;
	struct httpd_stream **stream = site.stream == NULL ? &site.stream : &other;
	const struct httpd_stream_conf conf = {
		.content_type = "text/event-stream",
		.fields = "Cache-Control: no-store\r\n",
		.beat = SPAN(":\n\n"),
		.beat_ms = site.beat_ms,
		.unsent_max = 32768,
		.on_gone = on_gone,
		.ctx = stream,
	};
	struct httpd_stream *s = httpd_stream_begin(req, &conf);

	if (s != NULL)
		*stream = s;
}

static void on_request(void *ctx, struct httpd_req *req)
{
	struct span path = httpd_req_path(req);

	(void)ctx;
	if (span_is(path, "/hold"))
		site.held[site.held_n++] = req;
	else if (span_is(path, "/big"))
		reply_big(req);
	else if (span_is(path, "/stream"))
		begin_stream(req);
	else if (span_is(path, "/304"))
		reply_text(req, 304, SPAN(""));
	else if (span_is(path, "/302"))
		reply_text(req, 302, SPAN(""));
	else if (span_is(path, "/204"))
		reply_text(req, 204, SPAN(""));
	else
		reply_echo(req);
}

static void release_held(void)
{
	for (size_t i = 0; i < site.held_n; i++)
		reply_text(site.held[i], site.answer, SPAN("held"));
	site.held_n = 0;
}

static void take_stats(void)
{
	site.stats = httpd_stats(site.h);
	site.busy = httpd_is_busy(site.h);
	site.held_seen = site.held_n;
	site.gone_seen = site.streams_gone;
}

static void drain(void)
{
	httpd_drain(site.h);
}

static void set_limits(void)
{
	httpd_set_limits(site.h, &site.limits);
}

static void stop(void)
{
	loop_stop(site.l);
}

static void *run(void *ctx)
{
	(void)ctx;
	cr_assert_eq(loop_run(site.l), ERR_OK);
	return NULL;
}

static enum err listen_at(const char *address, char **why)
{
	struct httpd_listen conf = {
		.address = address,
		.mode = 0640,
		.tls = site.tls,
		.handler = { .on_head = on_head, .on_request = on_request },
	};

	return httpd_listen(site.h, &conf, why);
}

static void open_site(const char *address, struct httpd_limits limits)
{
	CLEANUP(freep) char *why = NULL;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	site.ours = pair[0];
	site.theirs = pair[1];
	site.l = loop_new();
	site.limits = limits;
	site.answer = 200;
	site.beat_ms = 20000;
	site.h = httpd_new(site.l, &limits);
	site.calls = loop_watch_new(site.l, site.theirs, LOOP_READ, on_call, NULL);
	cr_assert_eq(listen_at(address, &why), ERR_OK, "%s", why);
	cr_assert_eq(pthread_create(&site.thread, NULL, run, NULL), 0);
}

static void close_site(void)
{
	if (site.l == NULL)
		return;
	on_loop(stop);
	pthread_join(site.thread, NULL);
	httpd_free(TAKE(site.h));
	tls_server_free(site.tls);
	loop_watch_free(site.calls);
	loop_free(TAKE(site.l));
	close(site.ours);
	close(site.theirs);
	if (site.path[0] != '\0')
		IGNORE(unlink(site.path) != 0);
}

/* Ask again and again, within bounds, until the statistics are as wanted. */
static void wait_for(bool (*wanted)(void), const char *what)
{
	int64_t until = clock_mono().ms + PATIENCE_S * 1000;

	do {
		on_loop(take_stats);
		if (wanted())
			return;
		poll(NULL, 0, 2);
	} while (clock_mono().ms < until);
	cr_assert_fail("in vain for: %s", what);
}

static bool one_is_held(void)
{
	return site.held_seen == 1;
}

static bool nobody_is_connected(void)
{
	return site.stats.connections == 0;
}

static struct sockaddr_in tcp_address(void)
{
	const char *address = httpd_address(site.h, 0);

	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1)),
	};
}

static int patient(int fd)
{
	struct timeval wait = { .tv_sec = PATIENCE_S };

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	return fd;
}

static int dial(void)
{
	struct sockaddr_in at = tcp_address();
	int fd = patient(socket(AF_INET, SOCK_STREAM, 0));

	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
	return fd;
}

static void say(int fd, const char *text)
{
	size_t n = strlen(text);

	cr_assert_eq(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n, "%s", strerror(errno));
}

/* Everything until the end, or until n bytes are there. free(3) it. */
static char *hear(int fd, size_t n)
{
	struct buf text;
	ssize_t got;

	buf_init(&text, 64 << 20);
	while (text.len < n) {
		size_t room = n - text.len < 65536 ? n - text.len : 65536;
		char *at = buf_room(&text, room);

		got = recv(fd, at, room, 0);
		cr_assert_geq(got, 0, "%s after %s", strerror(errno), text.data);
		if (got == 0)
			break;
		text.len += (size_t)got;
		text.data[text.len] = '\0';
	}
	return buf_detach(&text);
}

static char *hear_all(int fd)
{
	return hear(fd, 64 << 20);
}

/* One answer, head and body. free(3) it. */
static char *hear_answer(int fd)
{
	struct buf text;
	const char *length;

	buf_init(&text, 1 << 20);
	while (text.len < 4 || memcmp(text.data + text.len - 4, "\r\n\r\n", 4) != 0) {
		CLEANUP(freep) char *byte = hear(fd, 1);

		cr_assert_eq(buf_add_str(&text, byte), ERR_OK);
		cr_assert_neq(byte[0], '\0', "the end, after %s", text.data);
	}
	length = strstr(text.data, "Content-Length: ");
	if (length != NULL) {
		CLEANUP(freep) char *body = hear(fd, (size_t)atol(length + 16));

		cr_assert_eq(buf_add_str(&text, body), ERR_OK);
	}
	return buf_detach(&text);
}

static void expect_answer(int fd, const char *part)
{
	CLEANUP(freep) char *answer = hear_answer(fd);

	cr_assert_neq(strstr(answer, part), NULL, "no %s in %s", part, answer);
}

/* The peer has closed, in whatever way. */
static void expect_end(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	cr_assert(got == 0 || (got < 0 && errno == ECONNRESET), "%zd, %s", got, strerror(errno));
	close(fd);
}

#define H         "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"

TestSuite(httpd, .fini = close_site, .timeout = 60);

Test(httpd, answers_in_the_order_of_the_requests)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/a?x=1") "POST /b HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi" GET("/c"));
	expect_answer(fd, "GET /a?x=1 from 127.0.0.1 uid -1: ");
	expect_answer(fd, "POST /b? from 127.0.0.1 uid -1: hi");
	expect_answer(fd, "GET /c?");
	close(fd);
}

Test(httpd, reads_no_request_before_the_one_ahead_is_answered)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/hold") GET("/hold") GET("/c"));
	wait_for(one_is_held, "the first request");
	cr_assert_eq(site.stats.requests, 1);
	on_loop(release_held);
	expect_answer(fd, "held");
	wait_for(one_is_held, "the second request");
	on_loop(release_held);
	expect_answer(fd, "held");
	expect_answer(fd, "GET /c");
	close(fd);
}

Test(httpd, puts_a_body_together_from_single_bytes)
{
	static const char request[] =
		"POST /x HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		cr_assert_eq(send(fd, request + i, 1, 0), 1);
	expect_answer(fd, ": abc");
	close(fd);
}

Test(httpd, describes_a_refusal_as_problem_json)
{
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/refuse"));
	answer = hear_all(fd);
	cr_assert_str_eq(answer, "HTTP/1.1 401 Unauthorized\r\n"
				 "Content-Type: application/problem+json\r\n"
				 "Content-Length: 120\r\n"
				 "Connection: close\r\n"
				 "WWW-Authenticate: Test\r\n\r\n"
				 "{\"type\":\"urn:stagewire:problem:signature-missing\","
				 "\"title\":\"Signature missing\",\"status\":401,\"detail\":\"No "
				 "\\\"Signature\\\".\"}");
	close(fd);
}

Test(httpd, runs_nothing_that_follows_a_malformed_request)
{
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "POST /a HTTP/1.1\r\n" H
		"Content-Length: 0\r\nContent-Length: 35\r\n\r\n" GET("/b"));
	answer = hear_all(fd);
	cr_assert_neq(strstr(answer, "HTTP/1.1 400 Bad Request\r\n"), NULL);
	cr_assert_neq(strstr(answer, "urn:stagewire:problem:request-malformed"), NULL);
	cr_assert_eq(strstr(answer + 1, "HTTP/1.1 "), NULL, "a second answer: %s", answer);
	on_loop(take_stats);
	cr_assert_eq(site.stats.requests, 0);
	cr_assert_eq(site.stats.bad_requests, 1);
	close(fd);
}

Test(httpd, runs_nothing_that_follows_a_refused_head)
{
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "POST /refuse HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" GET("/b"));
	answer = hear_all(fd);
	cr_assert_neq(strstr(answer, "401"), NULL);
	cr_assert_eq(strstr(answer + 1, "HTTP/1.1 "), NULL, "a second answer: %s", answer);
	close(fd);
}

Test(httpd, closes_for_http_1_0_and_on_request)
{
	CLEANUP(freep) char *old = NULL;
	CLEANUP(freep) char *asked = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "GET /a HTTP/1.0\r\n\r\n");
	old = hear_all(fd);
	cr_assert_neq(strstr(old, "Connection: close\r\n"), NULL);
	close(fd);
	fd = dial();
	say(fd, "GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	asked = hear_all(fd);
	cr_assert_neq(strstr(asked, "Connection: close\r\n"), NULL);
	close(fd);
}

Test(httpd, closes_after_so_many_requests)
{
	struct httpd_limits limits = usual;
	int fd;

	limits.requests_max = 2;
	open_site("127.0.0.1:0", limits);
	fd = dial();
	say(fd, GET("/a") GET("/b") GET("/c"));
	expect_answer(fd, "GET /a");
	expect_answer(fd, "Connection: close");
	expect_end(fd);
}

Test(httpd, sends_a_204_without_length)
{
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/204"));
	answer = hear_answer(fd);
	cr_assert_str_eq(answer, "HTTP/1.1 204 No Content\r\n\r\n");
	say(fd, GET("/a"));
	expect_answer(fd, "GET /a");
	close(fd);
}

Test(httpd, sends_a_304_without_length)
{
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/304") GET("/c"));
	answer = hear(fd, strlen("HTTP/1.1 304 Not Modified\r\n\r\n"));
	cr_assert_str_eq(answer, "HTTP/1.1 304 Not Modified\r\n\r\n");
	expect_answer(fd, "GET /c");
	close(fd);
}

Test(httpd, answers_a_head_as_a_get_without_its_body)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 100000\r\n\r\nHTTP/1.1 200 OK\r\n";
	CLEANUP(freep) char *answer = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "HEAD /big HTTP/1.1\r\n" H "\r\n" GET("/c"));
	answer = hear(fd, sizeof(head) - 1);
	cr_assert_str_eq(answer, head);
	close(fd);
}

Test(httpd, never_sends_a_redirect, .signal = SIGABRT)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/302"));
	IGNORE(hear_answer(fd) == NULL);
}

Test(httpd, invites_a_body_only_after_the_head_was_admitted)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "POST /a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hi");
	expect_answer(fd, "POST /a");
	say(fd, "POST /refuse HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 401");
	expect_end(fd);
	fd = dial();
	say(fd, "POST /a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 700001\r\n\r\n");
	expect_answer(fd, "HTTP/1.1 413");
	expect_end(fd);
}

Test(httpd, lets_a_client_finish_that_is_refused_in_midst_of_its_body)
{
	CLEANUP(freep) char *body = calloc(1, 2 << 20);
	int fd;

	open_site("127.0.0.1:0", usual);
	memset(body, 'x', (2 << 20) - 1);
	fd = dial();
	say(fd, "POST /a HTTP/1.1\r\n" H "Content-Length: 2097151\r\n\r\n");
	say(fd, body);
	expect_answer(fd, "urn:stagewire:problem:body-too-large");
	expect_end(fd);
}

/* Send a byte every 20 ms until the peer ends it; returns how long that took. */
static int64_t drip(int fd, const char *text)
{
	int64_t begun = clock_mono().ms;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	for (int i = 0; poll(&pfd, 1, 20) == 0; i++) {
		cr_assert_lt(clock_mono().ms - begun, PATIENCE_S * 1000, "drips for ever");
		IGNORE(send(fd, text + (i % 2), 1, MSG_NOSIGNAL) < 0);
	}
	return clock_mono().ms - begun;
}

Test(httpd, ends_a_dripping_head_at_the_deadline)
{
	struct httpd_limits limits = usual;
	int fd;

	limits.request_ms = 200;
	open_site("127.0.0.1:0", limits);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\n" H "X: ");
	cr_assert_geq(drip(fd, "xx"), 150);
	expect_answer(fd, "HTTP/1.1 408 Request Timeout");
	on_loop(take_stats);
	cr_assert_eq(site.stats.timeouts, 1);
	close(fd);
}

Test(httpd, ends_a_dripping_body_at_a_deadline_that_grows_with_its_length)
{
	struct httpd_limits limits = usual;
	int fd;

	limits.request_ms = 100;
	limits.body_ms_per_mib = 400;
	open_site("127.0.0.1:0", limits);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 524288\r\n\r\n");
	cr_assert_geq(drip(fd, "xx"), 250);
	expect_answer(fd, "HTTP/1.1 408");
	close(fd);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nFFF\r\n");
	cr_assert_geq(drip(fd, "xx"), 80);
	expect_answer(fd, "HTTP/1.1 408");
	close(fd);
}

Test(httpd, closes_idle_connections_without_a_word)
{
	struct httpd_limits limits = usual;
	int silent, served;

	limits.idle_ms = 100;
	open_site("127.0.0.1:0", limits);
	silent = dial();
	served = dial();
	say(served, GET("/a"));
	expect_answer(served, "GET /a");
	expect_end(served);
	expect_end(silent);
	on_loop(take_stats);
	cr_assert_eq(site.stats.timeouts, 0);
}

Test(httpd, gives_up_on_a_client_that_does_not_read_its_answer)
{
	struct httpd_limits limits = usual;
	int fd;

	limits.request_ms = 100;
	limits.idle_ms = 100;
	limits.body_ms_per_mib = 0;
	limits.output_pause = 10 << 20;
	open_site("127.0.0.1:0", limits);
	fd = dial();
	for (int i = 0; i < 100; i++)
		IGNORE(send(fd, GET("/big"), sizeof(GET("/big")) - 1, MSG_NOSIGNAL) < 0);
	wait_for(nobody_is_connected, "the end of it");
	close(fd);
}

static bool one_is_connected(void)
{
	return site.stats.connections == 1;
}

Test(httpd, holds_the_cap_on_one_address)
{
	struct httpd_limits limits = usual;
	int fd[3];

	limits.connections_per_address = 2;
	open_site("127.0.0.1:0", limits);
	for (int i = 0; i < 3; i++)
		fd[i] = dial();
	expect_end(fd[2]);
	on_loop(take_stats);
	cr_assert_eq(site.stats.refused_address, 1);
	close(fd[1]);
	wait_for(one_is_connected, "one to leave");
	fd[1] = dial();
	say(fd[1], GET("/a"));
	expect_answer(fd[1], "GET /a");
	close(fd[0]);
	close(fd[1]);
}

Test(httpd, holds_the_cap_on_all_connections)
{
	struct httpd_limits limits = usual;
	int fd[2];

	limits.connections_max = 1;
	open_site("127.0.0.1:0", limits);
	fd[0] = dial();
	fd[1] = dial();
	expect_end(fd[1]);
	on_loop(take_stats);
	cr_assert_eq(site.stats.refused_total, 1);
	site.limits.connections_max = 2;
	on_loop(set_limits);
	fd[1] = dial();
	say(fd[1], GET("/a"));
	expect_answer(fd[1], "GET /a");
	close(fd[0]);
	close(fd[1]);
}

Test(httpd, answers_503_when_the_bodies_under_way_are_too_many_bytes)
{
	struct httpd_limits limits = usual;
	int first, second;

	limits.inflight_max = 10;
	open_site("127.0.0.1:0", limits);
	first = dial();
	say(first, "POST /hold HTTP/1.1\r\n" H "Content-Length: 6\r\n\r\nabcdef");
	wait_for(one_is_held, "the first");
	cr_assert_eq(site.stats.inflight, 6);
	second = dial();
	say(second, "POST /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n");
	expect_answer(second, "Retry-After: 2\r\n");
	expect_end(second);
	second = dial();
	say(second, "POST /a HTTP/1.1\r\n" H
		    "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
	expect_answer(second, "HTTP/1.1 503 Service Unavailable");
	expect_end(second);
	on_loop(release_held);
	expect_answer(first, "held");
	second = dial();
	say(second, "POST /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
	expect_answer(second, "hello");
	on_loop(take_stats);
	cr_assert_eq(site.stats.inflight, 0);
	cr_assert_eq(site.stats.overload, 2);
	close(first);
	close(second);
}

static bool two_are_held(void)
{
	return site.held_seen == 2;
}

Test(httpd, outlives_clients_that_leave_before_the_answer)
{
	struct linger reset = { .l_onoff = 1 };
	int closed, killed;

	open_site("127.0.0.1:0", usual);
	closed = dial();
	say(closed, GET("/hold") GET("/a"));
	killed = dial();
	say(killed, "POST /hold HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi");
	wait_for(two_are_held, "both");
	close(closed);
	setsockopt(killed, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(killed);
	wait_for(one_is_connected, "the RST");
	cr_assert_eq(site.stats.inflight, 2, "the handler may still read the body");
	on_loop(release_held);
	wait_for(nobody_is_connected, "both to be gone");
	cr_assert_eq(site.stats.inflight, 0);
}

Test(httpd, answers_a_client_that_has_closed_its_half)
{
	CLEANUP(freep) char *answers = NULL;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, GET("/hold") GET("/b"));
	shutdown(fd, SHUT_WR);
	wait_for(one_is_held, "the request");
	on_loop(release_held);
	answers = hear_all(fd);
	cr_assert_neq(strstr(answers, "held"), NULL);
	cr_assert_neq(strstr(answers, "GET /b"), NULL);
	close(fd);
	wait_for(nobody_is_connected, "the end");
}

Test(httpd, takes_replies_after_it_was_freed)
{
	struct httpd_req *req;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi");
	wait_for(one_is_held, "the request");
	req = site.held[0];
	close_site();
	cr_assert(span_is(httpd_req_body(req), "hi"));
	cr_assert_str_eq(httpd_req_peer(req), "127.0.0.1");
	reply_text(req, 200, SPAN("late"));
	expect_end(fd);
}

static bool output_is_paused(void)
{
	static uint64_t before;
	bool same = site.stats.requests == before && before > 0;

	before = site.stats.requests;
	return same;
}

Test(httpd, reads_no_further_from_a_client_that_does_not_read)
{
	CLEANUP(freep) char *answers = NULL;
	uint64_t asked = 0;
	size_t seen = 0;
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	for (asked = 0; asked < 90; asked++)
		say(fd, GET("/big"));
	wait_for(output_is_paused, "the pause");
	cr_assert_lt(site.stats.requests, asked, "all 9 MB are buffered somewhere");
	shutdown(fd, SHUT_WR);
	answers = hear_all(fd);
	for (const char *at = answers; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++)
		seen++;
	cr_assert_eq(seen, asked);
	close(fd);
}

static bool listener_has_paused(void)
{
	return site.stats.pauses > 0;
}

Test(httpd, pauses_when_descriptors_run_out_and_goes_on_after)
{
	struct rlimit few;
	int fd[64], n = 0, turned_away, waiting;

	open_site("127.0.0.1:0", usual);
	turned_away = patient(socket(AF_INET, SOCK_STREAM, 0));
	waiting = patient(socket(AF_INET, SOCK_STREAM, 0));
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
	few.rlim_cur = 60;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 64 && (fd[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	{
		struct sockaddr_in at = tcp_address();

		cr_assert_eq(connect(turned_away, (struct sockaddr *)&at, sizeof(at)), 0);
		expect_end(turned_away);
		wait_for(listener_has_paused, "the pause");
		cr_assert_eq(connect(waiting, (struct sockaddr *)&at, sizeof(at)), 0);
	}
	while (n > 0)
		close(fd[--n]);
	say(waiting, GET("/a"));
	expect_answer(waiting, "GET /a");
	close(waiting);
	cr_assert_leq(site.stats.pauses, 3, "spins: %d", (int)site.stats.pauses);
}

static void make_unix_path(void)
{
	snprintf(site.path, sizeof(site.path), "/tmp/test_httpd.%d", (int)getpid());
}

static int dial_unix(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = patient(socket(AF_UNIX, SOCK_STREAM, 0));

	memcpy(at.sun_path, site.path, sizeof(site.path));
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
	return fd;
}

Test(httpd, serves_a_unix_socket_in_place_of_a_stale_one)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);
	char address[80], expected[80];
	struct stat st;
	int fd;

	make_unix_path();
	memcpy(at.sun_path, site.path, sizeof(site.path));
	cr_assert_eq(bind(stale, (struct sockaddr *)&at, sizeof(at)), 0);
	close(stale);
	snprintf(address, sizeof(address), "unix:%s", site.path);
	open_site(address, usual);
	cr_assert_str_eq(httpd_address(site.h, 0), address);
	cr_assert_eq(stat(site.path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0640);
	snprintf(expected, sizeof(expected), "from unix uid %d", (int)getuid());
	fd = dial_unix();
	say(fd, GET("/a"));
	expect_answer(fd, expected);
	close(fd);
	on_loop(drain);
	cr_assert_neq(stat(site.path, &st), 0, "the socket is left behind");
}

static void listen_there_again(void)
{
	char address[80];
	char *why = NULL;

	snprintf(address, sizeof(address), "unix:%s", site.path);
	cr_assert_eq(listen_at(address, &why), ERR_IO);
	cr_assert_neq(strstr(why, "somebody else listens there"), NULL, "%s", why);
	free(why);
}

Test(httpd, leaves_a_unix_socket_alone_that_somebody_serves)
{
	char address[80];
	int fd;

	make_unix_path();
	snprintf(address, sizeof(address), "unix:%s", site.path);
	open_site(address, usual);
	on_loop(listen_there_again);
	fd = dial_unix();
	say(fd, GET("/a"));
	expect_answer(fd, "GET /a");
	close(fd);
}

static void listen_at_nonsense(void)
{
	static const char *const addresses[] = { "", "1", "127.0.0.1", "127.0.0.1:", ":80",
		"::1:80", "127.0.0.1:x", "127.0.0.1:65536", "[]:1", "unix:", "unix:relative",
		"unix:/dev/null", "unix:/nowhere/at/all", "systemd:none", "256.0.0.1:0" };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		char *why = NULL;

		cr_assert_eq(listen_at(addresses[i], &why), ERR_IO, "%s", addresses[i]);
		cr_assert(why != NULL && strstr(why, addresses[i]) == why, "%s", why);
		free(why);
	}
}

Test(httpd, says_why_an_address_cannot_be_listened_at)
{
	open_site("127.0.0.1:0", usual);
	on_loop(listen_at_nonsense);
	cr_assert_eq(httpd_address(site.h, 1), NULL);
}

Test(httpd, counts_an_ipv6_client_by_its_prefix)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = patient(socket(AF_INET6, SOCK_STREAM, 0));

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		cr_skip("no IPv6 here");
	close(fd);
	open_site("[::1]:0", usual);
	at.sin6_port = tcp_address().sin_port;
	fd = patient(socket(AF_INET6, SOCK_STREAM, 0));
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	say(fd, GET("/a"));
	expect_answer(fd, "from ::1 uid -1");
	close(fd);
	wait_for(nobody_is_connected, "the end");
}

static bool is_quiet(void)
{
	return !site.busy;
}

Test(httpd, drains_by_answering_what_is_under_way)
{
	int holding, idle, fresh;

	open_site("127.0.0.1:0", usual);
	holding = dial();
	say(holding, GET("/hold"));
	idle = dial();
	say(idle, GET("/a"));
	expect_answer(idle, "GET /a");
	fresh = dial();
	wait_for(one_is_held, "the request");
	on_loop(drain);
	expect_end(idle);
	say(fresh, GET("/b"));
	expect_answer(fresh, "Connection: close");
	expect_end(fresh);
	on_loop(take_stats);
	cr_assert(site.busy);
	on_loop(release_held);
	expect_answer(holding, "Connection: close");
	expect_end(holding);
	wait_for(is_quiet, "the end of the drain");
}

Test(httpd, accepts_nobody_while_draining)
{
	struct sockaddr_in at;
	int fd;

	open_site("127.0.0.1:0", usual);
	at = tcp_address();
	on_loop(drain);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_neq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(errno, ECONNREFUSED);
	close(fd);
}

#define STREAM_FIELDS                                                                              \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%s"                                 \
	"Connection: close\r\nCache-Control: no-store\r\n\r\n"

static void expect_bytes(int fd, const char *wanted)
{
	CLEANUP(freep) char *got = hear(fd, strlen(wanted));

	cr_assert_str_eq(got, wanted);
}

static void expect_stream(int fd, const char *framing)
{
	char head[256];

	snprintf(head, sizeof(head), STREAM_FIELDS, framing);
	expect_bytes(fd, head);
}

#define CHUNKED "Transfer-Encoding: chunked\r\n"

static int dial_stream(void)
{
	int fd = dial();

	say(fd, GET("/stream"));
	expect_stream(fd, CHUNKED);
	return fd;
}

static void write_a_little(void)
{
	httpd_stream_write(site.stream, SPAN("data: 1\n\n"));
}

static void write_much(void)
{
	static char much[4096];

	memset(much, 'm', sizeof(much));
	for (unsigned i = 0; i < 1000 && site.stream != NULL; i++)
		httpd_stream_write(site.stream, (struct span){ much, sizeof(much) });
}

static void end_stream(void)
{
	httpd_stream_end(TAKE(site.stream));
}

static bool one_is_gone(void)
{
	return site.gone_seen == 1;
}

static bool one_was_cut(void)
{
	return httpd_stats(site.h).streams_cut == 1;
}

Test(httpd, streams_pieces_as_they_come_and_says_where_they_end)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial_stream();
	on_loop(write_a_little);
	expect_bytes(fd, "9\r\ndata: 1\n\n\r\n");
	on_loop(write_a_little);
	expect_bytes(fd, "9\r\ndata: 1\n\n\r\n");
	on_loop(end_stream);
	expect_bytes(fd, "0\r\n\r\n");
	expect_end(fd);
	wait_for(nobody_is_connected, "the end");
	cr_assert_eq(site.gone_seen, 0);
}

Test(httpd, streams_to_http_1_0_until_the_connection_closes)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "GET /stream HTTP/1.0\r\n\r\n");
	expect_stream(fd, "");
	on_loop(write_a_little);
	on_loop(end_stream);
	expect_bytes(fd, "data: 1\n\n");
	expect_end(fd);
}

Test(httpd, answers_a_head_of_a_stream_with_its_fields_only)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial();
	say(fd, "HEAD /stream HTTP/1.1\r\n" H "\r\n");
	expect_stream(fd, CHUNKED);
	expect_end(fd);
	cr_assert_eq(site.stream, NULL);
}

Test(httpd, beats_in_a_stream_that_is_silent)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	site.beat_ms = 20;
	fd = dial_stream();
	expect_bytes(fd, "3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
	close(fd);
}

Test(httpd, cuts_off_a_reader_that_is_too_slow)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial_stream();
	on_loop(write_much);
	wait_for(one_is_gone, "its end");
	cr_assert_eq(site.stats.streams_cut, 1);
	cr_assert_eq(site.stats.streams, 0);
	close(fd);
}

/* Never so much unsent that it would be cut for that. */
static void write_while_it_goes(void)
{
	static char piece[1024];

	memset(piece, 'm', sizeof(piece));
	while (site.stream != NULL && !httpd_stream_is_behind(site.stream) && !one_was_cut())
		httpd_stream_write(site.stream, (struct span){ piece, sizeof(piece) });
}

static bool one_was_cut_for_silence(void)
{
	on_loop(write_while_it_goes);
	return site.stats.streams_cut == 1;
}

Test(httpd, cuts_off_a_reader_that_has_stopped_reading)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	site.beat_ms = 100;
	fd = dial_stream();
	wait_for(one_was_cut_for_silence, "a beat after one without reading");
	wait_for(one_is_gone, "its end");
	close(fd);
}

Test(httpd, tells_when_the_reader_of_a_stream_has_gone)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial_stream();
	close(fd);
	wait_for(one_is_gone, "its end");
	cr_assert_eq(site.stats.streams_cut, 0);
}

Test(httpd, holds_the_cap_on_streams)
{
	int first, second, third;

	open_site("127.0.0.1:0", usual);
	first = dial_stream();
	second = dial_stream();
	third = dial();
	say(third, GET("/stream"));
	expect_answer(third, "HTTP/1.1 503 ");
	close(second);
	wait_for(one_is_gone, "the end of the second");
	close(third);
	close(dial_stream());
	close(first);
}

Test(httpd, ends_streams_at_once_when_it_drains)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial_stream();
	on_loop(drain);
	expect_bytes(fd, "0\r\n\r\n");
	expect_end(fd);
	wait_for(is_quiet, "the end of the drain");
	wait_for(one_is_gone, "that its owner hears of it");
}

Test(httpd, tells_the_owners_of_streams_when_it_is_freed)
{
	int fd;

	open_site("127.0.0.1:0", usual);
	fd = dial_stream();
	close_site();
	cr_assert_eq(site.streams_gone, 1);
	close(fd);
}

/* What a shell command prints; $AT in it is where the site listens. free(3) it. */
static char *shell(const char *command)
{
	struct buf text;
	char piece[4096];
	size_t n;
	FILE *f;

	if (site.h != NULL)
		cr_assert_eq(setenv("AT", httpd_address(site.h, 0), 1), 0);
	f = popen(command, "r");
	cr_assert_neq(f, NULL);
	buf_init(&text, 4 << 20);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		cr_assert_eq(buf_add(&text, piece, n), ERR_OK);
	pclose(f);
	return buf_detach(&text);
}

static void expect_shell(const char *command, const char *part)
{
	CLEANUP(freep) char *text = shell(command);

	cr_assert_neq(strstr(text, part), NULL, "no %s in %s", part, text);
}

static void run_shell(const char *command)
{
	free(shell(command));
}

/* Two pairs, made for this test: one.pem and one.key, two.pem and two.key. */
static void make_certificates(void)
{
	snprintf(site.dir, sizeof(site.dir), "/tmp/test_httpd.XXXXXX");
	cr_assert_neq(mkdtemp(site.dir), NULL);
	cr_assert_eq(chdir(site.dir), 0);
	run_shell("for n in one two; do openssl req -x509 -newkey ec -pkeyopt "
		  "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$n -keyout $n.key "
		  "-out $n.pem 2>/dev/null; done;"
		  "openssl ec -in one.key -aes256 -passout pass:x -out locked.key 2>/dev/null;"
		  "echo junk >junk.pem");
}

static void close_tls_site(void)
{
	close_site();
	if (site.dir[0] == '\0')
		return;
	run_shell("rm -f one.* two.* locked.key junk.pem body");
	IGNORE(chdir("/") != 0);
	IGNORE(rmdir(site.dir) != 0);
}

static void open_tls_site(struct httpd_limits limits)
{
	CLEANUP(freep) char *why = NULL;

	make_certificates();
	cr_assert_eq(tls_server_new("one.pem", "one.key", &site.tls, &why), ERR_OK, "%s", why);
	open_site("127.0.0.1:0", limits);
}

#define S_CLIENT "timeout 20 openssl s_client -connect $AT "

TestSuite(tls, .fini = close_tls_site, .timeout = 60);

Test(tls, carries_requests_and_answers)
{
	open_tls_site(usual);
	expect_shell("printf 'GET /a HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nGET /b HTTP/1.0\\r\\n\\r\\n' "
		     "| " S_CLIENT
		     "-quiet -ign_eof -CAfile one.pem -verify_return_error 2>&1 | tr -d '\\r\\n'",
		"GET /a? from 127.0.0.1 uid -1: HTTP/1.1 200 OK");
}

Test(tls, carries_large_bodies_both_ways)
{
	open_tls_site(usual);
	run_shell("head -c 600000 /dev/zero | tr '\\0' z >body");
	expect_shell("{ printf 'POST /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n"
		     "Content-Length: 600000\\r\\n\\r\\n'; cat body; } | " S_CLIENT
		     "-quiet -ign_eof 2>/dev/null | tr -cd z | wc -c",
		"600000");
}

Test(tls, streams)
{
	open_tls_site(usual);
	site.beat_ms = 20;
	expect_shell("curl -sk --max-time 1 https://$AT/stream", ":\n\n:\n\n");
}

Test(tls, speaks_1_2_and_1_3_only)
{
	open_tls_site(usual);
	expect_shell(S_CLIENT "-tls1_2 </dev/null 2>&1", "Protocol  : TLSv1.2");
	expect_shell(S_CLIENT "-tls1_3 </dev/null 2>&1", "New, TLSv1.3");
	expect_shell(S_CLIENT "-tls1_1 -cipher ALL@SECLEVEL=0 </dev/null 2>&1", "Cipher is (NONE)");
}

Test(tls, chooses_http_1_1_or_nothing)
{
	open_tls_site(usual);
	expect_shell(S_CLIENT "-alpn h2,http/1.1 </dev/null 2>&1", "ALPN protocol: http/1.1");
	expect_shell(S_CLIENT "-alpn h2 </dev/null 2>&1", "no application protocol");
}

static void reload(void)
{
	CLEANUP(freep) char *why = NULL;

	cr_assert_eq(tls_server_reload(site.tls, "two.pem", "two.key", &why), ERR_OK, "%s", why);
}

static void reload_junk(void)
{
	CLEANUP(freep) char *why = NULL;

	cr_assert_eq(tls_server_reload(site.tls, "junk.pem", "one.key", &why), ERR_IO);
}

Test(tls, reloads_its_certificate_and_keeps_the_old_on_failure)
{
	open_tls_site(usual);
	expect_shell(S_CLIENT "</dev/null 2>&1", "subject=CN = one");
	on_loop(reload);
	expect_shell(S_CLIENT "</dev/null 2>&1", "subject=CN = two");
	on_loop(reload_junk);
	expect_shell(S_CLIENT "</dev/null 2>&1", "subject=CN = two");
}

Test(tls, says_what_is_wrong_with_which_file)
{
	static const struct {
		const char *certificate, *key, *blamed;
	} cases[] = {
		{ "missing.pem", "one.key", "missing.pem: No such file" },
		{ "junk.pem", "one.key", "junk.pem: no start" },
		{ "one.pem", "missing.key", "missing.key: No such file" },
		{ "one.pem", "junk.pem", "junk.pem: " },
		{ "one.pem", "two.key", "two.key: key values mis" },
		{ "one.pem", "locked.key", "locked.key: " },
	};

	make_certificates();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(freep) char *why = NULL;

		cr_assert_eq(tls_server_new(cases[i].certificate, cases[i].key, &site.tls, &why),
			ERR_IO);
		cr_assert_eq(strstr(why, cases[i].blamed), why, "%s", why);
		cr_assert_gt(strlen(why), strlen(cases[i].blamed));
	}
}

Test(tls, ends_a_handshake_that_takes_too_long)
{
	struct httpd_limits limits = usual;
	int fd;

	limits.request_ms = 200;
	open_tls_site(limits);
	fd = dial();
	cr_assert_geq(drip(fd, "\x16\x03"), 0);
	expect_end(fd);
	fd = dial();
	expect_end(fd);
	on_loop(take_stats);
	cr_assert_eq(site.stats.requests, 0);
	cr_assert_geq(site.stats.timeouts, 1);
}

Test(tls, runs_no_plain_request)
{
	int fd;

	open_tls_site(usual);
	fd = dial();
	say(fd, GET("/a"));
	expect_end(fd);
	wait_for(nobody_is_connected, "the end");
	cr_assert_eq(site.stats.requests, 0);
}
