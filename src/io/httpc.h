/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HTTPC_H
#define IO_HTTPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct egress_rule;
struct loop;

/*
 * The HTTP client: libcurl's multi interface on the loop, connections kept
 * open. Only http and https; no redirects, no proxy, no cookies, no netrc; TLS
 * 1.2 at least, and a peer's certificate always verified.
 */
struct httpc;
struct httpc_call;

struct httpc *httpc_new(struct loop *l);

/* Calls under way end with HTTPC_CANCELLED. */
void httpc_free(struct httpc *c);

enum httpc_result {
	HTTPC_ANSWERED,    /* there is a status, whatever it is */
	HTTPC_UNREACHABLE, /* no connection: name, refused, reset before an answer */
	HTTPC_TLS,         /* the peer's certificate or handshake does not hold */
	HTTPC_FORBIDDEN,   /* the egress guard knows no address there that it lets pass */
	HTTPC_TIMEOUT,
	HTTPC_TOO_LARGE, /* the answer passed answer_max */
	HTTPC_BROKEN,    /* the answer was cut or is no HTTP */
	HTTPC_CANCELLED,
};

/* Where a call may go (base/egress.h), beside the public internet. */
struct httpc_guard {
	const struct egress_rule *rule;
	size_t rules;
};

/* Who we trust and who we are over TLS. The paths are read when a connection opens. */
struct httpc_tls {
	const char *ca;                /* PEM file instead of the system's; or NULL */
	const char *certificate, *key; /* PEM files, for a server that asks; or NULL */
};

/*
 * Sign with AWS Signature Version 4, as libcurl does it: right for a POST to "/"
 * without query, and for no request with an X-Amz-Date of its own.
 */
struct httpc_sigv4 {
	const char *region, *service;
	const char *key_id, *key; /* secrets; a session's token is a field of the request */
};

struct httpc_request {
	const char *method; /* NULL: GET, or POST if there is a body */
	const char *url;
	const char *unix_socket;       /* connect there instead; or NULL */
	const char *const *fields;     /* "Name: value", ended by NULL; or NULL */
	const char *bearer;            /* a secret for Authorization; or NULL. Never logged */
	const char *scheme;            /* before it: "token"; NULL: "Bearer" */
	struct span body;              /* copied */
	int64_t timeout_ms;            /* for all of it */
	size_t answer_max;             /* bytes of answer body */
	unsigned host_connections_max; /* open at once to this host; 0: no bound */
	struct httpc_tls tls;
	const struct httpc_guard *guard; /* borrowed until on_answer; NULL: go anywhere */
	bool http2;                      /* over TLS, if the server speaks it */
	/*
	 * The answer is a secret: it is kept in guarded memory only, and no buffer it
	 * passed through is used again before it was wiped.
	 */
	bool confidential;
	const struct httpc_sigv4 *sigv4; /* instead of bearer; or NULL */
	/* Called before on_answer where the answer is 401 or 403; or NULL. */
	void (*on_refused)(void *ctx);
	void *refused_ctx;
	bool fresh; /* not over a connection used before: a cut is told, never tried again */
};

/* Borrowed for the callback. */
struct httpc_answer {
	enum httpc_result result;
	int status;
	struct span body;
	struct span content_type; /* empty if absent */
	int64_t retry_after_ms;   /* from Retry-After in seconds or as a date; -1 if absent */
	const char *error;        /* for the log, where result is not HTTPC_ANSWERED */
	int64_t took_ms;
	int http_version;        /* 10, 11 or 20; 0: there was no answer */
	bool sent;               /* some of the request left: the peer may have acted on it */
	struct httpc_call *call; /* for httpc_answer_field() and httpc_answer_take() */
};

/*
 * Start a call; on_answer is called exactly once, on a later turn of the loop,
 * never from inside httpc_send(). Everything in req is copied. *call, where
 * wanted, is valid until then. ERR_PARSE if the URL or a field is unusable.
 */
MUST_CHECK enum err httpc_send(struct httpc *c, const struct httpc_request *req,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call);

/* Give a call up; on_answer is not called. */
void httpc_cancel(struct httpc_call *call);

/* A field of the answer, the first of that name; empty if absent. Lasts as *a does. */
struct span httpc_answer_field(const struct httpc_answer *a, const char *name);

/* What the peer's clock says (Date), to the second; WALL_NONE if it says nothing. */
struct wall httpc_answer_date(const struct httpc_answer *a);

/* Take the body's bytes, to free(3) them; a->body still names them. Once only. */
char *httpc_answer_take(const struct httpc_answer *a);

/* Can it be sent: "Name: value" without anything that could end the line (RFC 9110, section 5)? */
bool httpc_field_is_sound(const char *field);

const char *httpc_result_str(enum httpc_result r);

#endif
