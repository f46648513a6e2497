/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/inquiry.h"

#include <stdlib.h>

#include "base/defs.h"
#include "io/loop.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/token.h"
#include "secret/safe.h"
#include "travis/api.h"

void inquiry_init(struct inquiry *q, struct relay *r,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx)
{
	*q = (struct inquiry){ .relay = r, .on_reply = on_reply, .ctx = ctx };
}

static void inquiry_close(struct inquiry *q)
{
	free(q->source);
	free(q->entity);
	free(q->path);
	q->source = q->entity = q->path = NULL;
}

void inquiry_release(struct inquiry *q)
{
	travis_api_cancel(TAKE(q->call));
	if (q->wait != NULL)
		safe_cancel(TAKE(q->wait));
	inquiry_close(q);
}

static struct source *source_of(const struct inquiry *q)
{
	struct source *s = relay_source(q->relay, span_of(q->source));

	return s == NULL || s->api == NULL ? NULL : s;
}

static void inquiry_answer(struct inquiry *q, const struct travis_reply *r)
{
	inquiry_close(q);
	q->on_reply(q->ctx, r);
}

static void inquiry_fail(struct inquiry *q, const char *why)
{
	const struct travis_reply r = { .answer = TRAVIS_TRANSIENT, .why = why };

	inquiry_answer(q, &r);
}

static void on_answered(void *ctx, const struct travis_reply *r)
{
	struct inquiry *q = ctx;
	const struct source *s = source_of(q);

	q->call = NULL;
	token_heed(q->relay, &q->token, span_of(q->source), span_of(q->entity), r);
	if (r->answer == TRAVIS_UNAUTHORIZED && !q->doubted && s != NULL &&
		token_doubt(q->relay, s, span_of(q->entity))) {
		q->doubted = true;
		inquiry_fail(q, r->why);
		return;
	}
	q->doubted = r->answer == TRAVIS_UNAUTHORIZED;
	inquiry_answer(q, r);
}

/* Others have learned that the token is not to be used now. */
static bool inquiry_is_banned(struct inquiry *q, const struct source *s, const struct secret *token)
{
	struct travis_reply r = { .answer = TRAVIS_LIMITED,
		.why = "Travis takes nothing from this token for a while" };

	q->token = budget_name(q->relay->budget, span_of(s->host), token);
	r.wait_ms = budget_ban_wait(q->relay->budget, &q->token, loop_now(q->relay->loop));
	if (r.wait_ms > 0)
		inquiry_answer(q, &r);
	return r.wait_ms > 0;
}

static void on_token(void *ctx, const struct secret *token, enum err e, const char *why)
{
	struct inquiry *q = ctx;
	const struct source *s = source_of(q);

	(void)e;
	q->wait = NULL;
	if (token == NULL) {
		inquiry_fail(q, why);
		return;
	}
	if (s != NULL && inquiry_is_banned(q, s, token))
		return;
	if (s == NULL || travis_api_send(s->api, "GET", q->path, token, (struct span){ 0 },
				 on_answered, q, &q->call) != ERR_OK)
		inquiry_fail(q, "Travis cannot be asked that way");
}

static void inquiry_fetch_token(struct inquiry *q)
{
	CLEANUP(freep) char *why = NULL;
	const struct source *s = source_of(q);

	if (s == NULL)
		inquiry_fail(q, "this source has no API any more");
	else if (token_fetch(q->relay, s, span_of(q->entity), on_token, q, &q->wait, &why) !=
		 ERR_OK)
		inquiry_fail(q, why);
}

void inquiry_ask(struct inquiry *q, const struct source *s, struct span entity, const char *path)
{
	q->source = xstrdup(s->name);
	q->entity = xstrndup(entity.p, entity.n);
	q->path = xstrdup(path);
	inquiry_fetch_token(q);
}

void inquiry_rekey(struct inquiry *q)
{
	if (q->wait == NULL)
		return;
	safe_cancel(TAKE(q->wait));
	inquiry_fetch_token(q);
}
