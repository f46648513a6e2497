/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hint_book.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "store/store.h"

#define NS_HINT   "hint"
#define SCAN_ROWS 512
#define PUT_ROWS  256
#define KEY_MAX   2048

struct line {
	char *value;
	bool pinned;
	bool fresh; /* not handed to the store yet */
};

struct hint_book {
	struct store *store;
	struct map lines;
	size_t fresh;
	struct hint_book_reader reader;
	struct buf after; /* key of the last row read */
};

struct hint_book *hint_book_new(struct store *store)
{
	struct hint_book *b = xcalloc(1, sizeof(*b));

	b->store = store;
	map_init(&b->lines);
	buf_init(&b->after, KEY_MAX);
	return b;
}

static void line_free(struct line *line)
{
	free(line->value);
	free(line);
}

void hint_book_free(struct hint_book *b)
{
	struct span key;
	size_t at = 0;
	void *line;

	if (b == NULL)
		return;
	while (map_next(&b->lines, &at, &key, &line))
		line_free(line);
	map_release(&b->lines);
	buf_release(&b->after);
	free(b);
}

/* --- lines --- */

static struct line *line_put(struct hint_book *b, struct span key, struct span value, bool pinned)
{
	struct line *line = map_get(&b->lines, key);

	if (line == NULL) {
		line = xcalloc(1, sizeof(*line));
		IGNORE(map_put(&b->lines, key, line) != NULL);
	}
	free(line->value);
	line->value = xstrndup(value.p, value.n);
	line->pinned = pinned;
	return line;
}

enum err hint_book_add(struct hint_book *b, struct span key, struct span value, bool pinned)
{
	struct line *line = map_get(&b->lines, key);

	if (line == NULL && b->lines.count >= HINT_BOOK_MAX)
		return ERR_LIMIT;
	if (line != NULL && span_is(value, line->value)) {
		line->pinned = line->pinned || pinned;
		return ERR_OK;
	}
	line = line_put(b, key, value, pinned);
	if (!line->fresh)
		b->fresh++;
	line->fresh = true;
	return ERR_OK;
}

void hint_book_unpin(struct hint_book *b, struct span key)
{
	struct line *line = map_get(&b->lines, key);

	if (line != NULL)
		line->pinned = false;
}

size_t hint_book_lines(const struct hint_book *b)
{
	return b->lines.count;
}

/* --- writing --- */

struct writing {
	void (*on_written)(void *ctx, bool kept);
	void *ctx;
	struct store_put *put;
	size_t puts;
};

static void writing_free(struct writing *w)
{
	free(w->put);
	free(w);
}

static void on_put(void *ctx, enum claim_result r)
{
	struct writing *w = ctx;

	w->on_written(w->ctx, r == CLAIM_OK);
	writing_free(w);
}

void hint_book_write(struct hint_book *b, void (*on_written)(void *ctx, bool kept), void *ctx)
{
	struct writing *w;
	struct span key;
	size_t at = 0;
	void *value;

	if (b->fresh == 0) {
		on_written(ctx, true);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct writing){ .on_written = on_written, .ctx = ctx };
	w->put = xcalloc(b->fresh, sizeof(*w->put));
	while (map_next(&b->lines, &at, &key, &value)) {
		struct line *line = value;

		if (line->fresh)
			w->put[w->puts++] = (struct store_put){
				.ns = NS_HINT, .key = key, .value = span_of(line->value)
			};
		line->fresh = false;
	}
	b->fresh = 0;
	if (store_put(b->store, w->put, w->puts, on_put, w) != ERR_OK)
		on_put(w, CLAIM_RETRY);
}

/* A row that stays because the store did not take this is followed once more by the next run. */
static void on_removed(void *ctx, enum claim_result r)
{
	(void)ctx;
	if (r != CLAIM_OK)
		log_debug("bus.hints-stay", "reason=storage");
}

static void remove_rows(struct hint_book *b, const struct store_put *put, size_t n)
{
	if (n > 0 && store_put(b->store, put, n, on_removed, b) != ERR_OK)
		on_removed(b, CLAIM_RETRY);
}

/* The first n lines that may go, at most PUT_ROWS; their keys are the map's. */
static size_t settled_lines(const struct hint_book *b, struct store_put *put)
{
	struct span key;
	size_t at = 0, n = 0;
	void *value;

	while (n < PUT_ROWS && map_next(&b->lines, &at, &key, &value)) {
		const struct line *line = value;

		if (!line->pinned)
			put[n++] = (struct store_put){ .ns = NS_HINT, .key = key };
	}
	return n;
}

/* One that was never handed to the store has nothing to remove there, and that does no harm. */
bool hint_book_settle(struct hint_book *b)
{
	struct store_put put[PUT_ROWS];
	size_t n = settled_lines(b, put);

	remove_rows(b, put, n);
	for (size_t i = 0; i < n; i++) {
		struct line *line = map_remove(&b->lines, put[i].key);

		b->fresh -= line->fresh;
		line_free(line);
	}
	return n == PUT_ROWS;
}

/* --- reading --- */

static void read_more(struct hint_book *b);

/* What this run has added or followed meanwhile is not touched by what it reads. */
static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct hint_book *b = ctx;

	for (size_t i = 0; i < n; i++) {
		if (map_get(&b->lines, rows[i].key) == NULL)
			line_put(b, rows[i].key, rows[i].value, false);
		b->reader.on_line(b->reader.ctx, rows[i].key, rows[i].value);
	}
	if (e != ERR_OK || !more || n == 0) {
		b->reader.on_read(b->reader.ctx, e);
		return;
	}
	buf_clear(&b->after);
	IGNORE(buf_add_span(&b->after, rows[n - 1].key));
	read_more(b);
}

static void read_more(struct hint_book *b)
{
	if (store_scan(b->store, NS_HINT, buf_span(&b->after), SCAN_ROWS, on_rows, b) != ERR_OK)
		b->reader.on_read(b->reader.ctx, ERR_BUSY);
}

enum err hint_book_read(struct hint_book *b, const struct hint_book_reader *reader)
{
	b->reader = *reader;
	buf_clear(&b->after);
	return store_scan(b->store, NS_HINT, buf_span(&b->after), SCAN_ROWS, on_rows, b);
}
