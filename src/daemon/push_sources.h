/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PUSH_SOURCES_H
#define DAEMON_PUSH_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct conf;
struct safe;
struct secret;
struct webhook_key;

enum push_protocol {
	PUSH_STANDARD,   /* Standard Webhooks 1.0.0 */
	PUSH_FORGEDAPPS, /* @forgedapps/backstage-catalog-webhook-plugin */
};

/* "standard-webhooks" or "forgedapps". */
const char *push_protocol_str(enum push_protocol p);

struct push_counts {
	uint64_t accepted, duplicates, refused;
	uint64_t entities, changes; /* told, and of those to be read again */
	struct wall last;           /* accepted or known already; WALL_NONE: never */
};

/* Who may push changes of the catalog, and how we know them. */
struct push_source {
	char *name; /* the last segment of its path */
	enum push_protocol protocol;
	struct webhook_key **key; /* of PUSH_STANDARD */
	struct secret **secret;   /* of PUSH_FORGEDAPPS */
	size_t keys;              /* of either */
	size_t body_max;
	int64_t tolerance_ms;
	char *entity_filter; /* JSON that the plugin asks for; or NULL */
	struct push_counts counts;
};

struct push_sources {
	struct push_source *list;
	size_t n;
};

/* Fetch the keys of all sources of type catalog. On failure *why (free(3) it) is one line. */
MUST_CHECK enum err push_sources_fetch(
	const struct conf *c, const struct safe *safe, struct push_sources **out, char **why);
void push_sources_free(struct push_sources *all);

/* The source of that name, or NULL. */
struct push_source *push_sources_find(struct push_sources *all, struct span name);

/* Go on counting where those of the same name were. */
void push_sources_inherit(struct push_sources *now, struct push_sources *before);

#endif
