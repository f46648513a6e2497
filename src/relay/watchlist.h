/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_WATCHLIST_H
#define RELAY_WATCHLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/span.h"

/*
 * The builds of one source that are not over, as far as is known. Each is due when
 * there was no news of it for a while, then less and less often, until it is so old
 * that it is given up.
 */
struct watch {
	int64_t id;
	char *slug;
	struct mono news; /* the last there was of it */
	struct mono due;
};

struct watchlist {
	struct map by_id;
	size_t dropped; /* that were too many */
};

struct watchlist_rules {
	int64_t after_ms;  /* without news */
	int64_t window_ms; /* without news: it is given up */
};

void watchlist_init(struct watchlist *l);
void watchlist_release(struct watchlist *l);

/* There is news of a build that is not over. */
void watchlist_note(struct watchlist *l, int64_t id, struct span slug, struct mono news,
	const struct watchlist_rules *r);

/* It is over. */
void watchlist_forget(struct watchlist *l, int64_t id);

/* It was asked for without news: the next time when it is a quarter older. */
void watchlist_defer(
	struct watchlist *l, int64_t id, struct mono now, const struct watchlist_rules *r);

/* The one that is due for the longest time, or NULL. Lives until the list changes. */
const struct watch *watchlist_due(const struct watchlist *l, struct mono now);

bool watch_is_hopeless(const struct watch *w, struct mono now, const struct watchlist_rules *r);

#endif
