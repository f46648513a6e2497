/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * A byte string that grows up to a ceiling fixed at birth.
 *
 * data is always NUL terminated and never NULL, so it can be read as a C
 * string at any time; the NUL is not counted in len. Peers decide how much
 * arrives, so every buf fed from the network is given max from the
 * configuration.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap; /* bytes allocated, 0 until the first append */
	size_t max; /* len never exceeds this */
	bool wipes; /* what is given back to the heap */
};

void buf_init(struct buf *b, size_t max);

/* The same for what has secrets: nothing of it is left in the heap, however it grew. */
void buf_init_wiping(struct buf *b, size_t max);

/* Free the bytes; b needs buf_init() before it is used again. */
void buf_release(struct buf *b);

/* Forget the bytes but keep the room for the next use. */
void buf_clear(struct buf *b);

/* Append n bytes, or none and return ERR_LIMIT. */
MUST_CHECK enum err buf_add(struct buf *b, const void *bytes, size_t n);
MUST_CHECK enum err buf_add_span(struct buf *b, struct span s);
MUST_CHECK enum err buf_add_str(struct buf *b, const char *s);
MUST_CHECK enum err buf_add_lower(struct buf *b, struct span s); /* as span_lower() */
MUST_CHECK enum err buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/*
 * Make room for n bytes beyond len, and one for the NUL, and say where they go;
 * the caller writes there, adds to len and puts the NUL behind. NULL when that
 * would pass max.
 */
char *buf_room(struct buf *b, size_t n);

/* The bytes, borrowed until b changes. */
struct span buf_span(const struct buf *b);

/* Give the caller the bytes to free(3), and empty b. */
char *buf_detach(struct buf *b);

#endif
