/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_SOURCE_H
#define RELAY_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "secret/ref.h"

struct travis_api;
struct travis_keys;

/* A configured way in, and what came through it. */
struct source {
	char *name;    /* the last segment of its path */
	char *host;    /* of build URLs */
	char **owners; /* repository owners listened to, NULL-ended; NULL: all */
	size_t body_max;
	struct travis_keys *keys;
	struct travis_api *api;  /* NULL: builds cannot be started there */
	struct secret_ref token; /* for it; its path may have an entity's variables */
	uint64_t accepted, duplicates, refused;
};

/* Frees keys, API and token too. */
void source_free(struct source *s);

#endif
