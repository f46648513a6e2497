/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/entity.h"

/*
 * What is known of the catalog, indexed by ref and by repository. It changes an
 * entity at a time, and no change takes longer the more entities there are, so
 * that a catalog of any size follows Backstage on the loop. 100,000 annotated
 * entities take some twenty megabytes.
 *
 * Spans that look-ups give live until the next change.
 */
struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);

/*
 * One change, told after it was made: before is NULL for an entity that is new,
 * now for one that is gone. Both live for the call, which must not change the
 * catalog.
 */
struct catalog_change {
	const struct entity *before, *now;
	struct wall asked; /* as catalog_asked() said: it may have been so since then */
};

typedef void (*catalog_change_cb)(void *ctx, const struct catalog_change *change);

void catalog_on_change(struct catalog *c, catalog_change_cb on_change, void *ctx);

/* What is put and removed from now on is the answer to a question of that time. */
void catalog_asked(struct catalog *c, struct wall asked);

/*
 * Copy an entity in, in place of the one with its ref. Nothing has changed, and
 * nobody is told, if it is as it was. ERR_PARSE if it breaks the promises of
 * model/entity.h.
 */
MUST_CHECK enum err catalog_put(struct catalog *c, const struct entity *e);

/* Take an entity out; false if it was not there. */
bool catalog_remove(struct catalog *c, struct span ref);

/*
 * For a read of all of it, page by page: begin, put what comes, and what is * left unseen in the end is no more, or has been overlooked. Every entity counts
 * as seen that was put since, whoever put it, or was named to catalog_see(); and
 * also one that was removed, for a page may be older than its removal.
 */
void catalog_begin(struct catalog *c);
void catalog_see(struct catalog *c, struct span ref);
bool catalog_is_seen(const struct catalog *c, struct span ref);

/* The refs of at most max entities that were not seen; returns how many it gives. */
size_t catalog_unseen(const struct catalog *c, struct span *ref, size_t max);

/* Become what from is. */
void catalog_become(struct catalog *c, const struct catalog *from);

size_t catalog_count(const struct catalog *c);        /* entities */
size_t catalog_repositories(const struct catalog *c); /* distinct slugs */
size_t catalog_bytes(const struct catalog *c);        /* memory held */
uint64_t catalog_changes(const struct catalog *c);    /* made so far */

/* By canonical ref. */
bool catalog_get(const struct catalog *c, struct span ref, struct entity *e);

/* The i-th entity in order of ref. */
bool catalog_at(const struct catalog *c, size_t i, struct entity *e);

/* The place of the first entity whose ref comes after this one in order. */
size_t catalog_after(const struct catalog *c, struct span ref);

/*
 * Where in order of ref a text stands, or would: all refs that begin with it are
 * from there on.
 */
size_t catalog_position(const struct catalog *c, struct span text);

/*
 * The entities of a repository "owner/name", compared without regard to ASCII
 * case, in order of ref. Returns how many there are and fills at most max; an
 * orphan is passed over if there is another.
 */
size_t catalog_find(const struct catalog *c, struct span slug, struct entity *out, size_t max);

/*
 * The ref of the user that has this alias; false if nobody has it, or several:
 * then nobody knows who is meant.
 */
bool catalog_user(const struct catalog *c, struct span alias, struct span *ref);

/* Aliases that several users have. */
size_t catalog_shared_aliases(const struct catalog *c);

/*
 * Does member (a user or group) belong to group, directly or through parents?
 * Everybody belongs to themselves. Cycles end the walk, and so does a depth of 8.
 */
bool catalog_belongs(const struct catalog *c, struct span member, struct span group);

#endif
