/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_HOOKS_H
#define BENCH_HOOKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * A file of signed webhook requests, ready to be written to a socket. Signing
 * costs more than everything a receiver does, so the requests are made once and
 * mapped by each run. Every request tells of another build: ids count up from
 * HOOKS_FIRST_ID, repositories take turns.
 */
struct hooks {
	char *map;
	size_t size;
	size_t count;
};

#define HOOKS_FIRST_ID 281000000

/*
 * Make count requests of builds of that many repositories, signed by a key made
 * for them, and leave in dir: "requests", "key.pem" (the public half) and
 * "slugs" (the repositories, one a line). template_path names a JSON text with
 * ${…} where builds differ. Says on stderr what failed.
 */
MUST_CHECK enum err hooks_make(
	const char *dir, const char *template_path, size_t count, size_t repositories);

/* Map the requests of dir. Says on stderr what failed. */
MUST_CHECK enum err hooks_open(const char *dir, struct hooks *h);
void hooks_close(struct hooks *h);

/* Request i, head and body; borrowed. */
struct span hooks_request(const struct hooks *h, size_t i);

#endif
