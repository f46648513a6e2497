/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_REPOS_H
#define RELAY_REPOS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/span.h"

struct catalog;
struct source;

/*
 * The repositories of one source whose lists of builds are read, each when it is due:
 * those of the catalog, as far as was looked into it. One that the catalog has lost
 * stays until somebody drops it.
 */
struct repo {
	struct mono due;
	struct wall through; /* all that ended before is told; WALL_NONE: not known */
};

struct repos {
	struct map by_slug; /* in small letters -> struct repo */
	struct buf at;      /* the catalog's entities up to this ref were seen */
};

void repos_init(struct repos *r);
void repos_release(struct repos *r);

/* The one of that name in any case, or NULL. */
struct repo *repos_find(const struct repos *r, struct span slug);

/*
 * The same, new if need be: it is due at once, but none is always before or behind
 * another. NULL for an empty name.
 */
struct repo *repos_get(struct repos *r, struct span slug, struct mono now);

void repos_drop(struct repos *r, struct span slug);

/* Take in some of the catalog's that the source listens to; the next ones at the next call. */
void repos_gather(
	struct repos *r, const struct catalog *c, const struct source *s, struct mono now);

/* The one that is due for the longest time, and its name, which lives until it is dropped; or NULL. */
struct repo *repos_due(const struct repos *r, struct mono now, struct span *slug);

#endif
