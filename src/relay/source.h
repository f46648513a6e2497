/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_SOURCE_H
#define RELAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "secret/ref.h"

#define SOURCE_POSTS    40 /* in SOURCE_POSTS_MS at most */
#define SOURCE_POSTS_MS INT64_C(30000)
#define SOURCE_SPARE    10 /* of them, that what nobody waits for leaves to people */

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
	struct travis_api *api;           /* NULL: builds cannot be started there */
	struct secret_ref token;          /* for it; its path may have an entity's variables */
	struct mono posted[SOURCE_POSTS]; /* when its API was last posted to: a ring */
	size_t posted_next;
	struct mono hushed_until; /* its API wants no call before */
	struct source_heal heal;
	uint64_t accepted, duplicates, refused, backfilled;
};

/*
 * How long to wait before its API may be posted to, in ms; 0: not at all. Travis
 * bans a token for an hour after 50 POSTs in 30 seconds.
 */
int64_t source_post_wait(const struct source *s, struct mono now);

/* The same for what nobody waits for: some are left to those who do. */
int64_t source_spare_wait(const struct source *s, struct mono now);

/* It is posted to now. */
void source_post(struct source *s, struct mono now);

/* Its API takes no call at all for a while: the token asked too often, or is banned. */
void source_hush(struct source *s, struct mono now, int64_t wait_ms);

/* How long that is yet, in ms; 0: it may be asked. Part of source_post_wait(), too. */
int64_t source_hush_wait(const struct source *s, struct mono now);

/* Does it listen to the owner of a repository? */
bool source_hears(const struct source *s, struct span owner);

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
