/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_API_H
#define TRAVIS_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "base/span.h"

struct httpc;
struct secret;

/*
 * The API of one Travis instance, version 3. A token has all rights of its user
 * on every repository of that user, so each call names the one it is made with.
 */
struct travis_api;
struct travis_api_call;

struct travis_api_conf {
	const char *url; /* "https://api.travis-ci.com", without a slash at the end */
	int64_t timeout_ms;
	unsigned connections_max;
};

/* conf is copied. */
struct travis_api *travis_api_new(struct httpc *http, const struct travis_api_conf *conf);

/* Calls under way go on. */
void travis_api_free(struct travis_api *api);

/* How Travis means an answer, whatever its status and its body's shape say. */
enum travis_answer {
	TRAVIS_OK,           /* 2xx with the JSON object that was asked for, or 204 */
	TRAVIS_TRANSIENT,    /* no answer, 5xx, or one that cannot be read */
	TRAVIS_UNAUTHORIZED, /* the token is bad, expired, or not sent as Travis wants it */
	TRAVIS_FORBIDDEN,    /* the token's user may not do that */
	TRAVIS_NOT_FOUND,    /* not there, or not to be seen with this token */
	TRAVIS_LIMITED,      /* too many requests; or the token is banned for an hour */
	TRAVIS_REFUSED,      /* any other 4xx: this call will never work */
};

struct travis_reply {
	enum travis_answer answer;
	int status;             /* 0: there was no answer */
	bool sent;              /* Travis may have acted on it, whatever came back */
	struct span error_type; /* Travis's word for what is wrong; empty if it has none */
	const char *why;        /* for the operator, printable; "" if all is well */
	int64_t wait_ms;        /* TRAVIS_LIMITED: how long, as far as is known */
	struct json_value body; /* null where it has no JSON object */
};

/*
 * Call path, "/repo/…", with a token that is borrowed until this returns. body,
 * JSON, may be empty. on_reply runs once, later; what it gets is borrowed.
 * ERR_LIMIT if path is too long, ERR_PARSE if the token cannot be sent.
 */
MUST_CHECK enum err travis_api_send(struct travis_api *api, const char *method, const char *path,
	const struct secret *token, struct span body,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx,
	struct travis_api_call **call);

/*
 * The same with a body that is a secret (NULL: there is none). Neither it nor the
 * answer, which may hold values, stays in memory that is not wiped.
 */
MUST_CHECK enum err travis_api_send_secret(struct travis_api *api, const char *method,
	const char *path, const struct secret *token, const struct secret *body,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx,
	struct travis_api_call **call);

/* Give a call up; on_reply is not called. */
void travis_api_cancel(struct travis_api_call *call);

/* Append "/repo/owner%2Fname" and what follows. */
MUST_CHECK enum err travis_path_repo(struct span slug, const char *rest, struct buf *out);

/* A request for a build, as far as Travis has come with it. */
#define TRAVIS_REQUEST_BUILDS 8

enum travis_request_state {
	TRAVIS_REQUEST_PENDING,
	TRAVIS_REQUEST_APPROVED, /* or it has a build */
	TRAVIS_REQUEST_REJECTED,
};

struct travis_request {
	int64_t id;
	enum travis_request_state state;
	struct span slug, message; /* borrowed from the reply; slug is empty where it is not told */
	int64_t build[TRAVIS_REQUEST_BUILDS];
	size_t builds;
	int64_t remaining; /* the repository may have so many within the hour, this one too; -1 */
};

/* What a repository may have at most, where TRAVIS_LIMITED is about that. */
struct travis_limit {
	int64_t builds, per_ms;
};

/* ERR_NOTFOUND if an answer is no 429 of that kind: then it is about the token. */
MUST_CHECK enum err travis_limit_read(const struct travis_reply *r, struct travis_limit *out);

/*
 * Read the answer to a request that was made, or the request itself. Travis looks
 * requests and builds up by number alone: compare the slug before acting on one.
 * ERR_PARSE if it is neither.
 */
MUST_CHECK enum err travis_request_read(struct json_value body, struct travis_request *r);

/* What a build is of, and its state in Travis's word; borrowed from the reply. */
struct travis_build {
	int64_t id;
	struct span number, state, slug, branch;
};

MUST_CHECK enum err travis_build_read(struct json_value body, struct travis_build *b);

#endif
