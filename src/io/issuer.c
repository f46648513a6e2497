/* SPDX-License-Identifier: Apache-2.0 */
#include "io/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "io/discovery.h"
#include "io/httpc.h"
#include "io/loop.h"

#define REFRESH_MS     INT64_C(600000)
#define RETRY_FIRST_MS INT64_C(1000)
#define PACE_MS        INT64_C(60000)
#define WAITING_MAX    64
#define FAULT_MAX      32

/* A token that may be by a key we do not have yet. */
struct waiting {
	char *token;
	size_t n;
	issuer_judged_cb on_judged;
	void *ctx;
};

struct issuer {
	struct loop *loop;
	struct httpc *http;
	char *type, *iss, *audience, *keys_url;
	struct jwt_rules rules;
	int64_t timeout_ms, refetch_min_ms, grace_ms;
	struct issuer_pace *pace;
	void (*on_trouble)(void *ctx, const char *iss, const char *why);
	void *ctx;
	struct jwk_set *keys; /* NULL: never fetched, or too long ago */
	struct loop_timer *fetch_timer, *grace_timer;
	struct httpc_call *call;
	struct mono asked; /* when the last fetch began */
	bool has_asked;
	struct waiting waiting[WAITING_MAX];
	size_t waiting_n;
	struct issuer_status status;
};

static void judge_now(
	struct issuer *i, struct span token, issuer_judged_cb on_judged, void *ctx, bool may_wait);

/* Those who waited have the keys there are now; who comes meanwhile waits no longer. */
static void waiting_judge(struct issuer *i)
{
	struct waiting w[WAITING_MAX];
	size_t n = i->waiting_n;

	for (size_t k = 0; k < n; k++)
		w[k] = i->waiting[k];
	i->waiting_n = 0;
	for (size_t k = 0; k < n; k++) {
		judge_now(i, (struct span){ w[k].token, w[k].n }, w[k].on_judged, w[k].ctx, false);
		free(w[k].token);
	}
}

static void issuer_tell(const struct issuer *i, const char *why)
{
	if (i->on_trouble != NULL)
		i->on_trouble(i->ctx, i->iss, why);
}

static void keys_take(struct issuer *i, struct jwk_set *keys)
{
	if (i->status.failures > 0)
		issuer_tell(i, NULL);
	jwk_set_free(i->keys);
	i->keys = keys;
	i->status.fetched = clock_wall();
	i->status.failures = 0;
	loop_timer_set(i->fetch_timer, REFRESH_MS);
	loop_timer_set(i->grace_timer, i->grace_ms);
}

static void keys_fail(struct issuer *i, const char *why)
{
	int64_t wait_ms = RETRY_FIRST_MS;

	if (i->status.failures == 0)
		issuer_tell(i, why);
	for (unsigned n = i->status.failures; n > 0 && wait_ms < REFRESH_MS; n--)
		wait_ms *= 2;
	i->status.failures++;
	loop_timer_set(i->fetch_timer, wait_ms < REFRESH_MS ? wait_ms : REFRESH_MS);
}

static void fetch_fail(struct issuer *i, const char *why)
{
	keys_fail(i, why);
	waiting_judge(i);
}

static void fetch_send(struct issuer *i, const char *url, size_t answer_max,
	void (*on_answer)(void *ctx, const struct httpc_answer *a))
{
	const struct httpc_request req = {
		.url = url,
		.timeout_ms = i->timeout_ms,
		.answer_max = answer_max,
	};

	if (httpc_send(i->http, &req, on_answer, i, &i->call) == ERR_OK)
		return;
	i->call = NULL;
	fetch_fail(i, "the URL of its keys cannot be used");
}

/* Why there is nothing to read in an answer; NULL if there is. */
static const char *fault_of(const struct httpc_answer *a, char text[FAULT_MAX])
{
	if (a->result != HTTPC_ANSWERED)
		return a->error == NULL ? "no answer" : a->error;
	if (a->status == 200)
		return NULL;
	snprintf(text, FAULT_MAX, "status %d", a->status);
	return text;
}

static void on_keys(void *ctx, const struct httpc_answer *a)
{
	struct issuer *i = ctx;
	struct jwk_set *keys = NULL;
	char text[FAULT_MAX];
	const char *why = fault_of(a, text);

	i->call = NULL;
	if (why == NULL && jwk_set_parse(a->body, &keys) != ERR_OK)
		why = "what it publishes is no key set that is taken";
	if (why != NULL) {
		fetch_fail(i, why);
		return;
	}
	keys_take(i, keys);
	waiting_judge(i);
}

static void on_discovered(void *ctx, const struct httpc_answer *a)
{
	struct issuer *i = ctx;
	CLEANUP(freep) char *url = NULL;
	char text[FAULT_MAX];
	const char *why = fault_of(a, text);

	i->call = NULL;
	if (why == NULL && discovery_read(a->body, i->iss, &url) != ERR_OK)
		why = "its discovery document is none of its own, or names no keys that are taken";
	if (why != NULL)
		fetch_fail(i, why);
	else
		fetch_send(i, url, JWK_SET_BYTES, on_keys);
}

static void on_fetch(void *ctx)
{
	struct issuer *i = ctx;
	CLEANUP(freep) char *url = NULL;

	if (i->call != NULL)
		return;
	i->asked = loop_now(i->loop);
	i->has_asked = true;
	if (i->keys_url != NULL) {
		fetch_send(i, i->keys_url, JWK_SET_BYTES, on_keys);
		return;
	}
	url = discovery_url(i->iss);
	fetch_send(i, url, DISCOVERY_BYTES, on_discovered);
}

static void on_grace_over(void *ctx)
{
	struct issuer *i = ctx;

	jwk_set_free(i->keys);
	i->keys = NULL;
}

bool issuer_pace_take(struct issuer_pace *p, struct mono now)
{
	struct mono *oldest = &p->began[p->n % ISSUER_PACE_MAX];

	if (p->n >= ISSUER_PACE_MAX && now.ms - oldest->ms < PACE_MS)
		return false;
	*oldest = now;
	p->n++;
	return true;
}

/* Backstage makes its first key when the first user signs in: until then there is none to wait by. */
static int64_t refetch_min_ms(const struct issuer *i)
{
	bool none = i->keys == NULL || jwk_set_count(i->keys) == 0;

	return none && i->refetch_min_ms > RETRY_FIRST_MS ? RETRY_FIRST_MS : i->refetch_min_ms;
}

/* Can it be that the issuer has a key by now that we have not? Then it is being asked. */
static bool fetch_is_under_way(struct issuer *i)
{
	if (i->call != NULL)
		return true;
	if (i->has_asked && loop_now(i->loop).ms - i->asked.ms < refetch_min_ms(i))
		return false;
	if (i->pace != NULL && !issuer_pace_take(i->pace, loop_now(i->loop)))
		return false;
	on_fetch(i);
	return i->call != NULL;
}

static bool wait_for_keys(
	struct issuer *i, struct span token, issuer_judged_cb on_judged, void *ctx)
{
	if (i->waiting_n == WAITING_MAX || !fetch_is_under_way(i))
		return false;
	i->waiting[i->waiting_n++] =
		(struct waiting){ xstrndup(token.p, token.n), token.n, on_judged, ctx };
	return true;
}

static void judge_now(
	struct issuer *i, struct span token, issuer_judged_cb on_judged, void *ctx, bool may_wait)
{
	CLEANUP(jwt_release) struct jwt t;
	enum jwt_verdict v;

	jwt_init(&t);
	if (jwt_read(token, &t) != ERR_OK) {
		on_judged(ctx, JWT_BAD_SIGNATURE, NULL);
		return;
	}
	v = jwt_check(&t, &i->rules, i->keys, clock_wall());
	if (v != JWT_UNKNOWN_KEY || !may_wait || !wait_for_keys(i, token, on_judged, ctx))
		on_judged(ctx, v, &t);
}

void issuer_judge(struct issuer *i, struct span token, issuer_judged_cb on_judged, void *ctx)
{
	judge_now(i, token, on_judged, ctx, true);
}

struct issuer_status issuer_status(const struct issuer *i)
{
	struct issuer_status s = i->status;

	s.keys = i->keys == NULL ? 0 : jwk_set_count(i->keys);
	return s;
}

/* All that may change while its keys stay. */
static void issuer_take_over(struct issuer *i, const struct issuer_conf *conf)
{
	i->timeout_ms = conf->timeout_ms;
	i->refetch_min_ms = conf->refetch_min_ms;
	i->grace_ms = conf->grace_ms;
	i->pace = conf->pace;
	i->on_trouble = conf->on_trouble;
	i->ctx = conf->ctx;
}

struct issuer *issuer_new(struct loop *l, struct httpc *http, const struct issuer_conf *conf)
{
	struct issuer *i = xcalloc(1, sizeof(*i));

	i->loop = l;
	i->http = http;
	i->type = conf->rules.type == NULL ? NULL : xstrdup(conf->rules.type);
	i->iss = xstrdup(conf->rules.issuer);
	i->audience = xstrdup(conf->rules.audience);
	i->keys_url = conf->keys_url == NULL ? NULL : xstrdup(conf->keys_url);
	i->rules = (struct jwt_rules){ conf->rules.alg, i->type, i->iss, i->audience };
	issuer_take_over(i, conf);
	i->status.fetched = WALL_NONE;
	i->fetch_timer = loop_timer_new(l, on_fetch, i);
	i->grace_timer = loop_timer_new(l, on_grace_over, i);
	loop_timer_set(i->fetch_timer, 0);
	return i;
}

bool issuer_set(struct issuer *i, const struct issuer_conf *conf)
{
	const struct jwt_rules *r = &conf->rules;

	if (strcmp(i->iss, r->issuer) != 0 || strcmp(i->audience, r->audience) != 0 ||
		i->rules.alg != r->alg || !text_same(i->type, r->type) ||
		!text_same(i->keys_url, conf->keys_url))
		return false;
	issuer_take_over(i, conf);
	return true;
}

void issuer_free(struct issuer *i)
{
	if (i == NULL)
		return;
	if (i->call != NULL)
		httpc_cancel(i->call);
	waiting_judge(i);
	loop_timer_free(i->fetch_timer);
	loop_timer_free(i->grace_timer);
	jwk_set_free(i->keys);
	free(i->type);
	free(i->iss);
	free(i->audience);
	free(i->keys_url);
	free(i);
}
