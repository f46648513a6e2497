/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_VARIABLES_H
#define RELAY_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct json_writer;
struct relay;

/*
 * Secrets that are kept as environment variables in the settings of repositories:
 * each is written there when it is new, when it changes at its provider, and when
 * it is found missing or in other hands. Only entities that the configuration
 * chooses have any, whose owner the catalog knows.
 *
 * Travis loses changes where two are made at a time, so there is one call at a
 * time for a repository, and one instance that makes them (the store's lease
 * "variables"). What is being written is on record before Travis hears of it; after
 * a crash, or where no answer came, it is written once more.
 */
struct variables;

struct variables *variables_new(struct relay *r);

/* The store must be closed before: its last answers still come here. */
void variables_free(struct variables *v);

/* What the store and the catalog remembered is there. */
void variables_start(struct variables *v);

/*
 * There is another setup: sources, variables and what secrets are in. The old ones
 * are there yet, for the last time.
 */
void variables_rekey(struct variables *v);

/* Entities have changed. */
void variables_look(struct variables *v);

/* Begin with nothing more; is nothing under way? */
void variables_stop(struct variables *v);
bool variables_are_idle(const struct variables *v);

struct variables_stats {
	uint64_t pushes, failures; /* written and removed; calls that failed */
	size_t known, troubled;
};

struct variables_stats variables_stats(const struct variables *v);

/* Append one object for each, and nothing of their values. */
void variables_write(const struct variables *v, struct json_writer *w);

/*
 * What the store has on record may be of one that nobody wants any more, and which
 * is at its repository yet: append it, if it is.
 */
void variables_write_left(
	const struct variables *v, struct span key, struct span value, struct json_writer *w);

/* The name in the store of what is known of them. */
#define NS_VARIABLE "variable"

#endif
