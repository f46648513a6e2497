/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_VARIABLES_IMPL_H
#define RELAY_VARIABLES_IMPL_H

#include <sys/queue.h>

#include "audit/record.h"
#include "base/buf.h"
#include "base/map.h"
#include "io/loop.h"
#include "model/pushed.h"
#include "relay/budget.h"
#include "relay/relay_impl.h"
#include "relay/variable.h"
#include "relay/variables.h"
#include "travis/env_var.h"

/* What variables*.c and target*.c share; nobody else includes it. */

struct safe_watch;
struct safe_wait;
struct travis_api_call;
struct travis_reply;

#define TARGET_TROUBLE_MAX 512

/*
 *	LOADING --> RESTING --> DUE --> PUSHING --> RESTING
 */
enum target_state {
	TARGET_LOADING, /* the store was asked what is known of it */
	TARGET_RESTING, /* until its timer, or word of its secret */
	TARGET_DUE,     /* in all->due */
	TARGET_PUSHING, /* in all->pushing: alone in its repository */
};

/* What a push is at. */
enum target_step {
	STEP_LIST,   /* which variables are there? */
	STEP_MARK,   /* on record: it is being written */
	STEP_WRITE,  /* it is replaced, created or removed */
	STEP_RECORD, /* on record: it was */
};

/* One variable of one repository. In all->target from its making on. */
struct target {
	TAILQ_ENTRY(target) link; /* in all->due */
	struct variables *all;
	char *key;                    /* in the store: source, repository, variable, branch */
	const struct variable *entry; /* the setup's; NULL: it is wanted no more */
	char *name;                   /* of the entry */
	char *entity, *slug, *source, *variable, *branch;
	bool is_previous;    /* it has the value before, while that overlaps */
	bool rival;          /* another one has the same place: it is only shown */
	bool marked;         /* the scan has seen it */
	struct target *pair; /* the one with the other of both values; or NULL */
	enum target_state state;
	struct safe_watch *watch; /* NULL: the value is on this host */
	struct loop_timer *timer;

	struct pushed known;
	int64_t version; /* of it, in the store */
	unsigned owed;   /* the store's answers */
	bool unsaved;    /* it did not take the last */

	/* The push under way. */
	enum target_step step;
	struct travis_env_var at; /* where it is; id is empty: nowhere yet */
	struct pushed next;       /* known, once it is written; digest is empty: removed */
	struct safe_wait *wait;
	struct travis_api_call *call;
	struct budget_name token; /* by which Travis was asked last */
	unsigned rounds;          /* lists of this push */

	struct mono checked;              /* last found as it should be; 0: never */
	char tried[PUSHED_DIGEST_MAX];    /* the value that was last tried */
	unsigned tries;                   /* failed in a row */
	bool settling;                    /* a call of another run may not have ended yet */
	bool lacking;                     /* trouble is that there is no value */
	char trouble[TARGET_TROUBLE_MAX]; /* empty: none */
};

#define PUSHES_AT_ONCE 8

struct variables {
	struct relay *relay;
	struct map target; /* key -> struct target */
	TAILQ_HEAD(, target) due;
	struct target *pushing[PUSHES_AT_ONCE];
	struct loop_timer *pace;  /* when those that are due are looked at again */
	struct loop_timer *scan;  /* when the catalog is */
	struct loop_timer *lease; /* when it is renewed */
	struct buf after;         /* where the scan goes on */
	bool scanning, again;     /* again: something changed meanwhile */
	bool leasing;             /* the store was asked for it */
	struct mono asked;        /* when it was, last */
	struct mono held_until;   /* until then it is ours, whatever the store does */
	bool started, stopping;
	bool scanned; /* the catalog was gone through once */
	struct variables_stats stats;
};

/* --- variables.c --- */

/* Somebody is due, or done: go on with what can be. */
void variables_next(struct variables *v);
void target_enqueue(struct target *t);
void target_dequeue(struct target *t);

/* Is it this instance that may write? */
bool variables_hold(const struct variables *v);

/* What all entries about a target have; entity is its ref, as a span that lives as long. */
struct audit_record target_record(const struct target *t, const struct span *entity);

#define TARGET_DETAIL_MAX 512

/* Which variable, in which version: never its value. */
struct span target_detail(
	const struct target *t, const struct pushed *p, char detail[TARGET_DETAIL_MAX]);

/* Nobody wants a target any more, which may have left something at its repository. */
void target_tell_left(const struct target *t);

/* A push is over: its repository is free. */
void target_leave(struct target *t);

/* A target's trouble begins, changes, or, with NULL, ends. */
void target_set_trouble(struct target *t, const char *why);

/* --- variables_scan.c --- */

/* Look at all entities, soon. */
void variables_scan_soon(struct variables *v);
void variables_scan_step(struct variables *v);

/* Does the target's entity still want it, as far as the catalog is known? */
bool target_is_wanted(const struct target *t);

/* --- target.c: one's way --- */

struct target *target_new(struct variables *v, const struct variable *entry, const char *key);

/* Take it out of the map and free it. */
void target_free(struct target *t);

/* It is wanted no more: free it, now or when what is under way has ended. */
void target_drop(struct target *t);

/* The same, for one that was dropped; it may be gone then. */
void target_reap(struct target *t);

/* Watch its secret, where a provider has it. */
void target_watch(struct target *t);
void target_unwatch(struct target *t);

/* Ask the store what is known, then see what is to be done. */
void target_load(struct target *t);

/* See whether something is to be done. */
void target_look(struct target *t);

/* Is it as it should be, as far as is known? */
bool target_is_settled(const struct target *t);

/* --- target_push.c: a push --- */

void target_push(struct target *t);

/* What secrets are in is another one: wait for no token of the old. */
void target_push_rekey(struct target *t);

/* --- the value --- */

/* What should be there; digest is empty: nothing. */
struct wanted {
	bool known;                 /* there is a word of it */
	const struct secret *value; /* borrowed, or own; NULL: none */
	struct secret *own;
	const char *version;
	char digest[PUSHED_DIGEST_MAX];
};

void target_want(const struct target *t, struct wanted *w);
void wanted_release(struct wanted *w);

#endif
