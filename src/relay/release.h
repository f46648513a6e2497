/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_RELEASE_H
#define RELAY_RELEASE_H

#include <stdbool.h>

struct relay;

/*
 * Gives parked events their way when the catalog has changed: those that waited
 * for a first catalog, and those whose repository an entity claims now.
 */
struct release;

struct release *release_new(struct relay *r);
void release_free(struct release *rel);

/* Look at every parked event, a page at a time; again afterwards if asked meanwhile. */
void release_run(struct release *rel);

/* Could the store not take all of the last run? Then run again some time. */
bool release_is_unfinished(const struct release *rel);

#endif
