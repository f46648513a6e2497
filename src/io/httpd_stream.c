/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/bufferevent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/httpd_private.h"

/* Answers without an end: see httpd.h. Where one stands is the connection's state. */

#define RETRY_AFTER_S 10

/* For what the peer has to read yet when a stream ends. */
#define CLOSE_MS 1000

/* "fffffff\r\n", of lengths that fit a chunk of ours. */
#define CHUNK_HEAD_MAX 20

static void stream_send(struct httpd_stream *s, struct span bytes)
{
	char head[CHUNK_HEAD_MAX];
	int n = snprintf(head, sizeof(head), "%zx\r\n", bytes.n);
	struct iovec v[] = {
		{ .iov_base = head, .iov_len = (size_t)n },
		{ .iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n },
		{ .iov_base = (char[]){ '\r', '\n' }, .iov_len = 2 },
	};

	if (s->chunked)
		conn_send(s->conn, v, ARRAY_SIZE(v));
	else
		conn_send(s->conn, v + 1, 1);
	if (conn_unsent(s->conn) == 0)
		s->read_up = true;
}

static void stream_cut(struct conn *c)
{
	c->h->stats.streams_cut++;
	conn_retire(c);
}

/* The buffer of the system counts too: by itself it would grow to megabytes. */
static void bound_socket(const struct conn *c, const struct httpd_stream_conf *conf)
{
	int fd = bufferevent_getfd(c->bev);
	int room = (int)conf->unsent_max, patience_ms = (int)(2 * conf->beat_ms);

	IGNORE(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) != 0);
	if (!c->is_unix)
		IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
			       sizeof(patience_ms)) != 0);
}

static struct httpd_stream *stream_new(struct conn *c, const struct httpd_stream_conf *conf)
{
	struct httpd_stream *s = xcalloc(1, sizeof(*s));

	*s = (struct httpd_stream){
		.conn = c,
		.beat = conf->beat,
		.beat_ms = conf->beat_ms,
		.unsent_max = conf->unsent_max,
		.chunked = !c->req->parser.is_http10,
		.on_gone = conf->on_gone,
		.ctx = conf->ctx,
	};
	c->stream = s;
	c->h->stats.streams++;
	return s;
}

static struct httpd_stream *conn_stream(struct conn *c, const struct httpd_stream_conf *conf)
{
	const struct httpd_answer answer = {
		.status = 200,
		.content_type = conf->content_type,
		.fields = conf->fields,
	};
	struct httpd_stream *s = stream_new(c, conf);
	CLEANUP(buf_release) struct buf head;
	struct span text;

	buf_init(&head, SIZE_MAX / 2);
	text = head_compose(&answer, s->chunked ? FRAMED_BY_CHUNKS : FRAMED_BY_CLOSE, true, &head);
	bound_socket(c, conf);
	c->req = NULL;
	c->state = CONN_STREAMING;
	conn_send(
		c, &(struct iovec){ .iov_base = (char *)(uintptr_t)text.p, .iov_len = text.n }, 1);
	s->read_up = conn_unsent(c) == 0;
	conn_set_wait(c, conf->beat_ms);
	if (c->eof)
		conn_retire(c);
	return s;
}

static void refuse_stream(struct httpd_req *req)
{
	httpd_reply_problem(req, &(struct httpd_problem){
					 .status = 503,
					 .type = "overloaded",
					 .detail = "There is no room for another stream now.",
					 .retry_after_s = RETRY_AFTER_S,
				 });
}

struct httpd_stream *httpd_stream_begin(struct httpd_req *req, const struct httpd_stream_conf *conf)
{
	struct httpd *h = req->h;
	struct httpd_stream *s;
	bool is_head;

	if (req->conn == NULL) {
		req_free(req);
		return NULL;
	}
	if (h->draining || h->stats.streams >= h->limits.streams_max) {
		refuse_stream(req);
		return NULL;
	}
	s = conn_stream(req->conn, conf);
	is_head = req->parser.is_head;
	req_free(req);
	if (!is_head)
		return s;
	s->chunked = false; /* not even the last chunk */
	httpd_stream_end(s);
	return NULL;
}

void httpd_stream_write(struct httpd_stream *s, struct span bytes)
{
	if (s->conn->state != CONN_STREAMING || bytes.n == 0)
		return;
	stream_send(s, bytes);
	if (conn_unsent(s->conn) > s->unsent_max)
		stream_cut(s->conn);
}

bool httpd_stream_is_behind(const struct httpd_stream *s)
{
	return s->conn->state == CONN_STREAMING && conn_unsent(s->conn) > 0;
}

void httpd_stream_end(struct httpd_stream *s)
{
	s->on_gone = NULL;
	if (s->conn->state == CONN_STREAMING)
		stream_close(s->conn);
}

void stream_beat(struct conn *c)
{
	struct httpd_stream *s = c->stream;

	if (!s->read_up) {
		stream_cut(c);
		return;
	}
	s->read_up = false;
	conn_set_wait(c, s->beat_ms);
	httpd_stream_write(s, s->beat);
}

void stream_close(struct conn *c)
{
	static char last[] = "0\r\n\r\n";
	struct iovec v = { .iov_base = last, .iov_len = sizeof(last) - 1 };

	if (c->stream->chunked)
		conn_send(c, &v, 1);
	conn_set_wait(c, CLOSE_MS);
	conn_finish(c);
}

void stream_forget(struct conn *c)
{
	struct httpd_stream *s = c->stream;

	if (s == NULL)
		return;
	c->stream = NULL;
	c->h->stats.streams--;
	if (s->on_gone != NULL)
		s->on_gone(s->ctx);
	free(s);
}
