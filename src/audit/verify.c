/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/verify.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/edge.h"
#include "audit/folder.h"

void verifier_fail(struct verifier *v, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	v->failures++;
	v->on_failure(v->ctx, line);
}

/* One pass over a folder: the tree is built anew and compared with what lies there. */
struct pass {
	struct verifier *v;
	const char *dir;
	struct edge *edge;
	struct buf bytes; /* of a file that is compared */
};

static void fail_read(struct pass *p, const char *name, enum err e)
{
	switch (e) {
	case ERR_NOTFOUND: verifier_fail(p->v, "%s: is missing", name); return;
	case ERR_PARSE:
	case ERR_LIMIT: verifier_fail(p->v, "%s: has another length", name); return;
	case ERR_OK:
	case ERR_IO:
	case ERR_AUTH:
	case ERR_BUSY: break;
	}
	verifier_fail(p->v, "%s: cannot be read: %s", name, strerror(errno));
}

/* --- files that a later checkpoint needs no more, but that are there --- */

static void partial_compare(struct pass *p, const char *folder, unsigned width, struct span prefix)
{
	char name[TLOG_PATH_MAX + 32];
	enum err e;

	snprintf(name, sizeof(name), "%s/%u", folder, width);
	buf_clear(&p->bytes);
	e = folder_read(p->dir, name, &p->bytes);
	if (e != ERR_OK)
		fail_read(p, name, e);
	else if (!span_eq(buf_span(&p->bytes), prefix))
		verifier_fail(p->v, "%s: is not how the file that follows it begins", name);
}

/* The first width of a tile's hashes, or of a bundle's entries. */
static struct span prefix_of(int kind, struct span whole, unsigned width)
{
	struct span rest = whole, entry;

	if (kind != TLOG_ENTRIES)
		return (struct span){ whole.p, width * sizeof(struct tlog_hash) };
	for (unsigned i = 0; i < width; i++)
		IGNORE(!bundle_next(&rest, &entry));
	return (struct span){ whole.p, whole.n - rest.n };
}

static void partials_compare(
	struct pass *p, int kind, uint64_t n, unsigned width, struct span whole)
{
	char name[TLOG_PATH_MAX], *end;
	CLEANUP(freep) char *path = NULL;
	struct dirent *entry;
	DIR *folder;

	tlog_tile_path(kind, n, 1, name);
	*strrchr(name, '/') = '\0';
	if (asprintf(&path, "%s/%s", p->dir, name) < 0)
		out_of_memory();
	folder = opendir(path);
	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		unsigned long w = strtoul(entry->d_name, &end, 10);

		/* What is wider came after the checkpoint. */
		if (*end == '\0' && w > 0 && w < width)
			partial_compare(p, name, (unsigned)w, prefix_of(kind, whole, (unsigned)w));
	}
	closedir(folder);
}

/* --- files of the checkpoint --- */

static enum err compare_bundle(void *ctx, uint64_t n, unsigned width, struct span bytes)
{
	partials_compare(ctx, TLOG_ENTRIES, n, width, bytes);
	return ERR_OK;
}

static void fail_hash(struct pass *p, unsigned level, uint64_t index, const char *name)
{
	char below[TLOG_PATH_MAX];

	if (level == 0)
		verifier_fail(p->v, "entry %" PRIu64 ": is not the one that %s has", index, name);
	else
		verifier_fail(p->v, "%s: hash %" PRIu64 " is not that of %s", name,
			index % TLOG_TILE, tlog_tile_path((int)level - 1, index, TLOG_TILE, below));
}

static enum err compare_tile(void *ctx, unsigned level, const struct edge_tile *t)
{
	struct tlog_hash hash[TLOG_TILE];
	struct pass *p = ctx;
	char name[TLOG_PATH_MAX];
	enum err e = folder_tile(p->dir, level, t->n, t->width, hash);

	tlog_tile_path((int)level, t->n, t->width, name);
	if (e != ERR_OK)
		fail_read(p, name, e);
	for (unsigned i = 0; i < t->width && e == ERR_OK; i++) {
		if (!tlog_hash_eq(&hash[i], &t->hash[i]))
			fail_hash(p, level, t->n * TLOG_TILE + i, name);
	}
	partials_compare(p, (int)level, t->n, t->width,
		(struct span){ (const char *)t->hash[0].b, t->width * sizeof(t->hash[0]) });
	return ERR_OK;
}

/* Take the entries of bundle n; false if there is no going on. */
static bool pass_bundle(struct pass *p, uint64_t n, unsigned width, struct buf *bytes)
{
	const struct edge_ops ops = { compare_bundle, compare_tile, p };
	char name[TLOG_PATH_MAX];
	struct span rest, entry;
	unsigned got = 0;
	enum err e;

	buf_clear(bytes);
	e = folder_bundle(p->dir, n, width, bytes);
	tlog_tile_path(TLOG_ENTRIES, n, width, name);
	if (e != ERR_OK) {
		fail_read(p, name, e);
		return false;
	}
	rest = buf_span(bytes);
	for (; got < width && bundle_next(&rest, &entry); got++) {
		IGNORE(edge_add(p->edge, entry) != ERR_OK);
		IGNORE(edge_settle(p->edge, &ops) != ERR_OK);
	}
	if (got == width && rest.n == 0)
		return true;
	verifier_fail(p->v, "%s: does not hold %u entries, but %u and %zu bytes", name, width, got,
		rest.n);
	return false;
}

static void pass_all(struct pass *p, const struct checkpoint *c)
{
	const struct edge_ops ops = { compare_bundle, compare_tile, p };
	CLEANUP(buf_release) struct buf bytes;
	struct tlog_hash root;
	unsigned width;

	buf_init(&bytes, (size_t)TLOG_TILE * (2 + TLOG_ENTRY_MAX));
	for (uint64_t n = 0; (width = tlog_tile_width(c->size, 0, n)) > 0; n++) {
		if (!pass_bundle(p, n, width, &bytes))
			return;
	}
	IGNORE(edge_partials(p->edge, &ops) != ERR_OK);
	edge_root(p->edge, &root);
	if (!tlog_hash_eq(&root, &c->root))
		verifier_fail(p->v, "%s: its root is not that of the entries", FOLDER_CHECKPOINT);
}

static bool open_checkpoint(struct verifier *v, const char *dir, struct checkpoint *c)
{
	CLEANUP(buf_release) struct buf note;
	struct pass p = { .v = v, .dir = dir };
	enum err e;

	buf_init(&note, NOTE_MAX);
	e = folder_read(dir, FOLDER_CHECKPOINT, &note);
	if (e != ERR_OK) {
		fail_read(&p, FOLDER_CHECKPOINT, e);
		return false;
	}
	e = checkpoint_open(buf_span(&note), v->key, c);
	if (e != ERR_OK)
		verifier_fail(v, "%s: %s", FOLDER_CHECKPOINT,
			e == ERR_AUTH ? "is not signed by this key" : "is no signed checkpoint");
	c->origin = span_of(v->key->name);
	return e == ERR_OK;
}

bool folder_verify(struct verifier *v, const char *dir, struct checkpoint *c)
{
	struct pass p = { .v = v, .dir = dir };
	struct note_key beside;
	enum err e;

	if (!open_checkpoint(v, dir, c))
		return false;
	e = folder_key(dir, &beside);
	if (e != ERR_NOTFOUND && (e != ERR_OK || memcmp(&beside, v->key, sizeof(beside)) != 0))
		verifier_fail(v, "%s: is another key than the one to check with", FOLDER_VKEY);
	p.edge = edge_new();
	buf_init(&p.bytes, (size_t)TLOG_TILE * (2 + TLOG_ENTRY_MAX));
	pass_all(&p, c);
	edge_free(p.edge);
	buf_release(&p.bytes);
	return v->failures == 0;
}

bool folder_verify_growth(
	struct verifier *v, const char *dir, const struct checkpoint *c, struct span old_note)
{
	CLEANUP(folder_tree_freep) struct folder_tree *t = folder_tree_new(dir, c->size);
	struct checkpoint then;
	struct tlog_proof proof;
	enum err e = checkpoint_open(old_note, v->key, &then);

	if (e != ERR_OK) {
		verifier_fail(v, "the old checkpoint: is not signed by this key");
		return false;
	}
	e = tlog_prove_growth(&t->tree, then.size, &proof);
	if (e == ERR_OK)
		e = tlog_check_growth(&proof, then.size, &then.root, c->size, &c->root);
	if (e != ERR_OK)
		verifier_fail(v,
			"the log of %" PRIu64
			" entries has not grown out of the old one of %" PRIu64,
			c->size, then.size);
	return e == ERR_OK;
}
