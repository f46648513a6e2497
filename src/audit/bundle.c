/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "audit/bundle_index.h"
#include "audit/folder.h"
#include "audit/receipt.h"
#include "audit/tar.h"

#define TEXT_MAX ((size_t)1024 * 1024) /* of any one text but the index */

/* A bundle that is being written. */
struct draft {
	const struct bundle_wish *wish;
	FILE *to;
	struct folder_tree *tree;
	struct folder_entries entries;
	struct audit_entry entry;
	struct checkpoint checkpoint;
	struct buf note, selection, text;
	struct map events;                          /* of the owner that was asked for */
	uint64_t chosen, first, behind, index_size; /* chosen: so many, from first, before behind */
	char **why;
};

PRINTF(3, 4) static enum err fail(struct draft *d, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(d->why, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return e;
}

static enum err put(struct draft *d, const char *name, struct span bytes)
{
	enum err e = tar_put(d->to, name, bytes);

	return e == ERR_OK ? e : fail(d, e, "the bundle cannot be written: %s", strerror(errno));
}

/*
 * Call visit for each entry from lo and before hi that was asked for. What is no
 * entry of ours, which a log cannot hold unless somebody else wrote it, is not.
 */
static enum err each_chosen(struct draft *d, uint64_t lo, uint64_t hi,
	enum err (*visit)(struct draft *d, uint64_t index, struct span entry))
{
	map_release(&d->events);
	map_init(&d->events);
	for (uint64_t i = lo; i < hi; i++) {
		struct span entry;
		enum err e = folder_entry(&d->entries, i, &entry);

		if (e != ERR_OK)
			return fail(d, e, "entry %" PRIu64 " cannot be read; verify the log", i);
		if (audit_entry_read(entry, &d->entry) != ERR_OK ||
			!selection_has(d->wish, &d->entry, &d->events))
			continue;
		e = visit(d, i, entry);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err put_entry(struct draft *d, uint64_t index, struct span entry)
{
	char name[TAR_NAME_MAX];
	enum err e;

	buf_clear(&d->text);
	e = index_row(index, &d->entry, &d->text);
	d->index_size += d->text.len;
	if (d->chosen++ == 0)
		d->first = index;
	d->behind = index + 1;
	snprintf(name, sizeof(name), "entries/%" PRIu64 ".json", index);
	if (e == ERR_OK)
		e = put(d, name, entry);
	if (e != ERR_OK)
		return e;
	buf_clear(&d->text);
	if (receipt_write(&d->tree->tree, index, buf_span(&d->note), &d->text) != ERR_OK)
		return fail(d, ERR_IO, "entry %" PRIu64 " cannot be proved; verify the log", index);
	snprintf(name, sizeof(name), "entries/%" PRIu64 ".tlog-proof", index);
	return put(d, name, buf_span(&d->text));
}

static enum err put_row(struct draft *d, uint64_t index, struct span entry)
{
	enum err e;

	(void)entry;
	buf_clear(&d->text);
	e = index_row(index, &d->entry, &d->text);
	if (e == ERR_OK && fwrite(d->text.data, 1, d->text.len, d->to) != d->text.len)
		e = fail(d, ERR_IO, "the bundle cannot be written: %s", strerror(errno));
	return e;
}

static enum err put_texts(struct draft *d, const struct note_key *k)
{
	enum err e = selection_write(d->wish, &d->selection);

	buf_clear(&d->text);
	if (e == ERR_OK)
		e = note_key_write(k, &d->text);
	if (e == ERR_OK)
		e = buf_add_str(&d->text, "\n");
	if (e == ERR_OK)
		e = put(d, "vkey", buf_span(&d->text));
	if (e == ERR_OK)
		e = put(d, "checkpoint", buf_span(&d->note));
	return e == ERR_OK ? put(d, "selection", buf_span(&d->selection)) : e;
}

/* The entries are read twice, so that the table need not be held. */
static enum err put_index(struct draft *d)
{
	CLEANUP(buf_release) struct buf head;
	enum err e;

	buf_init(&head, TEXT_MAX);
	e = index_head(&d->checkpoint, buf_span(&d->selection), &head);
	d->index_size += head.len;
	if (e == ERR_OK)
		e = tar_begin(d->to, "index.txt", d->index_size);
	if (e == ERR_OK && fwrite(head.data, 1, head.len, d->to) != head.len)
		e = ERR_IO;
	if (e == ERR_OK)
		e = each_chosen(d, d->first, d->behind, put_row);
	if (e == ERR_OK)
		e = tar_pad(d->to, d->index_size);
	return e == ERR_OK ? tar_end(d->to) : e;
}

static enum err draft_write(struct draft *d, const char *dir, const struct note_key *k)
{
	enum err e = folder_read(dir, FOLDER_CHECKPOINT, &d->note);

	if (e == ERR_OK)
		e = checkpoint_open(buf_span(&d->note), k, &d->checkpoint);
	if (e != ERR_OK)
		return fail(d, e, "%s has no checkpoint that this key signed", dir);
	d->tree = folder_tree_new(dir, d->checkpoint.size);
	folder_entries_init(&d->entries, dir, d->checkpoint.size);
	e = put_texts(d, k);
	if (e == ERR_OK)
		e = each_chosen(d, 0, d->checkpoint.size, put_entry);
	return e == ERR_OK ? put_index(d) : e;
}

enum err bundle_write(const char *dir, const struct note_key *k, const struct bundle_wish *wish,
	FILE *to, uint64_t *n, char **why)
{
	struct draft d = { .wish = wish, .to = to, .why = why };
	enum err e;

	buf_init(&d.note, NOTE_MAX);
	buf_init(&d.selection, SELECTION_MAX);
	buf_init(&d.text, TEXT_MAX);
	audit_entry_init(&d.entry);
	map_init(&d.events);
	e = draft_write(&d, dir, k);
	if (e == ERR_OK && fflush(to) != 0)
		e = ERR_IO;
	if (e != ERR_OK && *why == NULL)
		e = fail(&d, e, "the bundle cannot be written: %s", strerror(errno));
	*n = d.chosen;
	audit_entry_release(&d.entry);
	map_release(&d.events);
	buf_release(&d.note);
	buf_release(&d.selection);
	buf_release(&d.text);
	folder_entries_release(&d.entries);
	folder_tree_free(d.tree);
	return e;
}
