/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CATALOG_PATCH_H
#define BACKSTAGE_CATALOG_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "backstage/entity_json.h"
#include "base/clock.h"
#include "base/span.h"

struct backstage_client;
struct catalog_reader;
struct loop;

/*
 * Reads entities again by reference, of which something has hinted that they
 * changed. Hints that come while a look-up is under way share the next one. Only
 * what Backstage answers by reference changes anything: a null is the proof
 * that an entity is gone.
 */
struct catalog_patch;

struct catalog_patch_conf {
	struct entity_rules rules;
	struct catalog_reader *reader;
	/* borrowed */ /* The catalog has changed, by a look-up that began then. */
	void (*on_patched)(void *ctx, struct wall began);
	/* Hints could not be followed: a whole read is owed. */
	void (*on_owed)(void *ctx);
	void *ctx;
};

/* client is borrowed, strings are copied. No callback may free the patch. */
struct catalog_patch *catalog_patch_new(
	struct loop *l, struct backstage_client *client, const struct catalog_patch_conf *conf);
void catalog_patch_free(struct catalog_patch *p);

/* Look this canonical ref up, soon. */
void catalog_patch_hint(struct catalog_patch *p, struct span ref);

struct catalog_patch_status {
	size_t pending;
	uint64_t lookups, changes; /* calls made, and those that changed the catalog */
};

struct catalog_patch_status catalog_patch_status(const struct catalog_patch *p);

#endif
