/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_PUBLISH_H
#define AUDIT_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;
struct signing_key;
struct store;

/*
 * Publishes what the store holds of the audit trail as a log that anybody can
 * check. It reads entries behind the commits, never before, and gives them to a
 * thread that writes tiles and signs checkpoints:
 *
 *	LOADING -> OPENING -> BEGINNING -> COMPARING -> RUNNING
 *	               |          |            |           |
 *	               +----------+---- DOUBTFUL ----------+
 *
 * Doubtful is for ever: what was published and what the store holds are not the
 * same, so nothing is signed any more, while the relay goes on.
 */
struct publisher;

enum publisher_state {
	PUBLISHER_LOADING,   /* what does the store remember? */
	PUBLISHER_OPENING,   /* does the folder hold together, and is it ours? */
	PUBLISHER_BEGINNING, /* a new log: its opening entry is being written */
	PUBLISHER_COMPARING, /* are the store's entries those that were published? */
	PUBLISHER_RUNNING,
	PUBLISHER_DOUBTFUL,
};

const char *publisher_state_str(enum publisher_state s);

/* When to sign: what a reload may change. */
struct publisher_pace {
	int64_t sign_every;   /* entries at the latest */
	int64_t interval_ms;  /* after an entry, at the latest */
	int64_t heartbeat_ms; /* an entry and a checkpoint, where there was nothing else */
};

struct publisher_conf {
	const char *directory, *origin;
	const char *witness; /* a file with a checkpoint shipped elsewhere; or NULL */
	struct publisher_pace pace;
	/* Each may be NULL. Why nothing is signed now; NULL: that is over. */
	void (*on_trouble)(void *ctx, const char *why);
	/* At each heartbeat, the checkpoint of the moment, for those who keep it elsewhere. */
	void (*on_checkpoint)(void *ctx, struct span note);
	void *ctx;
};

/* ERR_IO if there is no thread to be had. key is taken in any case. */
MUST_CHECK enum err publisher_new(struct loop *l, struct store *s,
	const struct publisher_conf *conf, struct signing_key *key, struct publisher **out);

/* The store must be closed before: its last answers still come here. */
void publisher_free(struct publisher *p);
void publisher_set_pace(struct publisher *p, const struct publisher_pace *pace);

/* Publish all that is committed by now and stop: is_finished says when, or that it cannot be. */
void publisher_finish(struct publisher *p);
bool publisher_is_finished(const struct publisher *p);

struct publisher_stats {
	enum publisher_state state;
	const char *directory, *origin;
	const char *trouble;      /* one line; empty: none */
	uint64_t size, published; /* entries added, and in the last checkpoint */
	int64_t published_seq;    /* up to here the store may forget; 0, also in doubt: nothing */
	uint64_t checkpoints;     /* signed since the start */
	struct wall published_at; /* WALL_NONE: not since the start */
};

struct publisher_stats publisher_stats(const struct publisher *p);

#endif
