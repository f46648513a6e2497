/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_parser.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 64

static const struct http_limits small = { .head_max = 400, .uri_max = 40, .fields_max = 6 };

/* What became of one request, to compare. */
struct seen {
	enum http_verdict verdict;
	int status;
	size_t used;
	char text[1024]; /* method, path, query, body; or the detail of a refusal */
};

static enum http_verdict feed(struct http_parser *p, const char *bytes, size_t n, size_t *used)
{
	enum http_verdict v = http_parser_feed(p, bytes, n, used);

	return v == HTTP_HEAD ? http_parser_admit(p, BODY_MAX) : v;
}

/* Feed pieces of at most step bytes until there is a verdict. */
static struct seen parse(const char *bytes, size_t n, size_t step)
{
	struct http_parser p;
	struct seen seen = { .verdict = HTTP_MORE };

	http_parser_init(&p, &small);
	while (seen.verdict == HTTP_MORE && seen.used < n) {
		size_t piece = n - seen.used < step ? n - seen.used : step;
		char *exact = malloc(piece); /* so that a tool sees a read past it */
		size_t used;

		memcpy(exact, bytes + seen.used, piece);
		seen.verdict = feed(&p, exact, piece, &used);
		seen.used += used;
		free(exact);
	}
	if (seen.verdict == HTTP_DONE)
		snprintf(seen.text, sizeof(seen.text), "%s %.*s|%.*s|%s%s",
			p.is_post   ? "POST"
			: p.is_head ? "HEAD"
				    : "GET",
			SPAN_ARGS(http_parser_path(&p)), SPAN_ARGS(http_parser_query(&p)),
			p.body.data, p.wants_close ? "|close" : "");
	if (seen.verdict == HTTP_REFUSED) {
		snprintf(seen.text, sizeof(seen.text), "%s: %s", p.problem, p.detail);
		seen.status = p.status;
	}
	http_parser_release(&p);
	return seen;
}

/* The same bytes whole, in pieces of 1, 2, 3 and 7: one result. */
static struct seen parse_always(const char *bytes, size_t n)
{
	static const size_t steps[] = { 1, 2, 3, 7 };
	struct seen whole = parse(bytes, n, n);

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct seen cut = parse(bytes, n, steps[i]);

		cr_assert_eq(cut.verdict, whole.verdict, "verdict differs: %s", bytes);
		cr_assert_eq(cut.status, whole.status, "status differs: %s", bytes);
		cr_assert_str_eq(cut.text, whole.text, "of %s", bytes);
		if (whole.verdict == HTTP_DONE)
			cr_assert_eq(cut.used, whole.used, "used differs: %s", bytes);
	}
	return whole;
}

static void expect_accepted(const char *bytes, const char *text, size_t left)
{
	struct seen seen = parse_always(bytes, strlen(bytes));

	cr_assert_eq(seen.verdict, HTTP_DONE, "not accepted (%s): %s", seen.text, bytes);
	cr_assert_str_eq(seen.text, text);
	cr_assert_eq(strlen(bytes) - seen.used, left, "took the wrong share of %s", bytes);
}

static void expect_refused(const char *bytes, size_t n, int status)
{
	struct seen seen = parse_always(bytes, n);

	cr_assert_eq(seen.verdict, HTTP_REFUSED, "not refused (%d): %s", seen.verdict, bytes);
	cr_assert_eq(seen.status, status, "%d (%s) for %s", seen.status, seen.text, bytes);
}

#define H       "Host: a\r\n"
#define GET     "GET / HTTP/1.1\r\n" H
#define POST    "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

Test(http_parser, accepts_what_the_rfc_allows)
{
	static const struct {
		const char *bytes, *text;
		size_t left;
	} cases[] = {
		{ GET "\r\n", "GET /||", 0 },
		{ "\r\n" GET "\r\n", "GET /||", 0 },
		{ "GET /a/b?c=d&e HTTP/1.1\r\n" H "\r\n", "GET /a/b|c=d&e|", 0 },
		{ "GET /a? HTTP/1.1\r\n" H "\r\n", "GET /a||", 0 },
		{ "GET /a?b?c HTTP/1.1\r\n" H "\r\n", "GET /a|b?c|", 0 },
		{ "GET //a/../%2e%C3%bc;v=1 HTTP/1.1\r\n" H "\r\n", "GET //a/../%2e%C3%bc;v=1||",
			0 },
		{ "GET / HTTP/1.0\r\n\r\n", "GET /|||close", 0 },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n" H "\r\n", "GET /|||close", 0 },
		{ GET "Connection: foo ,\tCLOSE\r\n\r\n", "GET /|||close", 0 },
		{ GET "Connection: closed\r\n\r\n", "GET /||", 0 },
		{ GET "X:\r\nY: \t \r\nZ: a\tb \xc3\xbc\r\n\r\n", "GET /||", 0 },
		{ GET "Content-Length: 2\r\n\r\nhi", "GET /||hi", 0 },
		{ POST "Content-Length: 0\r\n\r\n", "POST /||", 0 },
		{ POST "content-LENGTH:00005 \r\n\r\nhello", "POST /||hello", 0 },
		{ POST "Content-Length: 5\r\n\r\nhelloGET", "POST /||hello", 3 },
		{ POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", "POST /||x", 0 },
		{ POST "Content-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx", "POST /||x", 0 },
		{ POST "TE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
			"POST /||x", 0 },
		{ CHUNKED "0\r\n\r\n", "POST /||", 0 },
		{ CHUNKED "00\r\n\r\nrest", "POST /||", 4 },
		{ CHUNKED "5\r\nhello\r\n01\r\n!\r\n0\r\n\r\n", "POST /||hello!", 0 },
		{ CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
			"POST /||01234567890123456789", 0 },
		{ POST "transfer-encoding:\tChunked\t\r\n\r\n0\r\n\r\n", "POST /||", 0 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /||", 0 },
		{ "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", "GET /||", 0 },
		{ "GET / HTTP/1.1\r\nHost: a.b-c_d:\r\n\r\n", "GET /||", 0 },
		{ "GET / HTTP/1.1\r\nHost: %41:8080\r\n\r\n", "GET /||", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_accepted(cases[i].bytes, cases[i].text, cases[i].left);
}

Test(http_parser, refuses_malformed_request_lines)
{
	static const struct {
		const char *bytes;
		int status;
	} cases[] = {
		{ "\r\n\r\n" GET "\r\n", 400 },
		{ "\n" GET "\r\n", 400 },
		{ " " GET "\r\n", 400 },
		{ "GET\r\n", 400 },
		{ "GET /\r\n", 400 },
		{ "GET  / HTTP/1.1\r\n", 400 },
		{ "GET /  HTTP/1.1\r\n", 400 },
		{ "GET / HTTP/1.1 \r\n", 400 },
		{ "GET /\tHTTP/1.1\r\n", 400 },
		{ "GET /a b HTTP/1.1\r\n", 400 },
		{ "GET / HTTP/1.1\n", 400 },
		{ "GET / HTTP/1.1\r" H, 400 },
		{ "GET / http/1.1\r\n", 400 },
		{ "GET / HTTP/1.+1\r\n", 400 },
		{ "GET / HTTP/01.1\r\n", 400 },
		{ "GET / HTTP/1.10\r\n", 400 },
		{ "GET / HTTP/1\r\n", 400 },
		{ "GET / HTTP/1.2\r\n", 505 },
		{ "GET / HTTP/2.0\r\n", 505 },
		{ "PRI * HTTP/2.0\r\n", 505 },
		{ "GET / HTTP/0.9\r\n", 505 },
		{ "get / HTTP/1.1\r\n", 501 },
		{ "HEADS / HTTP/1.1\r\n", 501 },
		{ "OPTIONS * HTTP/1.1\r\n", 501 },
		{ "CONNECT a:80 HTTP/1.1\r\n", 501 },
		{ "FOO!~ / HTTP/1.1\r\n", 501 },
		{ "G(T / HTTP/1.1\r\n", 400 },
		{ "G\xc3\xa4T / HTTP/1.1\r\n", 400 },
		{ "GET * HTTP/1.1\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\n", 400 },
		{ "GET a HTTP/1.1\r\n", 400 },
		{ "GET /#f HTTP/1.1\r\n", 400 },
		{ "GET /% HTTP/1.1\r\n", 400 },
		{ "GET /%0g HTTP/1.1\r\n", 400 },
		{ "GET /\xc3\xbc HTTP/1.1\r\n", 400 },
		{ "GET /\x7f HTTP/1.1\r\n", 400 },
		{ "GET /a\\b HTTP/1.1\r\n", 400 },
		{ "GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n", 414 },
		{ "GET /0123456789012345678901234567890123456789012345678901234567890123456789"
		  "0123456789",
			414 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAA",
			501 },
		{ "GET(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAA",
			400 },
		{ "\x16\x03\x01\x02", 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused(cases[i].bytes, strlen(cases[i].bytes), cases[i].status);
}

Test(http_parser, refuses_malformed_fields)
{
	static const struct {
		const char *bytes;
		int status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ GET H "\r\n", 400 },
		{ "GET / HTTP/1.0\r\n" H H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: u@a\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a:b\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a,b\r\nHost: c\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::1\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: []\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::1]x\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: %4\r\n", 400 },
		{ "GET / HTTP/1.1\r\n X: y\r\n", 400 },
		{ GET "X: a\r\n b\r\n", 400 },
		{ GET "X: a\r\n\tb\r\n", 400 },
		{ GET "X: a\nY: b\r\n", 400 },
		{ GET "X: a\rY: b\r\n", 400 },
		{ GET "X: a\r\r\n", 400 },
		{ GET "X : a\r\n", 400 },
		{ GET "X\t: a\r\n", 400 },
		{ GET ": a\r\n", 400 },
		{ GET "X\r\n", 400 },
		{ GET "X Y: a\r\n", 400 },
		{ GET "X(Y): a\r\n", 400 },
		{ GET "\xc3\x9c: a\r\n", 400 },
		{ GET "X: a\x01\r\n", 400 },
		{ GET "X: a\x7f\r\n", 400 },
		{ GET "X: a\x0b\r\n", 400 },
		{ GET "\n", 400 },
		{ GET "\rX", 400 },
		{ GET "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n", 431 },
		{ POST "Expect: 200-ok\r\n", 417 },
		{ POST "Expect: 100-continue, x\r\n", 417 },
		{ POST "Expect: 100-continue\r\nExpect: 100-continue\r\n", 417 },
		{ POST "Content-Encoding: gzip\r\n", 415 },
		{ POST "Content-Encoding: identity\r\nContent-Encoding: br\r\n", 415 },
		{ POST "\r\n", 411 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused(cases[i].bytes, strlen(cases[i].bytes), cases[i].status);
	expect_refused(SPAN(GET "X: a\0b\r\n").p, SPAN(GET "X: a\0b\r\n").n, 400);
	expect_refused(SPAN("GET /\0 HTTP/1.1\r\n").p, SPAN("GET /\0 HTTP/1.1\r\n").n, 400);
}

Test(http_parser, refuses_ambiguous_framing)
{
	static const struct {
		const char *bytes;
		int status;
	} cases[] = {
		{ POST "Content-Length: 5\r\nContent-Length: 5\r\n", 400 },
		{ POST "Content-Length: 0\r\nContent-Length: 35\r\n", 400 },
		{ POST "Content-Length: 5, 5\r\n", 400 },
		{ POST "Content-Length: +5\r\n", 400 },
		{ POST "Content-Length: -5\r\n", 400 },
		{ POST "Content-Length: 0x5\r\n", 400 },
		{ POST "Content-Length: 5 5\r\n", 400 },
		{ POST "Content-Length: 5.0\r\n", 400 },
		{ POST "Content-Length:\r\n", 400 },
		{ POST "Content-Length: 1234567890123456\r\n", 400 },
		{ POST "Content-Length: 18446744073709551621\r\n", 400 },
		{ POST "Content-Length: 999999999999999\r\n\r\n", 413 },
		{ POST "Content-Length: 65\r\n\r\n", 413 },
		{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400 },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ POST "Transfer-Encoding: gzip, chunked\r\n", 400 },
		{ POST "Transfer-Encoding: chunked, identity\r\n", 400 },
		{ POST "Transfer-Encoding: xchunked\r\n", 400 },
		{ POST "Transfer-Encoding: chunked;q=1\r\n", 400 },
		{ POST "Transfer-Encoding: \"chunked\"\r\n", 400 },
		{ POST "Transfer-Encoding:\r\n", 400 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ CHUNKED "\r\n", 400 },
		{ CHUNKED "0x5\r\n", 400 },
		{ CHUNKED "+5\r\n", 400 },
		{ CHUNKED "-0\r\n", 400 },
		{ CHUNKED " 5\r\n", 400 },
		{ CHUNKED "5 \r\n", 400 },
		{ CHUNKED "5;a=b\r\n", 400 },
		{ CHUNKED "5\n", 400 },
		{ CHUNKED "5\rx", 400 },
		{ CHUNKED "g\r\n", 400 },
		{ CHUNKED "000000000\r\n", 400 },
		{ CHUNKED "FFFFFFFF\r\n", 413 },
		{ CHUNKED "41\r\n", 413 },
		{ CHUNKED "40\r\n0123456789012345678901234567890123456789012345678901234567890123"
			  "\r\n1\r\n",
			413 },
		{ CHUNKED "2\r\nhixx", 400 },
		{ CHUNKED "2\r\nhi\n", 400 },
		{ CHUNKED "2\r\nhi\rx", 400 },
		{ CHUNKED "2\r\nhi\r\n\r\n", 400 },
		{ CHUNKED "0\r\nX: y\r\n\r\n", 400 },
		{ CHUNKED "0\r\n\n", 400 },
		{ CHUNKED "0\r\n\rx", 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused(cases[i].bytes, strlen(cases[i].bytes), cases[i].status);
}

Test(http_parser, wants_more_until_a_request_is_whole)
{
	static const char request[] = CHUNKED "5\r\nhello\r\n0\r\n\r\n";

	for (size_t n = 1; n < sizeof(request) - 1; n++)
		cr_assert_eq(parse_always(request, n).verdict, HTTP_MORE, "after %zu bytes", n);
}

Test(http_parser, holds_the_limits_to_the_byte)
{
	char head[512];
	size_t n = (size_t)snprintf(head, sizeof(head), GET "X: ");

	memset(head + n, 'x', small.head_max - 4 - n);
	memcpy(head + small.head_max - 4, "\r\n\r\n", 5);
	cr_assert_eq(parse_always(head, small.head_max).verdict, HTTP_DONE);
	memcpy(head + small.head_max - 4, "x\r\n\r\n", 6);
	expect_refused(head, small.head_max + 1, 431);
	memset(head + n, 'x', sizeof(head) - n);
	expect_refused(head, sizeof(head), 431);
	expect_accepted("GET /012345678901234567890123456789012345678 HTTP/1.1\r\n" H "\r\n",
		"GET /012345678901234567890123456789012345678||", 0);
	expect_accepted(GET "B:\r\nC:\r\nD:\r\nE:\r\nF:\r\n\r\n", "GET /||", 0);
}

Test(http_parser, finds_fields_in_any_case_and_counts_them)
{
	static const char request[] = GET "X-A:  one \r\nx-a: two\r\nY:\r\n\r\n";
	CLEANUP(http_parser_release) struct http_parser p;
	struct span value;
	size_t used;

	http_parser_init(&p, &small);
	cr_assert_eq(http_parser_feed(&p, request, sizeof(request) - 1, &used), HTTP_HEAD);
	cr_assert(http_parser_field(&p, "X-a", &value));
	cr_assert(span_is(value, "one"));
	cr_assert_eq(http_parser_field_count(&p, "X-A"), 2);
	cr_assert(http_parser_field(&p, "y", &value));
	cr_assert_eq(value.n, 0);
	cr_assert_not(http_parser_field(&p, "X", &value));
	cr_assert_eq(http_parser_field_count(&p, "X"), 0);
}

Test(http_parser, reads_no_body_before_it_is_admitted)
{
	static const char request[] = POST "Content-Length: 2\r\n\r\nhi";
	CLEANUP(http_parser_release) struct http_parser p;
	size_t used, again;

	http_parser_init(&p, &small);
	cr_assert_eq(http_parser_feed(&p, request, sizeof(request) - 1, &used), HTTP_HEAD);
	cr_assert_eq(used, sizeof(request) - 3);
	cr_assert_eq(http_parser_feed(&p, request + used, 2, &again), HTTP_HEAD);
	cr_assert_eq(again, 0);
	cr_assert_eq(http_parser_admit(&p, 2), HTTP_MORE);
	cr_assert_eq(http_parser_feed(&p, request + used, 2, &again), HTTP_DONE);
	cr_assert_str_eq(p.body.data, "hi");
}
