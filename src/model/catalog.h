/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What the relay knows of one Backstage entity. Refs are canonical: lower case
 * and complete, "kind:namespace/name". An owner need not exist in the catalog.
 */
#define ENTITY_LINKS_MAX 64

struct entity {
	struct span ref;
	struct span uid, etag;
	struct span slug;                    /* of its repository as annotated; empty if none */
	struct span type, lifecycle;         /* spec.type, spec.lifecycle */
	struct span system;                  /* a ref; empty if none */
	bool orphan;                         /* annotated backstage.io/orphan */
	struct span owner[ENTITY_LINKS_MAX]; /* ownedBy, refs */
	size_t owners;
	struct span parent[ENTITY_LINKS_MAX]; /* Group: childOf; User: memberOf, refs */
	size_t parents;
	struct span tag[ENTITY_LINKS_MAX];
	size_t tags;
};

/* The kind and the rest of a canonical ref; empty spans if it is none. */
struct span entity_ref_kind(struct span ref);
struct span entity_ref_namespace(struct span ref);
struct span entity_ref_name(struct span ref);

/*
 * Make a ref canonical: lower case, with the given kind and the namespace
 * "default" where the text leaves them out (kind may be NULL: then it is
 * required). ERR_PARSE if it cannot be one.
 */
MUST_CHECK enum err entity_ref_parse(struct span text, const char *kind, struct buf *out);

/* As JSON, to be kept in the store; and back, borrowing from json. */
MUST_CHECK enum err entity_write(const struct entity *e, struct buf *out);
MUST_CHECK enum err entity_read(struct span json, struct entity *e);

/*
 * An index over one state of the catalog. It is built once and never changes:
 * a new state is a new index. Everything lies in one arena, so 100,000
 * annotated entities take some ten megabytes.
 */
struct catalog;
struct catalog_builder;

struct catalog_builder *catalog_builder_new(void);
void catalog_builder_free(struct catalog_builder *b);

/* Copy an entity in. A ref that is there already is replaced. */
MUST_CHECK enum err catalog_builder_add(struct catalog_builder *b, const struct entity *e);

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

/*
 * The entities of a repository "owner/name", compared without regard to ASCII
 * case, in order of ref. Returns how many there are and fills at most max; an
 * orphan is passed over if there is another.
 */
size_t catalog_find(const struct catalog *c, struct span slug, struct entity *out, size_t max);

/*
 * Does member (a user or group) belong to group, directly or through parents?
 * Cycles end the walk, and so does a depth of 8.
 */
bool catalog_belongs(const struct catalog *c, struct span member, struct span group);

#endif
