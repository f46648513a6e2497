/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_TOKEN_H
#define RELAY_TOKEN_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "secret/path.h"

struct budget_name;
struct relay;
struct safe_wait;
struct secret;
struct source;
struct travis_reply;

/*
 * The token by which Travis is asked something for an entity. Nothing here judges
 * whether that may be asked: that comes before.
 */

/*
 * What the variables of a secret's path stand for: the entity, and its owner, the
 * first one where there are several. Borrowed from entity and from the catalog.
 */
struct secret_vars token_vars(const struct relay *r, struct span entity);

/*
 * Fetch the token of a source's API. on_token is called exactly once, with the
 * token (borrowed) or NULL and why: where it is on this host before this returns,
 * else later, until when *wait can be cancelled. If it cannot be fetched at all,
 * on_token is not called and *why (free(3) it) says so.
 */
MUST_CHECK enum err token_fetch(struct relay *r, const struct source *s, struct span entity,
	void (*on_token)(void *ctx, const struct secret *token, enum err e, const char *why),
	void *ctx, struct safe_wait **wait, char **why);

/* A copy of it, where it is known without asking anybody; or NULL. */
struct secret *token_known(struct relay *r, const struct source *s, struct span entity);

/*
 * Heed an answer: where Travis has heard too much of a token, whatever about, no
 * other call is made with it for a while.
 */
void token_heed(struct relay *r, const struct budget_name *token, struct span source,
	struct span entity, const struct travis_reply *reply);

/* Travis does not take it: ask for a newer one. False if it would be the same. */
bool token_doubt(struct relay *r, const struct source *s, struct span entity);

#endif
