/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ENTITY_H
#define MODEL_ENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What the relay knows of one Backstage entity. Refs are canonical: lower case
 * and complete, "kind:namespace/name". An owner need not exist in the catalog.
 *
 * Every field is plain: at most ENTITY_TEXT_MAX bytes of UTF-8 without quotes,
 * backslashes and control characters, so that it stands in JSON as it is.
 */
#define ENTITY_LINKS_MAX   64
#define ENTITY_TEXT_MAX    512
#define ENTITY_ALIASES_MAX 2

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
	/* User: what its commits may call it, as digests (io/pseudonym.h). */
	struct span alias[ENTITY_ALIASES_MAX];
	size_t aliases;
};

/* The kind and the rest of a canonical ref; empty spans if it is none. */
struct span entity_ref_kind(struct span ref);
struct span entity_ref_namespace(struct span ref);
struct span entity_ref_name(struct span ref);

bool entity_ref_is_canonical(struct span ref);

/*
 * Make a ref canonical: lower case, with the given kind and the namespace
 * "default" where the text leaves them out (kind may be NULL: then it is
 * required). ERR_PARSE if it cannot be one; out is untouched then.
 */
MUST_CHECK enum err entity_ref_parse(struct span text, const char *kind, struct buf *out);

/* The same for a ref in an entity's spec, where the namespace left out is the entity's own. */
MUST_CHECK enum err entity_ref_resolve(
	struct span text, const char *kind, struct span space, struct buf *out);

/* Is this a field's text as struct entity promises it? Empty is. */
bool entity_text_is_plain(struct span text);

/* Is this a repository, "owner/name"? An owner may have slashes itself, as nested groups do. */
bool entity_slug_is_valid(struct span slug);

/* ERR_PARSE unless e keeps the promises above. */
MUST_CHECK enum err entity_check(const struct entity *e);

/* As JSON, to be kept in the store; and back, borrowing from json. */
MUST_CHECK enum err entity_write(const struct entity *e, struct buf *out);
MUST_CHECK enum err entity_read(struct span json, struct entity *e);

#endif
