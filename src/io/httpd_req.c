/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "io/httpd_private.h"

#define PROBLEM_MAX 8192

static void name_peer(struct httpd_req *req, const struct conn *c)
{
	const unsigned char *b = c->address.s6_addr;

	if (c->is_unix)
		snprintf(req->peer, sizeof(req->peer), "unix");
	else if (IN6_IS_ADDR_V4MAPPED(&c->address))
		IGNORE(inet_ntop(AF_INET, b + 12, req->peer, sizeof(req->peer)) == NULL);
	else
		IGNORE(inet_ntop(AF_INET6, b, req->peer, sizeof(req->peer)) == NULL);
}

struct httpd_req *req_new(struct conn *c, int64_t now_ms)
{
	struct httpd_req *req = xcalloc(1, sizeof(*req));
	const struct httpd_limits *limits = &c->h->limits;
	struct http_limits head = {
		.head_max = c->listener->takes_tokens ? limits->token_head_max : limits->head_max,
		.uri_max = limits->uri_max,
		.fields_max = limits->fields_max,
	};

	http_parser_init(&req->parser, &head);
	req->h = c->h;
	req->conn = c;
	req->begun_ms = now_ms;
	req->uid = c->uid;
	name_peer(req, c);
	return req;
}

void req_free(struct httpd_req *req)
{
	if (req->h != NULL)
		req->h->stats.inflight -= req->charged;
	if (req->h != NULL && req->conn == NULL)
		LIST_REMOVE(req, entry);
	http_parser_release(&req->parser);
	free(req);
}

bool req_charge(struct httpd_req *req)
{
	size_t *inflight = &req->h->stats.inflight;

	*inflight += req->parser.body.len - req->charged;
	req->charged = req->parser.body.len;
	return *inflight <= req->h->limits.inflight_max;
}

bool httpd_req_is_post(const struct httpd_req *req)
{
	return req->parser.is_post;
}

bool httpd_req_is_head(const struct httpd_req *req)
{
	return req->parser.is_head;
}

struct span httpd_req_path(const struct httpd_req *req)
{
	return http_parser_path(&req->parser);
}

struct span httpd_req_query(const struct httpd_req *req)
{
	return http_parser_query(&req->parser);
}

bool httpd_req_field(const struct httpd_req *req, const char *name, struct span *value)
{
	return http_parser_field(&req->parser, name, value);
}

bool httpd_req_media_is(const struct httpd_req *req, const char *wanted)
{
	struct span type;
	const char *semicolon;

	if (!httpd_req_field(req, "Content-Type", &type) || type.n == 0)
		return false;
	semicolon = memchr(type.p, ';', type.n);
	if (semicolon != NULL)
		type.n = (size_t)(semicolon - type.p);
	while (type.n > 0 && (type.p[type.n - 1] == ' ' || type.p[type.n - 1] == '\t'))
		type.n--;
	return span_is_nocase(type, wanted);
}

unsigned httpd_req_field_count(const struct httpd_req *req, const char *name)
{
	return http_parser_field_count(&req->parser, name);
}

struct span httpd_req_body(const struct httpd_req *req)
{
	return buf_span(&req->parser.body);
}

const char *httpd_req_peer(const struct httpd_req *req)
{
	return req->peer;
}

int64_t httpd_req_peer_uid(const struct httpd_req *req)
{
	return req->uid;
}

void httpd_reply(struct httpd_req *req, const struct httpd_answer *answer)
{
	assert(answer->status >= 200 && answer->status <= 599);
	assert(answer->status / 100 != 3 || answer->status == 304);
	assert(answer->content_type != NULL || answer->body.n == 0);
	if (req->conn != NULL)
		conn_answer(req->conn, answer);
	req_free(req);
}

/* "signature-missing" is titled "Signature missing". */
static void problem_put_title(struct json_writer *w, const char *type)
{
	char title[64];

	snprintf(title, sizeof(title), "%s", type);
	title[0] = (char)toupper((unsigned char)title[0]);
	for (char *dash = title; (dash = strchr(dash, '-')) != NULL;)
		*dash = ' ';
	json_member_str(w, "title", title);
}

void httpd_reply_problem(struct httpd_req *req, const struct httpd_problem *problem)
{
	CLEANUP(buf_release) struct buf text;
	struct json_writer w;
	char type[96];

	snprintf(type, sizeof(type), "urn:stagewire:problem:%s", problem->type);
	buf_init(&text, PROBLEM_MAX);
	json_writer_init(&w, &text);
	json_object_begin(&w);
	json_member_str(&w, "type", type);
	problem_put_title(&w, problem->type);
	json_member_int(&w, "status", problem->status);
	json_member_str(&w, "detail", problem->detail);
	json_object_end(&w);
	/* A detail over the bound is cut off whole: the status and its type say enough. */
	if (json_done(&w) != ERR_OK)
		buf_clear(&text);
	httpd_reply(req, &(struct httpd_answer){
				 .status = problem->status,
				 .content_type = text.len > 0 ? "application/problem+json" : NULL,
				 .body = buf_span(&text),
				 .retry_after_s = problem->retry_after_s,
				 .fields = problem->fields,
			 });
}
