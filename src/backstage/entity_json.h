/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_ENTITY_JSON_H
#define BACKSTAGE_ENTITY_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "model/entity.h"

struct pseudonym_key;

/* What is read of an entity beyond what all have. Borrowed. */
struct entity_rules {
	const char *repository;            /* the annotation that names its repository */
	const char *login;                 /* the one that names a user's login; NULL: none does */
	const struct pseudonym_key *names; /* for users' aliases; NULL: they get none */
};

/* With texts of its own; names stays borrowed. */
struct entity_rules entity_rules_copy(const struct entity_rules *rules);
void entity_rules_release(struct entity_rules *rules);

/*
 * What room must have for one entity: its links, its other texts and what is
 * being looked at. A text is short there, or has escapes and is not kept.
 */
#define ENTITY_ROOM ((5 * ENTITY_LINKS_MAX + 120) * ENTITY_TEXT_MAX)

/*
 * Read one entity as Backstage's catalog gives it, from a text that json_gate()
 * let through. Owners, parents and system come from its relations, as targetRef
 * or, in older backends, as a target object; only the system may come from spec.
 * Of users' e-mail addresses and logins only digests are taken. What the relay
 * can do without is left out if it is malformed or too much: a text, a link, a
 * repository that is no "owner/name".
 *
 * The spans of *e lie in o and in room, which is cleared first and must allow
 * ENTITY_ROOM bytes. ERR_PARSE, with *e untouched, if it has no usable name.
 */
MUST_CHECK enum err entity_from_json(
	struct json_value o, const struct entity_rules *rules, struct buf *room, struct entity *e);

/* Does the relay keep it: does it name a repository, or can it be or belong to an owner? */
bool entity_is_wanted(const struct entity *e);

#endif
