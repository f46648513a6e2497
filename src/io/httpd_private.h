/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HTTPD_PRIVATE_H
#define IO_HTTPD_PRIVATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/map.h"
#include "io/http_parser.h"
#include "io/httpd.h"
#include "io/loop.h"

/* What the files httpd*.c share; nobody else includes it. */

struct bufferevent;

/*
 *                   bytes          complete             httpd_reply()
 * (HANDSHAKE) > IDLE ----> READING --------> ANSWERING ----+----> IDLE
 *                             |                            |
 *                             | refused, deadline          | to be closed, or through STREAMING
 *                             +-------------> LAST <-------+
 *                                              | all sent
 *                                              v
 *                                          LINGERING ----> RETIRED
 */
enum conn_state {
	CONN_HANDSHAKE, /* TLS; no request before it is done */
	CONN_IDLE,      /* no byte of the next request was read */
	CONN_READING,   /* req is being parsed */
	CONN_ANSWERING, /* req is the handler's, until httpd_reply() */
	CONN_STREAMING, /* stream is the handler's, until one of them ends it */
	CONN_LAST,      /* the last answer is on its way */
	CONN_LINGERING, /* we have said all; reading on spares the peer a RST before it has read it */
	CONN_RETIRED,   /* freed at the end of the pass */
};

/* The connections of one IPv4 address or IPv6 /64. */
struct peer {
	unsigned connections;
};

struct conn {
	LIST_ENTRY(conn) entry;
	struct loop_task task; /* go on reading, or free */
	struct httpd *h;
	struct listener *listener; /* outlives the connection */
	struct bufferevent *bev;
	struct loop_timer *timer;
	int64_t deadline_ms;         /* monotonic; INT64_MAX: none */
	int64_t armed_ms;            /* when the timer fires: at the deadline or before it */
	struct httpd_req *req;       /* while reading and answering */
	struct httpd_stream *stream; /* from its beginning on, until its owner knows the end */
	struct in6_addr address;     /* IPv4 as v4-mapped; unset on a unix socket */
	int64_t uid;                 /* of the peer on a unix socket, else -1 */
	enum conn_state state;
	unsigned requests; /* answered or being answered */
	size_t discarded;  /* input thrown away at the end */
	bool is_unix;
	bool eof;     /* the peer sends no more; it may still read */
	bool pumping; /* conn_pump() is on the stack */
};

struct httpd_stream {
	struct conn *conn;
	struct span beat;
	int64_t beat_ms;
	size_t unsent_max;
	bool chunked;               /* else the connection's end is the stream's (HTTP/1.0) */
	bool read_up;               /* since the last beat the peer had read all that there was */
	void (*on_gone)(void *ctx); /* NULL: its owner has ended it */
	void *ctx;
};

struct httpd_req {
	LIST_ENTRY(httpd_req) entry; /* among the orphans */
	struct httpd *h;             /* NULL once that was freed */
	struct conn *conn;           /* NULL once the client has gone */
	struct http_parser parser;
	int64_t begun_ms; /* monotonic: the first byte */
	size_t charged;   /* of the byte budget */
	int64_t uid;
	char peer[INET6_ADDRSTRLEN];
};

struct listener {
	LIST_ENTRY(listener) entry;
	struct httpd *h;
	int fd;                   /* -1: closed */
	struct loop_watch *watch; /* NULL while paused */
	struct loop_timer *resume;
	struct tls_server *tls; /* NULL: plain */
	struct httpd_handler handler;
	char *address; /* as bound */
	char *path;    /* of a unix socket we made; else NULL */
	dev_t dev;
	ino_t ino;
	bool is_passed; /* by socket activation */
	bool takes_tokens;
};

struct httpd {
	struct loop *l;
	struct httpd_limits limits;
	LIST_HEAD(, listener) listeners;
	LIST_HEAD(, conn) conns;
	LIST_HEAD(, httpd_req) orphans; /* owed to handlers; their clients have gone */
	struct map peers;               /* address or prefix: struct peer */
	struct httpd_stats stats;
	int spare_fd; /* to be closed when descriptors run out */
	bool draining;
};

/* httpd_listen.c */
void listener_drain(struct listener *ln);
void listener_free(struct listener *ln);
bool peer_enter(struct httpd *h, const struct in6_addr *address);
void peer_leave(struct httpd *h, const struct in6_addr *address);

/* httpd_conn.c: takes fd. address is NULL for a unix socket. */
void conn_new(struct listener *ln, int fd, const struct in6_addr *address);
void conn_drain(struct conn *c);
void conn_free(struct conn *c);

/* Write the answer to c->req and forget that request, which is the caller's from here on. */
void conn_answer(struct conn *c, const struct httpd_answer *answer);

/* Bytes that the system has not taken; send more of them; wait for what comes next. */
size_t conn_unsent(const struct conn *c);
void conn_send(struct conn *c, struct iovec *v, size_t n);
void conn_set_wait(struct conn *c, int64_t wait_ms);

/* Close when all is sent, or at the end of this pass. */
void conn_finish(struct conn *c);
void conn_retire(struct conn *c);

/* httpd_head.c: how the peer knows where the body ends. */
enum framing {
	FRAMED_BY_LENGTH,
	FRAMED_BY_CHUNKS,
	FRAMED_BY_CLOSE,
};

/* Compose status line and fields; last: the connection closes behind it. */
struct span head_compose(
	const struct httpd_answer *a, enum framing framing, bool last, struct buf *head);

/* httpd_stream.c: the deadline of a streaming connection is over; and it is to end. */
void stream_beat(struct conn *c);
void stream_close(struct conn *c);

/* The connection is about to be freed: tell the stream's owner. */
void stream_forget(struct conn *c);

/* httpd_req.c */
struct httpd_req *req_new(struct conn *c, int64_t now_ms);
void req_free(struct httpd_req *req);

/* Count the bytes of the body that are not counted yet; false if that is over the budget. */
bool req_charge(struct httpd_req *req);

#endif
