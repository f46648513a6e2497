/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_PROVIDER_H
#define SECRET_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "secret/session.h"

struct httpc;
struct httpc_call;
struct secret;

#define SECRET_VERSION_MAX 72

/* What a provider says to one question. */
struct secret_answer {
	/*
	 * ERR_NOTFOUND: it is not there. ERR_AUTH: we may not read it. ERR_PARSE: it
	 * is none that can be used. ERR_IO, ERR_BUSY: no word from it.
	 */
	enum err err;
	struct secret *value; /* of ERR_OK; the callee's */
	char version[SECRET_VERSION_MAX];
	struct wall made_at; /* or WALL_NONE */
	char why[256];       /* of an error: one line without a secret */
};

/* A question, embedded in whoever asks, who sets the first part of it. */
struct provider_ask {
	const char *path, *field; /* field: NULL for the whole; both borrowed */
	const char *before;       /* the version before this one; NULL: the one of now */
	void (*on_answer)(void *ctx, struct secret_answer *a);
	void *ctx;

	/* The session's. */
	TAILQ_ENTRY(provider_ask) link;
	enum ask_state {
		ASK_IDLE,
		ASK_WAITING, /* in session->waiting, until we are signed in */
		ASK_SENT,    /* in session->sent */
	} state;
	bool again; /* it was refused once already */
	uint64_t opened;
	struct session *session;
	struct httpc_call *call;
};

/* A place that secrets are fetched from over the network. */
struct provider {
	char *name;
	int64_t refresh_ms; /* how long a value counts as fresh */
	int64_t overlap_ms; /* how long the value before it is good for */
	int64_t grace_ms;   /* how long a value is used that cannot be refreshed */
	struct session session;
	void (*free)(struct provider *p);
};

/* Ask; on_answer is called exactly once, on a later turn of the loop. */
void provider_ask(struct provider *p, struct provider_ask *ask);

/* on_answer is not called; nothing happens if nothing was asked. */
void provider_cancel(struct provider_ask *ask);

/* Nothing may be asked of it any more. NULL is nothing. */
void provider_free(struct provider *p);

#endif
