/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/session.h"

#include <stdio.h>

#include "io/crypto.h"
#include "io/httpc.h"
#include "secret/keyring.h"
#include "secret/provider.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS (5 * 60 * 1000)
#define SENT_MAX     16
#define NEVER        ((struct mono){ INT64_MAX })

static void on_timer(void *ctx);
static void on_kick(struct loop_task *t);

void session_init(struct session *s, struct loop *l, const struct session_ops *ops, void *self)
{
	*s = (struct session){ .loop = l, .ops = ops, .self = self, .expires = NEVER };
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->sent);
	s->kick.run = on_kick;
	s->timer = loop_timer_new(l, on_timer, s);
}

void session_release(struct session *s)
{
	s->ops->close(s->self);
	loop_undefer(s->loop, &s->kick);
	loop_timer_free(s->timer);
}

/* --- questions --- */

static void ask_leave(struct provider_ask *ask)
{
	switch (ask->state) {
	case ASK_WAITING: TAILQ_REMOVE(&ask->session->waiting, ask, link); break;
	case ASK_SENT:
		TAILQ_REMOVE(&ask->session->sent, ask, link);
		ask->session->sent_n--;
		loop_defer(ask->session->loop, &ask->session->kick);
		break;
	case ASK_IDLE: break;
	}
	ask->state = ASK_IDLE;
}

static void ask_wait(struct provider_ask *ask)
{
	ask_leave(ask);
	ask->state = ASK_WAITING;
	TAILQ_INSERT_TAIL(&ask->session->waiting, ask, link);
	loop_defer(ask->session->loop, &ask->session->kick);
}

static void ask_end(struct provider_ask *ask, struct secret_answer *a)
{
	ask_leave(ask);
	ask->on_answer(ask->ctx, a);
}

static void ask_fail(struct provider_ask *ask, enum err e, const char *why)
{
	struct secret_answer a = { .err = e, .made_at = WALL_NONE };

	snprintf(a.why, sizeof(a.why), "%s", why);
	ask_end(ask, &a);
}

void session_ask(struct session *s, struct provider_ask *ask)
{
	ask->session = s;
	ask->again = false;
	ask->call = NULL;
	ask_wait(ask);
}

void session_cancel(struct provider_ask *ask)
{
	if (ask->state == ASK_SENT)
		httpc_cancel(TAKE(ask->call));
	ask_leave(ask);
}

/* --- the session --- */

static void session_end(struct session *s)
{
	s->ops->close(s->self);
	loop_timer_stop(s->timer);
	s->state = SESSION_OUT;
	s->expires = NEVER;
}

void session_opened(struct session *s, int64_t lease_ms)
{
	s->state = SESSION_IN;
	s->failures = 0;
	s->opened++;
	s->expires = lease_ms > 0 ? (struct mono){ clock_mono().ms + lease_ms } : NEVER;
	if (lease_ms > 0)
		loop_timer_set(s->timer, keyring_refresh_after(lease_ms, random_u64()));
	else
		loop_timer_stop(s->timer);
	loop_defer(s->loop, &s->kick);
}

static int64_t backoff_ms(unsigned failures)
{
	const int64_t most = failures > 9 ? RETRY_MAX_MS : (int64_t)RETRY_MIN_MS << failures;

	return most < RETRY_MAX_MS ? most : RETRY_MAX_MS;
}

/* As many as wait now: who asks again in a callback has a later turn. */
static void waiting_fail(struct session *s)
{
	struct provider_ask *ask;
	size_t n = 0;

	TAILQ_FOREACH (ask, &s->waiting, link)
		n++;
	while (n-- > 0 && (ask = TAILQ_FIRST(&s->waiting)) != NULL)
		ask_fail(ask, s->trouble_err, s->trouble);
}

void session_failed(struct session *s, enum err e, const char *why)
{
	const struct mono now = clock_mono();
	const int64_t wait_ms = backoff_ms(s->failures++);

	snprintf(s->trouble, sizeof(s->trouble), "%s", why);
	s->trouble_err = e;
	s->retry.ms = now.ms + wait_ms;
	if (s->state == SESSION_RENEWING && s->expires.ms - now.ms > wait_ms) {
		s->state = SESSION_IN;
		loop_timer_set(s->timer, wait_ms);
		return;
	}
	session_end(s);
	waiting_fail(s);
}

static void on_timer(void *ctx)
{
	struct session *s = ctx;

	if (s->state != SESSION_IN)
		return;
	if (clock_mono().ms >= s->expires.ms) {
		session_end(s);
		return;
	}
	s->state = SESSION_RENEWING;
	s->ops->renew(s->self);
}

static void on_http_answer(void *ctx, const struct httpc_answer *http)
{
	struct provider_ask *ask = ctx;
	struct session *s = ask->session;
	struct secret_answer a = { .err = ERR_IO, .made_at = WALL_NONE };

	ask->call = NULL;
	s->ops->read(s->self, ask, http, &a);
	if (a.err != ERR_AUTH || ask->again) {
		ask_end(ask, &a);
		return;
	}
	/* What we signed in with may have been revoked meanwhile: once more, with new. */
	ask->again = true;
	if (ask->opened == s->opened && s->state != SESSION_OPENING)
		session_end(s);
	ask_wait(ask);
}

static void waiting_send(struct session *s)
{
	struct provider_ask *ask;

	while ((ask = TAILQ_FIRST(&s->waiting)) != NULL && s->sent_n < SENT_MAX) {
		enum err e = s->ops->send(s->self, ask, on_http_answer, ask, &ask->call);

		if (e != ERR_OK) {
			ask_fail(ask, e, "it cannot be asked for");
			continue;
		}
		ask_leave(ask);
		ask->state = ASK_SENT;
		ask->opened = s->opened;
		TAILQ_INSERT_TAIL(&s->sent, ask, link);
		s->sent_n++;
	}
}

static void on_kick(struct loop_task *t)
{
	struct session *s = CONTAINER_OF(t, struct session, kick);

	if (TAILQ_EMPTY(&s->waiting))
		return;
	switch (s->state) {
	case SESSION_OPENING: return;
	case SESSION_IN:
	case SESSION_RENEWING: waiting_send(s); return;
	case SESSION_OUT: break;
	}
	if (clock_mono().ms < s->retry.ms && s->failures > 0) {
		waiting_fail(s);
		return;
	}
	s->state = SESSION_OPENING;
	s->ops->open(s->self);
}

/* --- a provider is a session with a name --- */

void provider_ask(struct provider *p, struct provider_ask *ask)
{
	session_ask(&p->session, ask);
}

void provider_cancel(struct provider_ask *ask)
{
	session_cancel(ask);
}

void provider_free(struct provider *p)
{
	if (p != NULL)
		p->free(p);
}
