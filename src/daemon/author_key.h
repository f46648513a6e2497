/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_AUTHOR_KEY_H
#define DAEMON_AUTHOR_KEY_H

#include "backstage/entity_json.h"
#include "base/defs.h"
#include "base/err.h"
#include "conf/conf.h"

struct pseudonym_key;

/*
 * The key of authors' digests: the configuration's, or author.key beside the
 * store, which is made if there is none. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err author_key_open(const struct conf *c, struct pseudonym_key **out, char **why);

/* What is read of entities with this configuration; borrows from both. */
static inline struct entity_rules author_rules(
	const struct conf *c, const struct pseudonym_key *names)
{
	return (struct entity_rules){
		.repository = c->catalog_annotation,
		.login = c->catalog_author_annotation,
		.names = names,
	};
}

#endif
