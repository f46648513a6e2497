/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;
struct tls_server;

/*
 * The HTTP/1.1 front: bufferevent, our own strict parser, and limits that hold
 * whoever connects. It answers what is not HTTP by itself; what is reaches the
 * listener's handler. Answers may come later, on any pass, also when the client
 * has gone meanwhile.
 */
struct httpd;
struct httpd_req;

struct httpd_limits {
	size_t head_max;          /* bytes of request line and fields */
	size_t token_head_max;    /* the same where a listener takes tokens */
	size_t uri_max;           /* bytes of the request target */
	unsigned fields_max;      /* header fields */
	int64_t request_ms;       /* absolute: from the first byte to the whole head and body */
	int64_t body_ms_per_mib;  /* added to request_ms for each MiB of body declared or read */
	int64_t idle_ms;          /* a connection between requests */
	unsigned requests_max;    /* on one connection; then it is closed */
	unsigned connections_max; /* on all listeners */
	unsigned connections_per_address; /* IPv4 address or IPv6 /64; unix sockets are exempt */
	size_t inflight_max;              /* bytes of bodies held at once, on all connections */
	size_t output_pause;  /* no next pipelined request while more than this is unsent */
	unsigned streams_max; /* answers without an end, on all listeners */
};

/* What a handler says once the head is there, before any of the body is read. */
struct httpd_verdict {
	bool refused;    /* the handler has called httpd_reply(); the connection closes */
	size_t body_max; /* else: over this the front answers 413 */
};

struct httpd_handler {
	/* The head is complete. May refuse by replying at once. */
	struct httpd_verdict (*on_head)(void *ctx, struct httpd_req *req);
	/* The body is complete too. Must lead to exactly one httpd_reply(). */
	void (*on_request)(void *ctx, struct httpd_req *req);
	void *ctx;
};

/* Ignores SIGPIPE for the process: a client that has gone must not end it. */
struct httpd *httpd_new(struct loop *l, const struct httpd_limits *limits);

/*
 * Close every listener and connection; not from within a handler. Unanswered
 * requests may still be replied to.
 */
void httpd_free(struct httpd *h);

/* Take effect for new requests and connections. */
void httpd_set_limits(struct httpd *h, const struct httpd_limits *limits);

/*
 * Listen at "host:port", "[v6]:port", "unix:/path" or "systemd:NAME" (the
 * sockets of that FileDescriptorName, passed by activation). A unix socket that
 * nobody answers on is replaced; it gets mode. tls may be NULL. handler is
 * copied. On ERR_IO, *why (free(3) it) says what failed.
 */
struct httpd_listen {
	const char *address;
	unsigned mode;
	struct tls_server *tls; /* borrowed; NULL: plain */
	struct httpd_handler handler;
	bool takes_tokens; /* which are long: limits.token_head_max holds */
};

MUST_CHECK enum err httpd_listen(struct httpd *h, const struct httpd_listen *conf, char **why);

/* Where the i-th listening socket is bound, with the port the system chose; NULL past the last. */
const char *httpd_address(const struct httpd *h, size_t i);

/*
 * Accept no more; answer what is under way, then close each connection. Who has
 * connected but not sent a request yet still may, within the idle time: nobody
 * sends a webhook twice.
 */
void httpd_drain(struct httpd *h);

/* Are there connections with a request under way; while draining, any at all? */
bool httpd_is_busy(const struct httpd *h);

struct httpd_stats {
	uint64_t accepted, refused_address, refused_total, requests, bad_requests, timeouts;
	uint64_t overload;    /* answered 503 for the byte budget */
	uint64_t pauses;      /* of a listener, 200 ms each, for want of descriptors */
	uint64_t streams_cut; /* whose reader was too slow */
	unsigned connections, streams;
	size_t inflight; /* bytes of bodies held now */
};

struct httpd_stats httpd_stats(const struct httpd *h);

/* The request, borrowed until httpd_reply(). */
bool httpd_req_is_post(const struct httpd_req *req); /* else GET or HEAD */

/* Whoever answers a HEAD answers as to a GET; the front leaves the body out. */
bool httpd_req_is_head(const struct httpd_req *req);
struct span httpd_req_path(const struct httpd_req *req);
struct span httpd_req_query(const struct httpd_req *req); /* without '?'; empty if none */

/* A field's value, trimmed; false if it is absent. Sent twice, it is the first. */
bool httpd_req_field(const struct httpd_req *req, const char *name, struct span *value);

/* Is its Content-Type this one, whatever its parameters? */
bool httpd_req_media_is(const struct httpd_req *req, const char *type);

/* How often a field was sent. */
unsigned httpd_req_field_count(const struct httpd_req *req, const char *name);
struct span httpd_req_body(const struct httpd_req *req);

/* The client's address as text, without port; "unix" on a unix socket. */
const char *httpd_req_peer(const struct httpd_req *req);

/* The peer's user id on a unix socket (SO_PEERCRED), -1 elsewhere. */
int64_t httpd_req_peer_uid(const struct httpd_req *req);

struct httpd_answer {
	int status; /* never 3xx, for Travis follows and loses the event; but 304 leads nowhere */
	const char *content_type; /* NULL: no body */
	struct span body;
	unsigned retry_after_s; /* 0: no such field */
	const char *fields;     /* more lines, each ending in CRLF; or NULL */
};

/*
 * Answer and give the request up; it is invalid afterwards. Harmless when the
 * client has gone. Where several answers are owed on one connection they go out
 * in the order of the requests.
 */
void httpd_reply(struct httpd_req *req, const struct httpd_answer *answer);

/*
 * Answer with a problem document (RFC 9457). type is our stable name of the
 * problem, such as "signature-missing"; detail must not repeat a secret or what
 * the right value would have been.
 */
struct httpd_problem {
	int status;
	const char *type;
	const char *detail;
	unsigned retry_after_s;
	const char *fields;
};

void httpd_reply_problem(struct httpd_req *req, const struct httpd_problem *problem);

/*
 * An answer without an end, such as Server-Sent Events (WHATWG HTML, section
 * 9.2): 200, then pieces as they come, each at once. The connection carries
 * nothing after it. Memory is bounded: a peer that has more than unsent_max bytes
 * to read yet, or has not read up once in a whole beat, is cut off. A peer that
 * sends its end has gone. While draining, streams end at once, and in order.
 *
 * A stream is valid until httpd_stream_end(), or until on_gone() has returned,
 * which is called once, at the end of a pass and never from within a call, also
 * by httpd_free(); what is written to one that is going is forgotten.
 */
struct httpd_stream;

struct httpd_stream_conf {
	const char *content_type;
	const char *fields; /* as in struct httpd_answer */
	struct span beat;   /* sent every beat_ms, so that both ends hear of the other's; literal */
	int64_t beat_ms;
	size_t unsent_max;
	void (*on_gone)(void *ctx);
	void *ctx;
};

/*
 * Answer with a stream and give the request up. NULL, and the request is answered
 * all the same, if it was a HEAD, if the client has gone, and with 503 if there
 * are too many streams already or the daemon is about to stop.
 */
struct httpd_stream *httpd_stream_begin(
	struct httpd_req *req, const struct httpd_stream_conf *conf);

/* A copy of the bytes goes out. */
void httpd_stream_write(struct httpd_stream *s, struct span bytes);
void httpd_stream_end(struct httpd_stream *s);

/* Has the peer something to read yet that the system has no room for? What can wait, should. */
bool httpd_stream_is_behind(const struct httpd_stream *s);

#endif
