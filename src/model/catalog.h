/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/entity.h"

/*
 * An index over one state of the catalog. It is built once and never changes:
 * a new state is a new index. Everything lies in a few arrays, so 100,000
 * annotated entities take some twenty megabytes.
 */
struct catalog;
struct catalog_builder;

struct catalog_builder *catalog_builder_new(void);
void catalog_builder_free(struct catalog_builder *b);

/*
 * Copy an entity in. A ref that is there already is replaced. ERR_PARSE if the
 * entity breaks the promises of model/entity.h, ERR_LIMIT at 4 GiB of text.
 */
MUST_CHECK enum err catalog_builder_add(struct catalog_builder *b, const struct entity *e);

bool catalog_builder_has(const struct catalog_builder *b, struct span ref);
size_t catalog_builder_count(const struct catalog_builder *b);

/* Sort and index. Consumes the builder, which callers give with TAKE(). */
struct catalog *catalog_build(struct catalog_builder *b);
void catalog_free(struct catalog *c);

size_t catalog_count(const struct catalog *c);        /* entities */
size_t catalog_repositories(const struct catalog *c); /* distinct slugs */
size_t catalog_bytes(const struct catalog *c);        /* memory held */

/* By canonical ref. The spans of *e live as long as c. */
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
