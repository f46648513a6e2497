/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_REROUTE_H
#define RELAY_REROUTE_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "relay/correlate.h"
#include "store/store.h"

struct relay;

/* Gives a parked event its way: with the catalog and the routes of the moment. */

/*
 * Plan it anew; plan->place tells whether it may go. The plan borrows from the
 * relay until the next call, and its event as it will be is in the relay's
 * scratch. ERR_PARSE if what was kept cannot be read.
 */
MUST_CHECK enum err reroute_plan(struct relay *r, const struct store_parked *p, struct plan *plan);

/* Who wants it, for the audit entry. */
struct reroute_cause {
	const char *action;
	const char *reason; /* NULL: the plan's */
	struct span actor;
};

/* Move it as the last plan says. sinks: how many it goes to; 0 unless r is CLAIM_OK. */
typedef void (*reroute_cb)(void *ctx, enum claim_result r, size_t sinks);

MUST_CHECK enum err reroute_move(struct relay *r, const struct store_parked *p,
	const struct plan *plan, const struct reroute_cause *cause, reroute_cb on_moved, void *ctx);

#endif
