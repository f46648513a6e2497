/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/httpd_private.h"
#include "io/tls.h"

/* Input read ahead of its turn: twice what libevent reads at once, so that it rarely stops. */
#define INPUT_MAX ((size_t)32 << 10)

#define HANDSHAKE_MS  5000
#define LINGER_MS     2000
#define LINGER_MAX    ((size_t)16 << 20)
#define RETRY_AFTER_S 2
#define NEVER         INT64_MAX

/*
 * Timers are lazy: one that fires before the deadline is set again for the rest.
 * A busy connection moves its deadline with every request and its timer seldom.
 */
static void conn_set_deadline(struct conn *c, int64_t deadline_ms)
{
	c->deadline_ms = deadline_ms;
	if (deadline_ms >= c->armed_ms)
		return;
	c->armed_ms = deadline_ms;
	loop_timer_set(c->timer, deadline_ms - clock_mono().ms);
}

void conn_set_wait(struct conn *c, int64_t wait_ms)
{
	conn_set_deadline(c, clock_mono().ms + wait_ms);
}

/* How long n bytes may take in either direction, the head's share included. */
static int64_t transfer_ms(const struct httpd *h, uint64_t n)
{
	return h->limits.request_ms + (int64_t)(n / 1024) * h->limits.body_ms_per_mib / 1024;
}

size_t conn_unsent(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

void conn_retire(struct conn *c)
{
	if (c->state == CONN_RETIRED)
		return;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	loop_timer_stop(c->timer);
	if (c->state == CONN_READING) {
		req_free(TAKE(c->req));
	} else if (c->req != NULL) {
		c->req->conn = NULL;
		LIST_INSERT_HEAD(&c->h->orphans, c->req, entry);
		c->req = NULL;
	}
	c->state = CONN_RETIRED;
	loop_defer(c->h->l, &c->task);
}

void conn_free(struct conn *c)
{
	struct httpd *h = c->h;

	conn_retire(c);
	stream_forget(c);
	loop_undefer(h->l, &c->task);
	loop_timer_free(c->timer);
	if (c->listener->tls != NULL)
		tls_session_finish(bufferevent_openssl_get_ssl(c->bev));
	bufferevent_free(c->bev);
	if (!c->is_unix)
		peer_leave(h, &c->address);
	h->stats.connections--;
	LIST_REMOVE(c, entry);
	free(c);
}

/* Everything was said. Close our half and wait, for a while, for the peer to close its own. */
static void conn_linger(struct conn *c)
{
	if (c->eof) {
		conn_retire(c);
		return;
	}
	if (c->listener->tls != NULL)
		tls_session_finish(bufferevent_openssl_get_ssl(c->bev));
	IGNORE(shutdown(bufferevent_getfd(c->bev), SHUT_WR) != 0);
	c->state = CONN_LINGERING;
	conn_set_wait(c, LINGER_MS);
}

/* The output is empty. */
static void conn_flushed(struct conn *c)
{
	if (c->state == CONN_LAST)
		conn_linger(c);
	else if (c->state == CONN_IDLE)
		conn_set_wait(c, c->h->limits.idle_ms);
	else if (c->state == CONN_STREAMING)
		c->stream->read_up = true;
}

void conn_finish(struct conn *c)
{
	c->state = CONN_LAST;
	if (conn_unsent(c) == 0)
		conn_flushed(c);
}

/* Write straight to the socket when nothing is ahead of us; leave the rest to libevent. */
void conn_send(struct conn *c, struct iovec *v, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct msghdr message = { .msg_iov = v, .msg_iovlen = n };
	ssize_t rc = 0;
	size_t sent;

	if (c->listener->tls == NULL && evbuffer_get_length(out) == 0)
		rc = sendmsg(bufferevent_getfd(c->bev), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	sent = rc > 0 ? (size_t)rc : 0; /* of an error, libevent will tell us */
	for (size_t i = 0; i < n; i++) {
		size_t skip = sent < v[i].iov_len ? sent : v[i].iov_len;

		sent -= skip;
		if (skip < v[i].iov_len &&
			evbuffer_add(out, (char *)v[i].iov_base + skip, v[i].iov_len - skip) != 0)
			abort();
	}
}

static struct iovec iovec_of(struct span s)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)s.p, .iov_len = s.n };
}

static bool is_last(const struct conn *c)
{
	return c->state == CONN_READING /* what is left of the body must not become a request */
	       || c->req->parser.wants_close || c->requests >= c->h->limits.requests_max ||
	       c->h->draining;
}

void conn_answer(struct conn *c, const struct httpd_answer *answer)
{
	CLEANUP(buf_release) struct buf head;
	bool last = is_last(c), has_body = answer->body.n > 0 && !c->req->parser.is_head;
	struct iovec v[2];

	buf_init(&head, SIZE_MAX / 2);
	v[0] = iovec_of(head_compose(answer, FRAMED_BY_LENGTH, last, &head));
	v[1] = iovec_of(answer->body);
	c->req = NULL;
	c->state = last ? CONN_LAST : CONN_IDLE;
	conn_set_wait(c, transfer_ms(c->h, answer->body.n));
	conn_send(c, v, has_body ? 2 : 1);
	if (conn_unsent(c) == 0)
		conn_flushed(c);
	/* The next request may be here already; but handlers do not nest. */
	if (!c->pumping)
		loop_defer(c->h->l, &c->task);
}

static void refuse_malformed(struct conn *c)
{
	const struct http_parser *p = &c->req->parser;
	struct httpd_problem problem = {
		.status = p->status,
		.type = p->problem,
		.detail = p->detail,
		.fields = p->status == 415 ? "Accept-Encoding: identity\r\n" : NULL,
	};

	c->h->stats.bad_requests++;
	httpd_reply_problem(c->req, &problem);
}

static void refuse_overload(struct conn *c)
{
	c->h->stats.overload++;
	httpd_reply_problem(c->req, &(struct httpd_problem){
					    .status = 503,
					    .type = "overloaded",
					    .detail = "Too much is under way; send it again later.",
					    .retry_after_s = RETRY_AFTER_S,
				    });
}

static void refuse_late(struct conn *c)
{
	httpd_reply_problem(c->req, &(struct httpd_problem){
					    .status = 408,
					    .type = "request-timeout",
					    .detail = "The request was not complete in time.",
				    });
}

static void conn_extend_deadline(struct conn *c)
{
	const struct http_parser *p = &c->req->parser;
	uint64_t n = p->body.len > p->length ? p->body.len : p->length;

	conn_set_deadline(c, c->req->begun_ms + transfer_ms(c->h, n));
}

static void conn_invite_body(struct conn *c)
{
	static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec v = { .iov_base = line, .iov_len = sizeof(line) - 1 };

	/* Not to a client that did not wait (RFC 9110, section 10.1.1). */
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
		conn_send(c, &v, 1);
}

/* The head is complete. Returns the verdict; HTTP_MORE also if the request was answered. */
static enum http_verdict conn_admit(struct conn *c)
{
	const struct httpd_handler *handler = &c->listener->handler;
	struct httpd_verdict answer = handler->on_head(handler->ctx, c->req);
	struct httpd *h = c->h;
	enum http_verdict v;

	assert(answer.refused == (c->req == NULL));
	if (answer.refused)
		return HTTP_MORE;
	v = http_parser_admit(&c->req->parser, answer.body_max);
	if (v != HTTP_MORE)
		return v;
	/*
	 * A length declared reserves nothing, or a few silent clients would keep
	 * all others out; but who cannot be served is told before he sends.
	 */
	if (h->stats.inflight + c->req->parser.length > h->limits.inflight_max) {
		refuse_overload(c);
		return v;
	}
	conn_extend_deadline(c);
	if (c->req->parser.expects_continue)
		conn_invite_body(c);
	return v;
}

static void conn_complete(struct conn *c)
{
	const struct httpd_handler *handler = &c->listener->handler;

	c->h->stats.requests++;
	c->state = CONN_ANSWERING;
	conn_set_deadline(c, NEVER);
	handler->on_request(handler->ctx, c->req);
}

static void conn_begin(struct conn *c)
{
	int64_t now_ms = clock_mono().ms;

	c->req = req_new(c, now_ms);
	c->requests++;
	c->state = CONN_READING;
	conn_set_deadline(c, now_ms + c->h->limits.request_ms);
}

/* Parse what lies in one piece at the front of the input. */
static void conn_read(struct conn *c, struct evbuffer *in)
{
	struct evbuffer_iovec piece;
	enum http_verdict v;
	size_t used;

	if (c->state == CONN_IDLE)
		conn_begin(c);
	if (evbuffer_peek(in, -1, NULL, &piece, 1) < 1)
		abort();
	v = http_parser_feed(&c->req->parser, piece.iov_base, piece.iov_len, &used);
	evbuffer_drain(in, used);
	if (v == HTTP_HEAD)
		v = conn_admit(c);
	if (c->state != CONN_READING)
		return; /* answered, refused */
	if (v == HTTP_REFUSED) {
		refuse_malformed(c);
	} else if (!req_charge(c->req)) {
		refuse_overload(c);
	} else if (v == HTTP_DONE) {
		conn_complete(c);
	} else if (c->req->parser.is_chunked) {
		conn_extend_deadline(c);
	}
}

/* A client that sends requests but does not read answers waits here. */
static bool conn_may_read(const struct conn *c)
{
	return c->state == CONN_READING ||
	       (c->state == CONN_IDLE && conn_unsent(c) <= c->h->limits.output_pause);
}

static void conn_discard(struct conn *c, struct evbuffer *in)
{
	size_t n = evbuffer_get_length(in);

	c->discarded += n;
	evbuffer_drain(in, n);
	if (c->discarded > LINGER_MAX)
		conn_retire(c);
}

/* The peer has sent its last byte and we have read it. */
static void conn_on_end(struct conn *c)
{
	if (c->state == CONN_READING)
		conn_retire(c); /* nobody waits for an answer to half a request */
	else if (c->state == CONN_IDLE)
		conn_finish(c);
}

/* Read what may be read now. */
static void conn_pump(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	c->pumping = true;
	while (conn_may_read(c) && evbuffer_get_length(in) > 0)
		conn_read(c, in);
	c->pumping = false;
	if (c->state == CONN_LAST || c->state == CONN_LINGERING || c->state == CONN_STREAMING)
		conn_discard(c, in);
	else if (c->eof && evbuffer_get_length(in) == 0)
		conn_on_end(c);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	(void)bev;
	conn_pump(ctx);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;

	(void)bev;
	if (conn_unsent(c) == 0)
		conn_flushed(c);
	conn_pump(c);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		c->state = CONN_IDLE;
		conn_set_wait(c, c->h->limits.idle_ms);
		return;
	}
	if (!(what & BEV_EVENT_EOF) || c->state == CONN_HANDSHAKE || c->state == CONN_LINGERING ||
		c->state == CONN_STREAMING) {
		conn_retire(c);
		return;
	}
	c->eof = true;
	conn_pump(c);
}

static void on_due(void *ctx)
{
	struct conn *c = ctx;

	c->armed_ms = NEVER;
	if (clock_mono().ms < c->deadline_ms) {
		conn_set_deadline(c, c->deadline_ms);
		return;
	}
	if (c->state == CONN_HANDSHAKE || c->state == CONN_READING)
		c->h->stats.timeouts++;
	if (c->state == CONN_READING)
		refuse_late(c);
	else if (c->state == CONN_STREAMING)
		stream_beat(c);
	else
		conn_retire(c);
}

/* At the end of a pass. */
static void conn_task(struct loop_task *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, task);

	if (c->state == CONN_RETIRED)
		conn_free(c);
	else
		conn_pump(c);
}

static int64_t peer_uid(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return -1;
	return peer.uid;
}

static struct bufferevent *bufferevent_for(struct listener *ln, int fd)
{
	struct event_base *base = loop_base(ln->h->l);
	struct ssl_st *ssl;

	if (ln->tls == NULL)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = tls_session_new(ln->tls);
	if (ssl == NULL)
		abort();
	return bufferevent_openssl_socket_new(
		base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

/* How long a client may take until its first byte, or until its handshake is done. */
static int64_t first_wait_ms(const struct listener *ln)
{
	const struct httpd_limits *limits = &ln->h->limits;

	if (ln->tls == NULL)
		return limits->idle_ms;
	return limits->request_ms < HANDSHAKE_MS ? limits->request_ms : HANDSHAKE_MS;
}

void conn_new(struct listener *ln, int fd, const struct in6_addr *address)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	*c = (struct conn){
		.task.run = conn_task,
		.h = ln->h,
		.listener = ln,
		.bev = bufferevent_for(ln, fd),
		.deadline_ms = NEVER,
		.armed_ms = NEVER,
		.uid = address == NULL ? peer_uid(fd) : -1,
		.state = ln->tls == NULL ? CONN_IDLE : CONN_HANDSHAKE,
		.is_unix = address == NULL,
	};
	if (c->bev == NULL)
		abort();
	if (address != NULL)
		c->address = *address;
	c->timer = loop_timer_new(ln->h->l, on_due, c);
	LIST_INSERT_HEAD(&ln->h->conns, c, entry);
	ln->h->stats.connections++;
	conn_set_wait(c, first_wait_ms(ln));
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Has the peer sent what we have not read yet? */
static bool has_arrived(const struct conn *c)
{
	char byte;

	return evbuffer_get_length(bufferevent_get_input(c->bev)) > 0 ||
	       recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void conn_drain(struct conn *c)
{
	/* Between requests; before the first one, the client counts on us. */
	if (c->state == CONN_IDLE && c->requests > 0 && !has_arrived(c))
		conn_finish(c);
	else if (c->state == CONN_STREAMING)
		stream_close(c);
}
