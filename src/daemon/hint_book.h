/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_HINT_BOOK_H
#define DAEMON_HINT_BOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct store;

/*
 * What the event bus has told and nobody has followed yet, in the store: the bus
 * tells everything once, so it is not asked for more before that is durable. A
 * line is a key and a value of our own words; the same key is one line.
 */
struct hint_book;

/* More lines than that are no use: reading everything is faster. */
#define HINT_BOOK_MAX 20000

struct hint_book *hint_book_new(struct store *store);

/* The store must be closed before: its last answers still come here. */
void hint_book_free(struct hint_book *b);

/*
 * Read what an earlier run or holder left. on_line gets each line; then on_read,
 * once, with what went wrong if something did. ERR_BUSY: the store takes no calls.
 */
struct hint_book_reader {
	void (*on_line)(void *ctx, struct span key, struct span value);
	void (*on_read)(void *ctx, enum err e);
	void *ctx;
};

MUST_CHECK enum err hint_book_read(struct hint_book *b, const struct hint_book_reader *reader);

/*
 * Add a line, or give it another value. It is pinned if hint_book_settle() must
 * leave it until it is unpinned. ERR_LIMIT if the book is full.
 */
MUST_CHECK enum err hint_book_add(
	struct hint_book *b, struct span key, struct span value, bool pinned);
void hint_book_unpin(struct hint_book *b, struct span key);

/*
 * Write the lines added since the last time, and call on_written when they are
 * durable, or could not be made so; at once if there are none.
 */
void hint_book_write(struct hint_book *b, void (*on_written)(void *ctx, bool kept), void *ctx);

/*
 * Everything that is not pinned was followed: remove some of it. True if there is
 * more; webhooks may wait for what is removed at once.
 */
bool hint_book_settle(struct hint_book *b);

size_t hint_book_lines(const struct hint_book *b);

#endif
