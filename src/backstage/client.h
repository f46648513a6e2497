/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CLIENT_H
#define BACKSTAGE_CLIENT_H

#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "io/httpc.h"

struct identity;
struct secret;

/* One Backstage backend and how we identify ourselves to it. */
struct backstage_client;

struct backstage_client_conf {
	const char *url; /* of the backend, without "/api" and without a slash at the end */
	int64_t timeout_ms;
	unsigned connections_max;
};

/* token is taken, and may be NULL. conf is copied. */
struct backstage_client *backstage_client_new(
	struct httpc *http, const struct backstage_client_conf *conf, struct secret *token);
void backstage_client_free(struct backstage_client *c);

/* Use another token from now on; taken. */
void backstage_client_set_token(struct backstage_client *c, struct secret *token);

/* How often the token was replaced. */
unsigned backstage_client_generation(const struct backstage_client *c);

/* Have it called when Backstage answers 401 or 403: is there a newer token? */
void backstage_client_on_refused(
	struct backstage_client *c, void (*on_refused)(void *ctx), void *ctx);

/* Use tokens of this identity instead, borrowed; NULL: the token again. */
void backstage_client_set_identity(struct backstage_client *c, struct identity *identity);

/*
 * Call path, which begins with "/api/". A body is sent as JSON. on_answer as in
 * io/httpc.h. body may be empty.
 */
MUST_CHECK enum err backstage_call(struct backstage_client *c, const char *method, const char *path,
	struct span body, size_t answer_max,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call);

/*
 * The same for a GET that Backstage holds open until there is news: it may take
 * timeout_ms, and a cut answer is never asked for again.
 */
MUST_CHECK enum err backstage_poll(struct backstage_client *c, const char *path, int64_t timeout_ms,
	size_t answer_max, void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call);

/* How Backstage means an answer, whatever its status says. */
enum backstage_answer {
	BACKSTAGE_OK,        /* 2xx */
	BACKSTAGE_GONE,      /* 404 with a JSON NotFoundError */
	BACKSTAGE_TRANSIENT, /* no answer, 5xx, 429, a 404 without body: routes not mounted yet */
	BACKSTAGE_UNAUTHORIZED, /* 401, 403: our configuration */
	BACKSTAGE_REFUSED,      /* any other 4xx, and 3xx: this request will never work */
};

enum backstage_answer backstage_classify(const struct httpc_answer *a);

/*
 * Write "403 NotAllowedError: This token's …" for the operator: status and the
 * error's name and message, foreign text made printable, cut to fit.
 */
void backstage_describe(const struct httpc_answer *a, char *text, size_t max);

#endif
