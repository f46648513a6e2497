/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_FOLDER_H
#define AUDIT_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/edge.h"
#include "audit/note.h"
#include "audit/tlog.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"

/*
 * A log as it lies on disk, and as any web server can hand it out:
 *
 *	checkpoint                the signed size and root
 *	vkey                      the key to check it with
 *	tile/LEVEL/N[.p/WIDTH]    hashes
 *	tile/entries/N[.p/WIDTH]  the entries of tile N of level 0
 */
#define FOLDER_CHECKPOINT "checkpoint"
#define FOLDER_VKEY       "vkey"

/* Append a file of the folder. Errors and errno as of file_read(). */
MUST_CHECK enum err folder_read(const char *dir, const char *name, struct buf *out);

/* ERR_PARSE if the tile has not exactly width hashes. */
MUST_CHECK enum err folder_tile(
	const char *dir, unsigned level, uint64_t n, unsigned width, struct tlog_hash *out);

/* Append a bundle's bytes. */
MUST_CHECK enum err folder_bundle(const char *dir, uint64_t n, unsigned width, struct buf *out);

/* The key that lies beside the log: who trusts it must have compared it elsewhere. */
MUST_CHECK enum err folder_key(const char *dir, struct note_key *k);

/*
 * The folder's tree at a size. Of each level the tile read last is kept, so that
 * proofs of neighbours cost little. Trust nothing of it that was not checked
 * against a root.
 */
struct folder_tree {
	struct tlog_tree tree; /* for tlog.h */
	const char *dir;
	struct {
		uint64_t n;
		unsigned width; /* 0: nothing kept */
		struct tlog_hash hash[TLOG_TILE];
	} kept[TLOG_LEVELS];
};

struct folder_tree *folder_tree_new(const char *dir, uint64_t size);
void folder_tree_free(struct folder_tree *t);
void folder_tree_freep(struct folder_tree **t);

/*
 * Read the edge of the log at a size, so that it can be gone on with. ERR_PARSE
 * if its bundle and its hashes do not belong together.
 */
MUST_CHECK enum err folder_edge(const char *dir, uint64_t size, struct edge *out);

/* The entries of a folder, one after the other or any of them. */
struct folder_entries {
	const char *dir;
	uint64_t size, n;
	bool read; /* bundle n is in bytes */
	struct buf bytes;
	struct span rest; /* of the bundle */
	uint64_t next;    /* index of the entry that rest begins with */
};

void folder_entries_init(struct folder_entries *f, const char *dir, uint64_t size);
void folder_entries_release(struct folder_entries *f);

/* Entry index, borrowed until the next call. */
MUST_CHECK enum err folder_entry(struct folder_entries *f, uint64_t index, struct span *entry);

#endif
