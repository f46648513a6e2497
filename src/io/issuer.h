/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_ISSUER_H
#define IO_ISSUER_H

#include "base/clock.h"
#include "base/span.h"
#include "io/jwt.h"

struct httpc;
struct loop;

/*
 * Somebody whose tokens we take, with the keys it publishes as a JWK Set. They
 * are fetched again every ten minutes; a token by a key that is not known yet
 * waits for one fetch more, if the last one is refetch_min_ms ago, or a second
 * where there was none in it, and the pace allows it. While they cannot be
 * fetched, the last good ones hold for their grace.
 */
struct issuer;

/* How often tokens by unknown keys make several issuers fetch: so often in a minute. */
#define ISSUER_PACE_MAX 10

struct issuer_pace {
	struct mono began[ISSUER_PACE_MAX]; /* the last ones, in a ring */
	size_t n;                           /* ever */
};

/* Take one of them. False: there were as many in the last minute. */
bool issuer_pace_take(struct issuer_pace *p, struct mono now);

struct issuer_conf {
	struct jwt_rules rules; /* strings are copied */
	const char *keys_url;   /* NULL: what its discovery document says (io/discovery.h) */
	int64_t timeout_ms;     /* of a call */
	int64_t refetch_min_ms;
	int64_t grace_ms;
	struct issuer_pace *pace; /* shared, outlives the issuer; NULL: none */
	/* Its keys cannot be fetched, told once; or they can again: why is NULL. May be NULL. */
	void (*on_trouble)(void *ctx, const char *iss, const char *why);
	void *ctx;
};

struct issuer *issuer_new(struct loop *l, struct httpc *http, const struct issuer_conf *conf);

/* Go on by this configuration and keep the keys; false, with no change, if they are of others. */
bool issuer_set(struct issuer *i, const struct issuer_conf *conf);

/* What waits is judged by the keys there are. */
void issuer_free(struct issuer *i);

/*
 * Judge a token; *t, borrowed for the callback, is NULL if it cannot be read.
 * on_judged runs once: before this returns, or later if a key has to be fetched.
 */
typedef void (*issuer_judged_cb)(void *ctx, enum jwt_verdict v, const struct jwt *t);

void issuer_judge(struct issuer *i, struct span token, issuer_judged_cb on_judged, void *ctx);

struct issuer_status {
	size_t keys;
	struct wall fetched; /* WALL_NONE: never */
	unsigned failures;   /* of fetches, in a row */
};

struct issuer_status issuer_status(const struct issuer *i);

#endif
