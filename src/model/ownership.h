/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_OWNERSHIP_H
#define MODEL_OWNERSHIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct entity;

/* What is recorded of an entity whenever it changes. A gone one has its ref only. */
struct ownership {
	struct span ref;
	struct span uid;
	struct span slug;   /* of its repository; empty if none */
	struct span owners; /* refs in order, each once, parted by blanks */
	bool orphan;
	bool gone; /* no longer in the catalog, or no longer of interest to the relay */
};

/* Is ownership recorded of it? Not of users and groups: they own and are not owned. */
bool ownership_is_of(struct span ref);

/* As an entity has it; owners are written into text, which is cleared first. */
MUST_CHECK enum err ownership_of(const struct entity *e, struct buf *text, struct ownership *out);

/* Of the same entity: is nothing recorded different? */
bool ownership_is_same(const struct ownership *a, const struct ownership *b);

/* The next of the owners, from *at = 0 on; false after the last. */
bool ownership_next_owner(const struct ownership *o, size_t *at, struct span *owner);

/*
 * A recorded change, of which nobody but Backstage knows the moment: the state
 * before was still read from not_before on, this one was learned at since.
 * not_before is WALL_NONE where the record begins.
 */
struct ownership_change {
	struct ownership state;
	struct wall not_before, since;
	bool first; /* nothing was recorded of the entity before */
};

/* What there is to judge a moment by. */
struct ownership_record {
	const struct ownership_change *then; /* the last learned by that moment; or NULL */
	const struct ownership_change *next; /* the first learned after it; or NULL */
	struct wall begins;                  /* the record as a whole; WALL_NONE: there is none */
	struct wall whole;     /* what took place before then may have been removed; or WALL_NONE */
	struct wall confirmed; /* the newest whole read began: the last change holds till then */
	struct wall now;
};

enum ownership_word {
	OWNERSHIP_CERTAIN,
	OWNERSHIP_UNCERTAIN, /* a change was on its way: it was so, or as in `or` */
	OWNERSHIP_UNKNOWN,   /* the record has never had the entity */
	OWNERSHIP_BEFORE,    /* the record begins later, or was removed by retention */
	OWNERSHIP_FUTURE,
};

struct ownership_view {
	enum ownership_word word;
	const struct ownership *state; /* NULL: it was not in the catalog */
	const struct ownership * or
		; /* where uncertain; NULL: nobody has looked since, or absent */
	/* Within these it was certainly so; either is WALL_NONE where the record has no end. */
	struct wall from, until;
};

struct ownership_view ownership_at(const struct ownership_record *r, struct wall at);

#endif
