/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_TOUR_H
#define RELAY_TOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"
#include "relay/inquiry.h"
#include "relay/repos.h"
#include "relay/sweep.h"
#include "relay/watchlist.h"

struct loop_timer;

/*
 * The name in the store of how far each repository was read: the key is the
 * source's name, a blank and the repository; or the source's name alone for when
 * its healing began.
 */
#define NS_HEAL "heal"

/*
 * The healing of one source: at each step at most one call is begun, when the
 * source's rate allows it; two are under way at most, one for a build that is due
 * and one for a page of a repository's list.
 */
struct tour {
	struct relay *relay;
	char *source;
	struct loop_timer *timer;
	struct repos repos;
	struct wall since; /* what ended before is nobody's news; WALL_NONE: not known yet */
	struct watchlist watch;
	struct inquiry look; /* for a build */
	int64_t looked;      /* which */
	char *looked_slug;
	struct sweep sweep;
	struct mono next_call, gathered;
	bool going, halted;
	char *refused; /* a repository for which the token was not taken; NULL: none */
	char *trouble; /* what went wrong last; NULL: nothing */
	uint64_t asked, failures, abandoned;
	struct wall swept_at;
};

struct tour *tour_new(struct relay *r, const char *source);
void tour_free(struct tour *t);

/* A row that an earlier run kept; slug is empty for that of the source itself. */
void tour_restore(struct tour *t, struct span slug, int64_t value);

/* A build that an earlier run left. */
void tour_restore_build(struct tour *t, int64_t id, struct span slug, bool over, int64_t age_ms);

/* All that is known was told: begin, or go on with other options. */
void tour_go(struct tour *t);

/* Ask nothing more. */
void tour_halt(struct tour *t);

void tour_rekey(struct tour *t);

/* There is news of a build. */
void tour_note(struct tour *t, int64_t id, struct span slug, bool over);

#endif
