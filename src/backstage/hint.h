/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_HINT_H
#define BACKSTAGE_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "base/span.h"

/*
 * What the events of one answer of Backstage's bus say about the catalog: which
 * entities to read again. Events are hints only: nothing in them is believed.
 */
struct hint_taker {
	/* A canonical ref, for the call only. repeats: its topic tells the same every round. */
	void (*on_ref)(void *ctx, struct span ref, bool repeats);
	/*
	 * NULL: nobody cares. Somebody pushed to this repository "owner/name" what may be a description
	 * of entities. named: it is called catalog-info and on the default branch,
	 * so that a repository without entities may have some now.
	 */
	void (*on_push)(void *ctx, struct span slug, bool named);
	void *ctx;
};

struct hint_tally {
	size_t events;
	bool whole; /* what changed is not known by reference: read all of the catalog */
};

/*
 * Read {"events":[{"topic":…,"payload":…},…]}. An event tells of the entity in
 * its payload's "entityRef" or "entity"; one that is no ref asks for a whole read,
 * and so does "resync": true.
 * A push is known by its shape: GitHub's and GitLab's list the files, and count
 * if one of them is YAML or not all commits are listed; Bitbucket Cloud's list
 * none and always count. ERR_PARSE or ERR_LIMIT, with nothing told, if this is no
 * such answer.
 */
MUST_CHECK enum err hint_read(
	struct span answer, const struct hint_taker *taker, struct hint_tally *tally);

/* The same of one payload alone, an object of a text that the gate has let through. */
void hint_read_payload(
	struct json_value payload, const struct hint_taker *taker, struct hint_tally *tally);

#endif
