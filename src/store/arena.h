/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ARENA_H
#define STORE_ARENA_H

#include <stddef.h>

#include "base/span.h"

/*
 * Memory that is freed all at once: the copy of one request, and its answer.
 * What was given out never moves. Zeroed storage is an empty arena.
 */
struct arena {
	struct arena_block *block;
	size_t bytes; /* given out so far */
};

void arena_release(struct arena *a);

/* n zeroed bytes, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t n);

/* Copies; NULL for n of 0. */
void *arena_copy(struct arena *a, const void *p, size_t n);
struct span arena_span(struct arena *a, struct span s);

/* NULL for NULL. */
const char *arena_str(struct arena *a, const char *s);

#endif
