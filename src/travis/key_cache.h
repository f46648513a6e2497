/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_KEY_CACHE_H
#define TRAVIS_KEY_CACHE_H

#include <stddef.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "travis/webhook.h"

/*
 * The fetched keys of one instance as a file remembers them, newest first. It is
 * a convenience and no authority: what is wrong with it is the same as its not
 * being there, but for a warning.
 */
struct key_cache {
	struct key_cache_entry {
		char *pem;
		struct wall since; /* when it was first fetched */
	} key[TRAVIS_KEYS_MAX];
	size_t n;
};

void key_cache_release(struct key_cache *c);

/* Into an empty cache. ERR_NOTFOUND if there is no file; ERR_IO, ERR_PARSE if it is of no use. */
MUST_CHECK enum err key_cache_read(const char *path, struct key_cache *c);

MUST_CHECK enum err key_cache_write(const char *path, const struct key_cache *c);

#endif
