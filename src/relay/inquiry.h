/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_INQUIRY_H
#define RELAY_INQUIRY_H

#include <stdbool.h>

#include "base/span.h"
#include "relay/budget.h"

struct relay;
struct safe_wait;
struct source;
struct travis_api_call;
struct travis_reply;

/*
 * Something that is asked of a source's API, one at a time, with the token of an
 * entity's owner.
 */
struct inquiry {
	struct relay *relay;
	void (*on_reply)(void *ctx, const struct travis_reply *r);
	void *ctx;
	char *source, *entity, *path; /* NULL: nothing is being asked */
	struct safe_wait *wait;
	struct travis_api_call *call;
	struct budget_name token; /* by which Travis was asked last */
	bool doubted;             /* the token was not taken, and a newer one was asked for */
};

void inquiry_init(struct inquiry *q, struct relay *r,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx);

/* on_reply is not called any more. */
void inquiry_release(struct inquiry *q);

/*
 * Ask, where nothing is being asked. entity may be empty, where the token is the
 * same for all. on_reply runs once, perhaps at once; a token that cannot be had,
 * or is not taken and may have been changed just now, counts as TRAVIS_TRANSIENT. One
 * of which Travis has heard too much is not shown: that counts as TRAVIS_LIMITED.
 */
void inquiry_ask(struct inquiry *q, const struct source *s, struct span entity, const char *path);

/* What secrets are in will be another one from now on: wait for none of the old. */
void inquiry_rekey(struct inquiry *q);

#endif
