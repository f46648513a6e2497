/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/disk.h"
#include "audit/folder.h"
#include "base/file.h"

#define FOLDER_MODE 0755

struct log_writer *log_writer_new(const char *dir, const char *origin, struct signing_key *secret)
{
	struct log_writer *w = xcalloc(1, sizeof(*w));

	w->dir = xstrdup(dir);
	w->secret = secret;
	w->edge = edge_new();
	note_key_init(&w->key, origin, signing_key_public(secret));
	return w;
}

void log_writer_free(struct log_writer *w)
{
	if (w == NULL)
		return;
	edge_free(w->edge);
	signing_key_free(w->secret);
	free(w->dir);
	free(w);
}

PRINTF(2, 3) static enum err doubt(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return ERR_AUTH;
}

/* --- taking it up --- */

/* Is the log the one that this note was signed for, gone on with or not? */
static enum err check_grown(
	const struct log_writer *w, struct span note, const char *whose, char **why)
{
	CLEANUP(folder_tree_freep) struct folder_tree *t = NULL;
	struct checkpoint then;
	struct tlog_proof proof;
	struct tlog_hash root;
	enum err e;

	if (checkpoint_open(note, &w->key, &then) != ERR_OK)
		return doubt(
			why, "%s is no checkpoint of %s signed by its key", whose, w->key.name);
	if (then.size > w->edge->size)
		return doubt(why, "%s has %" PRIu64 " entries, but the log in %s only %" PRIu64,
			whose, then.size, w->dir, w->edge->size);
	edge_root(w->edge, &root);
	t = folder_tree_new(w->dir, w->edge->size);
	e = tlog_prove_growth(&t->tree, then.size, &proof);
	if (e == ERR_IO)
		return ERR_BUSY;
	if (e == ERR_OK)
		e = tlog_check_growth(&proof, then.size, &then.root, w->edge->size, &root);
	if (e != ERR_OK)
		return doubt(why, "the log in %s has not grown out of %s, of %" PRIu64 " entries",
			w->dir, whose, then.size);
	return ERR_OK;
}

static enum err check_witness(const struct log_writer *w, const char *path, char **why)
{
	CLEANUP(buf_release) struct buf note;
	struct span text, origin;
	enum err e;

	buf_init(&note, NOTE_MAX);
	e = file_read(path, &note);
	if (e == ERR_NOTFOUND && w->edge->size == 0)
		return ERR_OK;
	if (e != ERR_OK)
		return doubt(why, "the witness %s cannot be read", path);
	text = buf_span(&note);
	/* A new log begins where the witness still has a checkpoint of the one before. */
	if (w->edge->size == 0 && note_line(&text, &origin) && !span_is(origin, w->key.name))
		return ERR_OK;
	return check_grown(w, buf_span(&note), "the witness", why);
}

/* The folder's own end: does it hold together, and is it ours? */
static enum err open_checkpoint(struct log_writer *w, struct span note, char **why)
{
	struct tlog_hash root;
	struct checkpoint c;
	enum err e;

	if (checkpoint_open(note, &w->key, &c) != ERR_OK)
		return doubt(why, "the checkpoint in %s is not signed by this key for %s", w->dir,
			w->key.name);
	e = folder_edge(w->dir, c.size, w->edge);
	if (e == ERR_IO)
		return ERR_BUSY;
	if (e != ERR_OK)
		return doubt(
			why, "tiles at the end of the log in %s are missing or damaged", w->dir);
	edge_root(w->edge, &root);
	if (!tlog_hash_eq(&root, &c.root))
		return doubt(why, "the tiles in %s are not those of its checkpoint", w->dir);
	return ERR_OK;
}

/* What a crash left half done is done: folders are synced, old partial tiles dropped in time. */
static enum err writer_settle_in(struct log_writer *w)
{
	char name[TLOG_PATH_MAX];
	enum err e = disk_settle(w->dir, tlog_tile_path(TLOG_ENTRIES, w->edge->tile[0].n, 1, name));

	for (int level = 0; level < TLOG_LEVELS && e == ERR_OK; level++) {
		const struct edge_tile *t = &w->edge->tile[level];

		w->written[level] = t->width;
		w->full_from[level] = t->n > 0 ? t->n - 1 : 0;
		e = disk_settle(w->dir, tlog_tile_path(level, t->n, 1, name));
	}
	return e;
}

static enum err write_vkey(const struct log_writer *w)
{
	CLEANUP(buf_release) struct buf have;
	CLEANUP(buf_release) struct buf want;
	enum err e;

	buf_init(&have, NOTE_MAX);
	buf_init(&want, NOTE_MAX);
	e = note_key_write(&w->key, &want);
	if (e == ERR_OK)
		e = buf_add_str(&want, "\n");
	if (e != ERR_OK)
		return e;
	if (folder_read(w->dir, FOLDER_VKEY, &have) == ERR_OK &&
		span_eq(buf_span(&have), buf_span(&want)))
		return ERR_OK;
	return disk_put(w->dir, FOLDER_VKEY, buf_span(&want));
}

enum err log_writer_open(struct log_writer *w, const struct log_memory *m, char **why)
{
	CLEANUP(buf_release) struct buf note;
	enum err e = disk_folder(w->dir, FOLDER_MODE);

	buf_init(&note, NOTE_MAX);
	if (e != ERR_OK)
		return e;
	edge_clear(w->edge);
	e = folder_read(w->dir, FOLDER_CHECKPOINT, &note);
	if (e == ERR_IO)
		return ERR_BUSY;
	if (e == ERR_OK && !m->is_known)
		return doubt(why, "there is a log in %s of which the store knows nothing", w->dir);
	if (e == ERR_NOTFOUND && m->remembered.n > 0)
		return doubt(why, "the log in %s has lost its checkpoint", w->dir);
	if (e != ERR_NOTFOUND) {
		e = open_checkpoint(w, buf_span(&note), why);
		if (e != ERR_OK)
			return e;
	}
	e = m->remembered.n == 0 ? ERR_OK
				 : check_grown(w, m->remembered, "what the store remembers", why);
	if (e == ERR_OK && m->witness != NULL)
		e = check_witness(w, m->witness, why);
	if (e != ERR_OK)
		return e;
	e = writer_settle_in(w);
	return e == ERR_OK ? write_vkey(w) : e;
}

/* --- comparing --- */

static enum err compare_tile(const struct log_writer *w, uint64_t n, struct tlog_hash *hash)
{
	unsigned width = tlog_tile_width(w->edge->size, 0, n);

	return folder_tile(w->dir, 0, n, width, hash);
}

enum err log_writer_compare(struct log_writer *w, const struct log_page *page, char **why)
{
	struct tlog_hash hash[TLOG_TILE], leaf;
	uint64_t read = UINT64_MAX;

	for (size_t i = 0; i < page->n; i++) {
		uint64_t index = page->first + i, n = index / TLOG_TILE;

		if (read != n) {
			enum err e = compare_tile(w, n, hash);

			if (e == ERR_IO)
				return ERR_BUSY;
			if (e != ERR_OK)
				return doubt(why, "a tile with entry %" PRIu64 " is missing in %s",
					index, w->dir);
			read = n;
		}
		tlog_leaf(page->entry[i], &leaf);
		if (!tlog_hash_eq(&leaf, &hash[index % TLOG_TILE]))
			return doubt(why,
				"entry %" PRIu64 " is not in the store as it was published", index);
	}
	return ERR_OK;
}

/* --- adding --- */

static enum err put_bundle(void *ctx, uint64_t n, unsigned width, struct span bytes)
{
	const struct log_writer *w = ctx;
	char name[TLOG_PATH_MAX];

	/* Bundle and tile of level 0 are written together, the tile last. */
	if (width < TLOG_TILE && w->written[0] == width)
		return ERR_OK;
	return disk_put(w->dir, tlog_tile_path(TLOG_ENTRIES, n, width, name), bytes);
}

static enum err put_tile(void *ctx, unsigned level, const struct edge_tile *t)
{
	struct log_writer *w = ctx;
	char name[TLOG_PATH_MAX];
	enum err e;

	if (t->width < TLOG_TILE && w->written[level] == t->width)
		return ERR_OK;
	e = disk_put(w->dir, tlog_tile_path((int)level, t->n, t->width, name),
		(struct span){ (const char *)t->hash[0].b, t->width * sizeof(t->hash[0]) });
	if (e == ERR_OK)
		w->written[level] = t->width % TLOG_TILE;
	return e;
}

static struct edge_ops put_ops(struct log_writer *w)
{
	return (struct edge_ops){ .on_bundle = put_bundle, .on_tile = put_tile, .ctx = w };
}

enum err log_writer_add(struct log_writer *w, const struct log_page *page)
{
	const struct edge_ops ops = put_ops(w);
	size_t taken = (size_t)(w->edge->size - page->first);
	enum err e = edge_settle(w->edge, &ops);

	for (size_t i = taken; i < page->n && e == ERR_OK; i++) {
		e = edge_add(w->edge, page->entry[i]);
		if (e == ERR_OK)
			e = edge_settle(w->edge, &ops);
	}
	return e;
}

/* --- signing --- */

/* Partial tiles and bundles of what is full by now and was signed as full. */
static void drop_partials(struct log_writer *w)
{
	for (unsigned level = 0; level < TLOG_LEVELS; level++) {
		uint64_t n = w->full_from[level];
		char name[TLOG_PATH_MAX];

		for (; n < w->edge->tile[level].n; n++) {
			*strrchr(tlog_tile_path((int)level, n, 1, name), '/') = '\0';
			disk_drop(w->dir, name);
			if (level > 0)
				continue;
			*strrchr(tlog_tile_path(TLOG_ENTRIES, n, 1, name), '/') = '\0';
			disk_drop(w->dir, name);
		}
		w->full_from[level] = n;
	}
}

enum err log_writer_sign(struct log_writer *w, struct buf *note)
{
	const struct edge_ops ops = put_ops(w);
	struct checkpoint c = { .origin = span_of(w->key.name), .size = w->edge->size };
	CLEANUP(buf_release) struct buf text;
	enum err e = edge_settle(w->edge, &ops);

	buf_init(&text, NOTE_MAX);
	if (e == ERR_OK)
		e = edge_partials(w->edge, &ops);
	if (e != ERR_OK)
		return e;
	edge_root(w->edge, &c.root);
	buf_clear(note);
	e = checkpoint_write(&c, &text);
	if (e == ERR_OK)
		e = note_sign(&w->key, w->secret, buf_span(&text), note);
	if (e == ERR_OK)
		e = disk_put(w->dir, FOLDER_CHECKPOINT, buf_span(note));
	if (e != ERR_OK)
		return e;
	drop_partials(w);
	return ERR_OK;
}
