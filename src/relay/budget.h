/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_BUDGET_H
#define RELAY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"
#include "io/crypto.h"

struct secret;

/*
 * How often each token may post to Travis, so that it is never banned: Travis bans
 * a token for an hour after more than 50 POSTs in 30 seconds, whatever they are
 * about. A token has its turns in order, and may wait for one.
 */
#define BUDGET_POSTS    40 /* in BUDGET_POSTS_MS at most */
#define BUDGET_POSTS_MS INT64_C(30000)
#define BUDGET_SPARE    10 /* of them, that what nobody waits for leaves to people */

struct budget;

struct budget *budget_new(void);
void budget_free(struct budget *b);

/* What a token is called here: a digest that is of no use anywhere else. */
struct budget_name {
	uint8_t digest[SHA256_BYTES];
};

/* A token of the Travis at a host. */
struct budget_name budget_name(
	const struct budget *b, struct span host, const struct secret *token);

/* How long the next turn is away, in ms; a ban counts, too. */
int64_t budget_wait(const struct budget *b, const struct budget_name *n, struct mono now);

/* A turn to post once, from then on. */
struct budget_turn {
	struct budget_name of;
	struct mono at;
	bool held;
};

/* Have the next one. */
void budget_take(
	struct budget *b, const struct budget_name *n, struct mono now, struct budget_turn *turn);

/*
 * How long a call must wait, in ms: for the end of a ban and, if it posts, for its
 * turn, which it holds from then on. 0: make it now; a turn is used up by that.
 */
int64_t budget_admit(struct budget *b, const struct budget_name *n, bool posts, struct mono now,
	struct budget_turn *turn);

/*
 * The same for what nobody waits for: it holds no turn, and leaves some to those
 * who do. 0: post now.
 */
int64_t budget_spare(struct budget *b, const struct budget_name *n, struct mono now);

/* It is not used. Another may have it while it is the last one that was given. */
void budget_return(struct budget *b, struct budget_turn *turn);

/* Travis wants to hear nothing from it for so long. */
void budget_ban(struct budget *b, const struct budget_name *n, struct mono now, int64_t wait_ms);

/* How long that is yet, in ms; 0: it may ask. */
int64_t budget_ban_wait(const struct budget *b, const struct budget_name *n, struct mono now);

#endif
