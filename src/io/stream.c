/* SPDX-License-Identifier: Apache-2.0 */
#include "io/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/dial.h"
#include "io/loop.h"
#include "io/tls.h"

/* How long a new connection over a network has to hold before anything counts. */
#define TRIAL_MS 200

/* Between two looks whether all is acknowledged: doubled each time. */
#define LOOK_FIRST_MS 1
#define LOOK_MAX_MS   50

#define WHY_MAX 200

/*
 *	write         connected       certificate holds
 * CLOSED --> DIALLING --> (HANDSHAKE) --> OPEN
 *    ^           |             |           |
 *    +-----------+-------------+-----------+
 *	failed, late, closed by the peer: every message ends so
 */
enum stream_state {
	STREAM_CLOSED,
	STREAM_DIALLING,
	STREAM_HANDSHAKE, /* TLS */
	STREAM_OPEN,      /* every message is with bev */
};

struct message {
	STAILQ_ENTRY(message) entry;
	char *bytes; /* NULL once they are with bev */
	size_t len;
	int64_t deadline_ms; /* monotonic */
	void (*on_written)(void *ctx, const char *why);
	void *ctx;
};

STAILQ_HEAD(message_list, message);

struct stream {
	struct loop *l;
	struct dialler *dialler;
	char *host; /* that its certificate must be for */
	const struct tls_client *tls;
	bool is_local; /* a unix socket */
	int64_t timeout_ms;
	enum stream_state state;
	struct bufferevent *bev;     /* in a handshake, or open */
	struct loop_timer *deadline; /* of the first message */
	struct loop_timer *look;
	int64_t look_ms;
	int64_t trusted_ms; /* monotonic: when a new connection has held */
	struct message_list messages;
};

static int64_t now_ms(void)
{
	return clock_mono().ms;
}

/* --- messages --- */

static void message_free(struct message *m)
{
	free(m->bytes);
	free(m);
}

/* End all. Their owners may write on from within: that is for the next connection. */
static void messages_end(struct stream *s, const char *why)
{
	struct message_list all = STAILQ_HEAD_INITIALIZER(all);

	STAILQ_CONCAT(&all, &s->messages);
	while (!STAILQ_EMPTY(&all)) {
		struct message *m = STAILQ_FIRST(&all);

		STAILQ_REMOVE_HEAD(&all, entry);
		m->on_written(m->ctx, why);
		message_free(m);
	}
}

static void stream_set_deadline(struct stream *s)
{
	const struct message *m = STAILQ_FIRST(&s->messages);

	if (m != NULL)
		loop_timer_set(s->deadline, m->deadline_ms - now_ms());
	else
		loop_timer_stop(s->deadline);
}

/* --- ending a connection --- */

static void stream_close(struct stream *s)
{
	dialler_cancel(s->dialler);
	if (s->bev != NULL) {
		if (s->tls != NULL)
			tls_session_finish(bufferevent_openssl_get_ssl(s->bev));
		bufferevent_free(TAKE(s->bev));
	}
	loop_timer_stop(s->look);
	s->state = STREAM_CLOSED;
}

static void stream_fail(struct stream *s, const char *why)
{
	char copy[WHY_MAX];

	snprintf(copy, sizeof(copy), "%s", why);
	stream_close(s);
	loop_timer_stop(s->deadline);
	messages_end(s, copy);
}

/* --- an open connection --- */

/* Bytes that the other side has not acknowledged; -1 if the system does not say. */
static int unacknowledged(const struct stream *s)
{
	int n;

	if (evbuffer_get_length(bufferevent_get_output(s->bev)) > 0)
		return 1;
	return ioctl(bufferevent_getfd(s->bev), SIOCOUTQ, &n) == 0 ? n : -1;
}

static void look_again(struct stream *s)
{
	loop_timer_set(s->look, s->look_ms);
	s->look_ms = s->look_ms * 2 < LOOK_MAX_MS ? s->look_ms * 2 : LOOK_MAX_MS;
}

/*
 * Ends of the connection are heard before timers, so it is still good. What is
 * written meanwhile is waited for too, which ends because writers wait for us.
 */
static void on_look(void *ctx)
{
	struct stream *s = ctx;

	if (STAILQ_EMPTY(&s->messages))
		return;
	if (unacknowledged(s) != 0 || now_ms() < s->trusted_ms) {
		look_again(s);
		return;
	}
	loop_timer_stop(s->deadline);
	messages_end(s, NULL);
	stream_set_deadline(s);
}

static void message_pass(struct stream *s, struct message *m)
{
	if (bufferevent_write(s->bev, m->bytes, m->len) != 0)
		abort();
	free(TAKE(m->bytes));
	s->look_ms = LOOK_FIRST_MS;
	look_again(s);
}

static void stream_open(struct stream *s)
{
	struct message *m;

	s->state = STREAM_OPEN;
	s->trusted_ms = s->is_local ? 0 : now_ms() + TRIAL_MS;
	STAILQ_FOREACH(m, &s->messages, entry)
	message_pass(s, m);
}

/* Nothing is to be read; but reading is how its end is heard of. */
static void on_read(struct bufferevent *bev, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)ctx;
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct stream *s = ctx;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED)
		stream_open(s);
	else if (s->tls != NULL && (what & BEV_EVENT_ERROR))
		stream_fail(s, tls_session_error(bufferevent_openssl_get_ssl(bev),
				       bufferevent_get_openssl_error(bev), error));
	else if (what & BEV_EVENT_EOF)
		stream_fail(s, "the other side closed the connection");
	else
		stream_fail(s, strerror(error));
}

/* Has the other side closed it, though the loop has not told us yet? */
static bool is_closed_by_peer(const struct stream *s)
{
	char byte;
	ssize_t n = recv(bufferevent_getfd(s->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* --- connecting --- */

static struct bufferevent *bufferevent_for(struct stream *s, int fd)
{
	struct event_base *base = loop_base(s->l);
	struct ssl_st *ssl;

	if (s->tls == NULL)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = tls_client_session_new(s->tls, s->host);
	if (ssl == NULL)
		abort();
	return bufferevent_openssl_socket_new(
		base, fd, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
}

static void on_dialled(void *ctx, int fd, const char *why)
{
	struct stream *s = ctx;

	if (fd < 0) {
		stream_fail(s, why);
		return;
	}
	s->bev = bufferevent_for(s, fd);
	if (s->bev == NULL)
		abort();
	bufferevent_setcb(s->bev, on_read, NULL, on_event, s);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	if (s->tls == NULL)
		stream_open(s);
	else
		s->state = STREAM_HANDSHAKE;
}

static const char *late_words(const struct stream *s)
{
	switch (s->state) {
	case STREAM_CLOSED: break;
	case STREAM_DIALLING: return dialler_late(s->dialler);
	case STREAM_HANDSHAKE: return "the TLS handshake was not done in time";
	case STREAM_OPEN: return "not acknowledged in time";
	}
	return "not written in time";
}

static void on_late(void *ctx)
{
	struct stream *s = ctx;

	stream_fail(s, late_words(s));
}

/* --- life --- */

void stream_write(struct stream *s, struct span bytes,
	void (*on_written)(void *ctx, const char *why), void *ctx)
{
	struct message *m = xcalloc(1, sizeof(*m));
	bool is_first = STAILQ_EMPTY(&s->messages);

	*m = (struct message){
		.bytes = xstrndup(bytes.p, bytes.n),
		.len = bytes.n,
		.deadline_ms = now_ms() + s->timeout_ms,
		.on_written = on_written,
		.ctx = ctx,
	};
	STAILQ_INSERT_TAIL(&s->messages, m, entry);
	if (is_first)
		stream_set_deadline(s);
	if (s->state == STREAM_OPEN && is_first && is_closed_by_peer(s))
		stream_close(s);
	if (s->state == STREAM_OPEN)
		message_pass(s, m);
	if (s->state != STREAM_CLOSED)
		return;
	s->state = STREAM_DIALLING;
	dialler_dial(s->dialler, on_dialled, s);
}

void stream_cancel(struct stream *s)
{
	while (!STAILQ_EMPTY(&s->messages)) {
		struct message *m = STAILQ_FIRST(&s->messages);

		STAILQ_REMOVE_HEAD(&s->messages, entry);
		message_free(m);
	}
	loop_timer_stop(s->deadline);
}

enum err stream_new(struct loop *l, const struct stream_conf *conf, struct stream **out)
{
	const struct dial_conf dial = {
		.path = conf->path,
		.host = conf->host,
		.port = conf->port,
	};
	struct stream *s = xcalloc(1, sizeof(*s));

	if (dialler_new(l, &dial, &s->dialler) != ERR_OK) {
		free(s);
		return ERR_IO;
	}
	s->l = l;
	s->host = conf->host == NULL ? NULL : xstrdup(conf->host);
	s->tls = conf->tls;
	s->is_local = conf->path != NULL;
	s->timeout_ms = conf->timeout_ms;
	STAILQ_INIT(&s->messages);
	s->deadline = loop_timer_new(l, on_late, s);
	s->look = loop_timer_new(l, on_look, s);
	*out = s;
	return ERR_OK;
}

void stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	stream_cancel(s);
	stream_close(s);
	dialler_free(s->dialler);
	loop_timer_free(s->deadline);
	loop_timer_free(s->look);
	free(s->host);
	free(s);
}
