/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_ERRAND_H
#define RELAY_ERRAND_H

#include <stdint.h>

#include "model/trigger.h"
#include "relay/budget.h"

struct relay;

/*
 * One trigger on its way. Every step is written down before the next is taken.
 *
 *	go --> save --> go    until it is over
 *	 |               ^
 *	 +--> ask Travis +
 */
struct errand;

/* A copy of t, as the store holds it with that version. on_over runs once it is over. */
struct errand *errand_new(struct relay *r, const struct trigger *t, int64_t version,
	void (*on_over)(void *ctx, struct errand *e), void *ctx);
void errand_free(struct errand *e);

/* A turn to post that was kept for it. Taken. */
void errand_give_turn(struct errand *e, struct budget_turn *turn);

/* Take the next step. */
void errand_go(struct errand *e);

/* What secrets are in will be another one from now on: wait for none of the old. */
void errand_rekey(struct errand *e);

/*
 * Go on where another run stopped: what was being asked then may have been
 * heard, and is not asked again where that would make a second build.
 */
void errand_resume(struct errand *e);

const struct trigger *errand_trigger(const struct errand *e);

/* Append the audit entry of where a trigger stands now. */
MUST_CHECK enum err errand_audit(const struct trigger *t, struct buf *out);

#endif
