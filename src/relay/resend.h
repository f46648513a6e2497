/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_RESEND_H
#define RELAY_RESEND_H

#include <stddef.h>

#include "base/span.h"
#include "model/cloudevent.h"
#include "store/store.h"

struct relay;

/*
 * Makes deliveries of kept events outstanding again, each event with its audit
 * entry, and tells dispatch. While the store has no room it tries again.
 */
struct resend;

struct resend *resend_new(struct relay *r);

/* Answers nobody: the store must be closed, or nothing under way. */
void resend_free(struct resend *rs);

struct resend_order {
	const struct store_found *found;
	const struct cloudevent_facts *facts;
	const char *const *sinks;
	size_t sinks_n;
	const char *actor, *reason;
};

/* on_sent is called once, on a later turn, or by resend_give_up(). */
void resend_event(
	struct resend *rs, const struct resend_order *o, store_replay_cb on_sent, void *ctx);

/* Try no more: what waits for room is answered with CLAIM_RETRY, and so is what will. */
void resend_give_up(struct resend *rs);

#endif
