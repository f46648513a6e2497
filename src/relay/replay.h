/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_REPLAY_H
#define RELAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "relay/walk.h"

struct relay;

/*
 * An operator's order to deliver again what was given up, what is in quarantine
 * or what was delivered, with the same ids and in the same order as before:
 *
 *	dead letter --> to the sinks that it is dead for
 *	parked      --> where catalog and routes send it now; stays if nowhere
 *	history     --> to the sinks it went to; where those are forgotten, to those
 *	                that the routes choose now; or to the one that is named
 *
 * What is outstanding already stays as it is. The order is an audit entry before
 * the first event moves, and each event has one that commits with its move.
 */
struct replay_order {
	struct walk_filter filter; /* sink: the one to deliver to */
	uint64_t limit;            /* events; 0: all */
	bool dry_run;              /* count and list, write nothing */
	const char *actor;         /* "uid:0" */
	const char *reason;        /* the operator's words */
};

struct replay_result {
	enum err err;          /* ERR_IO: the store could not be asked; what is done stays done */
	bool begun;            /* false: it could not be put on record, and nothing was done */
	bool complete;         /* false: stopped at the limit, or because we stop */
	uint64_t events;       /* that go, or would go */
	uint64_t deliveries;   /* of them */
	uint64_t outstanding;  /* deliveries passed over: to be made anyway */
	uint64_t unconfigured; /* deliveries passed over: there is no such sink now */
	uint64_t parked;       /* events that go nowhere yet */
	uint64_t unreadable;
};

struct replay_ops {
	/* An event would go to these sinks. On a dry run only. */
	void (*on_event)(void *ctx, const struct store_found *found, const char *const *sinks,
		size_t sinks_n);
	void (*on_end)(void *ctx, const struct replay_result *r);
};

struct replay;

/*
 * Begin; on_end is called once, on a later turn. What is given is copied, but
 * for ops. ERR_BUSY, and nothing begins, while there is another that writes;
 * ERR_IO where the store takes nothing.
 */
MUST_CHECK enum err replay_start(
	struct relay *r, const struct replay_order *order, const struct replay_ops *ops, void *ctx);

/* End it when the page under way is settled. NULL is none. */
void replay_stop(struct replay *rp);

/* End it now: the store is closed. */
void replay_free(struct replay *rp);

#endif
