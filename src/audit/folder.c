/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define BUNDLE_MAX ((size_t)TLOG_TILE * (2 + TLOG_ENTRY_MAX))
#define VKEY_MAX   1024

enum err folder_read(const char *dir, const char *name, struct buf *out)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		out_of_memory();
	return file_read(path, out);
}

enum err folder_tile(
	const char *dir, unsigned level, uint64_t n, unsigned width, struct tlog_hash *out)
{
	char name[TLOG_PATH_MAX];
	CLEANUP(buf_release) struct buf bytes;
	enum err e;

	buf_init(&bytes, TLOG_TILE * sizeof(*out));
	e = folder_read(dir, tlog_tile_path((int)level, n, width, name), &bytes);
	if (e == ERR_LIMIT || (e == ERR_OK && bytes.len != width * sizeof(*out)))
		return ERR_PARSE;
	if (e == ERR_OK)
		memcpy(out, bytes.data, bytes.len);
	return e;
}

enum err folder_bundle(const char *dir, uint64_t n, unsigned width, struct buf *out)
{
	char name[TLOG_PATH_MAX];
	enum err e = folder_read(dir, tlog_tile_path(TLOG_ENTRIES, n, width, name), out);

	return e == ERR_LIMIT ? ERR_PARSE : e;
}

enum err folder_key(const char *dir, struct note_key *k)
{
	CLEANUP(buf_release) struct buf text;
	struct span rest, line;
	enum err e;

	buf_init(&text, VKEY_MAX);
	e = folder_read(dir, FOLDER_VKEY, &text);
	if (e != ERR_OK)
		return e == ERR_LIMIT ? ERR_PARSE : e;
	rest = buf_span(&text);
	if (!note_line(&rest, &line) || rest.n > 0)
		return ERR_PARSE;
	return note_key_parse(line, k);
}

/* --- the tree --- */

static enum err tree_read(
	void *ctx, unsigned level, uint64_t n, unsigned width, struct tlog_hash *out)
{
	struct folder_tree *t = ctx;
	bool kept = t->kept[level].width == width && t->kept[level].n == n;

	if (!kept) {
		enum err e = folder_tile(t->dir, level, n, width, t->kept[level].hash);

		t->kept[level].width = e == ERR_OK ? width : 0;
		t->kept[level].n = n;
		if (e != ERR_OK)
			return e;
	}
	memcpy(out, t->kept[level].hash, width * sizeof(*out));
	return ERR_OK;
}

struct folder_tree *folder_tree_new(const char *dir, uint64_t size)
{
	struct folder_tree *t = xcalloc(1, sizeof(*t));

	t->dir = dir;
	t->tree = (struct tlog_tree){ .size = size, .read = tree_read, .ctx = t };
	return t;
}

void folder_tree_free(struct folder_tree *t)
{
	free(t);
}

void folder_tree_freep(struct folder_tree **t)
{
	folder_tree_free(*t);
}

/* --- the edge --- */

static enum err edge_read_bundle(const char *dir, struct edge *e)
{
	struct edge_tile *t = &e->tile[0];
	struct span rest, entry;
	struct tlog_hash leaf;
	unsigned i = 0;
	enum err err;

	if (t->width == 0)
		return ERR_OK;
	err = folder_bundle(dir, t->n, t->width, &e->bundle);
	if (err != ERR_OK)
		return err;
	rest = buf_span(&e->bundle);
	for (; i < t->width && bundle_next(&rest, &entry); i++) {
		tlog_leaf(entry, &leaf);
		if (!tlog_hash_eq(&leaf, &t->hash[i]))
			return ERR_PARSE;
	}
	return i == t->width && rest.n == 0 ? ERR_OK : ERR_PARSE;
}

enum err folder_edge(const char *dir, uint64_t size, struct edge *out)
{
	edge_clear(out);
	for (unsigned level = 0; level < TLOG_LEVELS; level++) {
		struct edge_tile *t = &out->tile[level];
		uint64_t hashes = size >> (8 * level);
		enum err e;

		t->n = hashes / TLOG_TILE;
		t->width = hashes % TLOG_TILE;
		if (t->width == 0)
			continue;
		e = folder_tile(dir, level, t->n, t->width, t->hash);
		if (e != ERR_OK)
			return e;
	}
	out->size = size;
	return edge_read_bundle(dir, out);
}

/* --- entries --- */

void folder_entries_init(struct folder_entries *f, const char *dir, uint64_t size)
{
	*f = (struct folder_entries){ .dir = dir, .size = size };
	buf_init(&f->bytes, BUNDLE_MAX);
}

void folder_entries_release(struct folder_entries *f)
{
	buf_release(&f->bytes);
}

static enum err entries_turn_to(struct folder_entries *f, uint64_t n)
{
	enum err e = ERR_OK;

	if (!f->read || f->n != n) {
		buf_clear(&f->bytes);
		f->n = n;
		e = folder_bundle(f->dir, n, tlog_tile_width(f->size, 0, n), &f->bytes);
		f->read = e == ERR_OK;
	}
	f->rest = buf_span(&f->bytes);
	f->next = n * TLOG_TILE;
	return e;
}

enum err folder_entry(struct folder_entries *f, uint64_t index, struct span *entry)
{
	uint64_t n = index / TLOG_TILE;

	if (index >= f->size)
		return ERR_NOTFOUND;
	if (!f->read || f->n != n || f->next > index) {
		enum err e = entries_turn_to(f, n);

		if (e != ERR_OK)
			return e;
	}
	do {
		if (!bundle_next(&f->rest, entry))
			return ERR_PARSE;
	} while (f->next++ < index);
	return ERR_OK;
}
