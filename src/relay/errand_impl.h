/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_ERRAND_IMPL_H
#define RELAY_ERRAND_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "relay/errand.h"
#include "travis/api.h"

/* The errand's inside, for errand.c and errand_ask.c only. */

#define ERRAND_BODY_MAX (64 * 1024)
#define ERRAND_NOTE_MAX 512

struct loop_timer;
struct safe_wait;

/* What Travis is to be asked. */
struct asking {
	const char *method;
	char *path;
	struct buf body;
	void (*on_reply)(void *ctx, const struct travis_reply *r);
};

struct errand {
	struct relay *relay;
	struct trigger t;
	int64_t version;
	void (*on_over)(void *ctx, struct errand *e);
	void *ctx;
	struct asking asking; /* the call under way, or for which a token is fetched */
	struct safe_wait *wait;
	struct travis_api_call *call;
	struct loop_timer *timer;
	struct budget_name token; /* by which Travis was asked last */
	struct budget_turn turn;  /* to post */
	bool doubted;             /* Travis did not take the token, and a newer one was asked for */
	bool unsaved;             /* where it stands now is to be written down */
	bool checked;             /* the build is of the repository that the policy looked at */
	unsigned tries;           /* of the step under way */
	struct mono since;        /* when the step began */
	char note[ERRAND_NOTE_MAX];
};

/* The one way from state to state: it is written down, and goes on after that. */
void errand_enter(struct errand *e, enum trigger_state state, const char *note);

/* Call Travis when the token may. body is copied; on_reply gets the errand. */
void errand_send(struct errand *e, const char *method, const char *path, struct span body,
	void (*on_reply)(void *ctx, const struct travis_reply *r));

/* Take the step again after a wait, a longer one each time. */
void errand_retry(struct errand *e, int64_t first_ms, int64_t max_ms);

/* A call that changes nothing, or certainly was not heard, did not succeed: try it again. */
void errand_again(struct errand *e, const struct travis_reply *r, enum trigger_state end);

/* May the same call be answered otherwise later? */
bool errand_may_pass(const struct travis_reply *r);

/* Has the step gone on for too long? */
bool errand_is_late(const struct errand *e);

#endif
