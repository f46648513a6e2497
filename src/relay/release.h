/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_RELEASE_H
#define RELAY_RELEASE_H

struct relay;

/*
 * Gives parked events their way when the catalog has changed: those that waited
 * for a first catalog, and those whose repository an entity claims now.
 */
struct release;

struct release *release_new(struct relay *r);
void release_free(struct release *rel);

/*
 * Look at every parked event, a page at a time; again afterwards if asked
 * meanwhile, and a little later for as long as the store cannot take it all.
 */
void release_run(struct release *rel);

#endif
