/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_SOURCE_H
#define RELAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"
#include "secret/ref.h"

struct travis_api;
struct travis_keys;

/* How the builds are looked for that no webhook told of (relay/healer.h). */
struct source_heal {
	bool enabled;
	int64_t every_ms;      /* between two looks at a repository's list */
	int64_t unfinished_ms; /* without news, before a build is asked for by itself */
	int64_t window_ms;     /* what is older is left alone */
	unsigned rate;         /* calls in a minute */
};

/* A configured way in, and what came through it. */
struct source {
	char *name;    /* the last segment of its path */
	char *host;    /* of build URLs */
	char **owners; /* repository owners listened to, NULL-ended; NULL: all */
	size_t body_max;
	struct travis_keys *keys;
	struct travis_api *api;   /* NULL: builds cannot be started there */
	struct secret_ref token;  /* for it; its path may have an entity's variables */
	size_t builds_per_hour;   /* of one repository that are asked for at most; 0: any */
	struct mono hushed_until; /* who looks for builds there waits until then */
	struct source_heal heal;
	uint64_t accepted, duplicates, refused, backfilled;
};

/* Who looks for builds there stops for a while: a token is heard too much of, or is banned. */
void source_hush(struct source *s, struct mono now, int64_t wait_ms);

/* How long that is yet, in ms; 0: it may be asked. */
int64_t source_hush_wait(const struct source *s, struct mono now);

/* Does it listen to the owner of a repository? */
bool source_hears(const struct source *s, struct span owner);

/* To that of "owner/name"? Never to what has no owner. */
bool source_hears_slug(const struct source *s, struct span slug);

/*
 * Where the builds of a repository "owner/name" are asked for: of those that have
 * an API and listen to its owner, the first of that name and that host, each if it
 * is given: name may be NULL, host empty. NULL if there is none.
 */
struct source *source_for(
	struct source *const *list, size_t n, struct span slug, const char *name, struct span host);

/* Frees keys, API and token too. */
void source_free(struct source *s);

#endif
