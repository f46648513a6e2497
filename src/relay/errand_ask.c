/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "io/loop.h"
#include "model/backoff.h"
#include "relay/errand_impl.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/token.h"
#include "relay/triggers.h"
#include "secret/safe.h"

/* How an errand asks Travis: with a token, in its turn, and again where that is safe. */

#define ASK_FIRST_MS 1000
#define ASK_MAX_MS   60000
/* After that long Travis will not take it any more, or not tell what came of it. */
#define GIVE_UP_MS INT64_C(3600000)

void errand_retry(struct errand *e, int64_t first_ms, int64_t max_ms)
{
	const struct backoff pace = { first_ms, max_ms };

	loop_timer_set(e->timer, backoff_wait(&pace, ++e->tries, random_u64()));
}

bool errand_is_late(const struct errand *e)
{
	return loop_now(e->relay->loop).ms - e->since.ms >= GIVE_UP_MS;
}

void errand_again(struct errand *e, const struct travis_reply *r, enum trigger_state end)
{
	if (errand_is_late(e))
		errand_enter(e, end, r->why);
	else if (r->answer == TRAVIS_LIMITED)
		errand_go(e); /* as soon as the token may */
	else
		errand_retry(e, ASK_FIRST_MS, ASK_MAX_MS);
}

bool errand_may_pass(const struct travis_reply *r)
{
	return r->answer == TRAVIS_TRANSIENT || r->answer == TRAVIS_LIMITED;
}

static struct source *source_of(const struct errand *e)
{
	struct source *s = relay_source(e->relay, e->t.source);

	return s == NULL || s->api == NULL ? NULL : s;
}

/* The token may have been changed a moment ago: ask for it anew, once. */
static bool errand_doubts(struct errand *e)
{
	const struct source *s = source_of(e);

	if (e->doubted || s == NULL || !token_doubt(e->relay, s, e->t.entity))
		return false;
	e->doubted = true;
	errand_retry(e, ASK_FIRST_MS, ASK_MAX_MS);
	return true;
}

static void on_answered(void *ctx, const struct travis_reply *r)
{
	struct errand *e = ctx;

	e->call = NULL;
	token_heed(e->relay, &e->token, e->t.source, e->t.entity, r);
	if (r->answer != TRAVIS_UNAUTHORIZED || !errand_doubts(e))
		e->asking.on_reply(e, r);
}

static bool is_post(const struct asking *a)
{
	return strcmp(a->method, "POST") == 0;
}

static void errand_wait(struct errand *e, int64_t wait_ms)
{
	int64_t ban_ms = budget_ban_wait(e->relay->budget, &e->token, loop_now(e->relay->loop));
	char note[ERRAND_NOTE_MAX];

	if (!is_post(&e->asking) || ban_ms <= TRIGGERS_WAIT_MS) {
		loop_timer_set(e->timer, wait_ms);
		return;
	}
	/* Who asked is better served by knowing than by a build in an hour. */
	snprintf(note, sizeof(note),
		"Travis takes nothing more from the token of this entity for %" PRId64
		" minutes; it was not asked",
		(ban_ms + 59999) / 60000);
	errand_enter(e, TRIGGER_FAILED, note);
}

static void errand_call(struct errand *e, const struct secret *token)
{
	struct source *s = source_of(e);
	const struct asking *a = &e->asking;
	int64_t wait_ms;

	e->token = budget_name(e->relay->budget, e->t.host, token);
	wait_ms = budget_admit(
		e->relay->budget, &e->token, is_post(a), loop_now(e->relay->loop), &e->turn);
	if (wait_ms > 0) {
		errand_wait(e, wait_ms);
		return;
	}
	if (s == NULL || travis_api_send(s->api, a->method, a->path, token, buf_span(&a->body),
				 on_answered, e, &e->call) != ERR_OK)
		errand_enter(e, TRIGGER_FAILED, "Travis cannot be asked that way");
}

static void on_secret(void *ctx, const struct secret *token, enum err err, const char *why)
{
	struct errand *e = ctx;

	(void)err;
	e->wait = NULL;
	if (token != NULL)
		errand_call(e, token);
	else if (errand_is_late(e))
		errand_enter(e, TRIGGER_FAILED, why);
	else
		errand_retry(e, ASK_FIRST_MS, ASK_MAX_MS);
}

/* By now the policy has allowed it: only then is a token fetched. */
static void errand_fetch_token(struct errand *e)
{
	CLEANUP(freep) char *why = NULL;
	const struct source *s = source_of(e);

	if (s == NULL)
		errand_enter(e, TRIGGER_FAILED, "this source has no API any more");
	else if (token_fetch(e->relay, s, e->t.entity, on_secret, e, &e->wait, &why) != ERR_OK)
		errand_enter(e, TRIGGER_FAILED, why);
}

static void asking_set(struct asking *a, const char *method, const char *path, struct span body,
	void (*on_reply)(void *ctx, const struct travis_reply *r))
{
	a->method = method;
	free(a->path);
	a->path = xstrdup(path);
	a->on_reply = on_reply;
	buf_clear(&a->body);
	IGNORE(buf_add_span(&a->body, body) != ERR_OK); /* it has the same ceiling */
}

void errand_send(struct errand *e, const char *method, const char *path, struct span body,
	void (*on_reply)(void *ctx, const struct travis_reply *r))
{
	asking_set(&e->asking, method, path, body, on_reply);
	errand_fetch_token(e);
}

void errand_rekey(struct errand *e)
{
	if (e->wait == NULL)
		return;
	safe_cancel(TAKE(e->wait));
	errand_fetch_token(e);
}
