/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_SESSION_H
#define SECRET_SESSION_H

#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "io/loop.h"

struct httpc_answer;
struct httpc_call;
struct provider_ask;
struct secret_answer;

/*
 * Being signed in at a provider, and the questions that wait for it.
 *
 *	OUT -> OPENING -> IN <-> RENEWING
 *	 ^--------'-------'---------'   it failed, ended or was refused
 *
 * A session is prolonged at two thirds of its life. A question that is refused is
 * asked once more after signing in anew. After a failure the next attempt waits,
 * 1 s at first and 5 min at most, and until then questions are answered with what
 * went wrong.
 */
struct session_ops {
	/* Sign in; ends by session_opened() or session_failed(). */
	void (*open)(void *self);
	/* Prolong; ends in the same ways. */
	void (*renew)(void *self);
	/* Give up what those two began, and forget what they had got. */
	void (*close)(void *self);
	/* Send a question. What comes is for session_answered(). */
	enum err (*send)(void *self, const struct provider_ask *ask,
		void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
		struct httpc_call **call);
	/* Read what came, into an answer that says ERR_IO so far. */
	void (*read)(void *self, const struct provider_ask *ask, const struct httpc_answer *a,
		struct secret_answer *out);
};

enum session_state {
	SESSION_OUT,
	SESSION_OPENING,
	SESSION_IN,
	SESSION_RENEWING,
};

struct session {
	struct loop *loop;
	const struct session_ops *ops;
	void *self;
	enum session_state state;
	TAILQ_HEAD(ask_list, provider_ask) waiting, sent;
	unsigned sent_n; /* a bounded number: each has a connection and locked memory */
	struct loop_task kick;
	struct loop_timer *timer;   /* until it is to be prolonged */
	struct mono expires, retry; /* retry: after a failure, not before */
	unsigned failures;          /* in a row */
	uint64_t opened;            /* times */
	enum err trouble_err;
	char trouble[256];
};

void session_init(struct session *s, struct loop *l, const struct session_ops *ops, void *self);

/* Nothing may wait in it. Calls close(). */
void session_release(struct session *s);

/* It lasts so long; 0: nobody said that it ends. */
void session_opened(struct session *s, int64_t lease_ms);

/* why is one line without a secret. */
void session_failed(struct session *s, enum err e, const char *why);

/* As provider_ask() and provider_cancel(). */
void session_ask(struct session *s, struct provider_ask *ask);
void session_cancel(struct provider_ask *ask);

#endif
