/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_WRITER_H
#define AUDIT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/edge.h"
#include "audit/note.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Writes a log's folder, and signs it: entries, then tiles as they become full,
 * then what is not full, then the checkpoint, each on the disk before the next.
 * It waits for the disk, so it belongs to a worker's thread.
 *
 * ERR_BUSY everywhere: there is no room now; the same call later goes on.
 */
struct log_writer {
	char *dir;
	struct note_key key;
	struct signing_key *secret;
	struct edge *edge;
	/* Tiles of each level that became full since: their partial ones are not needed. */
	uint64_t full_from[TLOG_LEVELS];
	unsigned written[TLOG_LEVELS]; /* width of the partial tile that is on the disk */
};

/* secret is taken. */
struct log_writer *log_writer_new(const char *dir, const char *origin, struct signing_key *secret);
void log_writer_free(struct log_writer *w);

/* What is known of the log beside its folder. Notes, or empty. */
struct log_memory {
	struct span remembered; /* the checkpoint last published, by the store */
	bool is_known;          /* the store has begun this log */
	const char *witness;    /* a file with a checkpoint that was shipped; or NULL */
};

/*
 * Take the log up where it ends. ERR_AUTH, with *why (free(3) it), if there is any
 * doubt that signing would go on with what was signed before.
 */
MUST_CHECK enum err log_writer_open(struct log_writer *w, const struct log_memory *m, char **why);

/* Entries as the store has them, beginning with index first. */
struct log_page {
	uint64_t first;
	const struct span *entry;
	size_t n;
};

/* Are these the entries that were published? ERR_AUTH with *why if not. */
MUST_CHECK enum err log_writer_compare(
	struct log_writer *w, const struct log_page *page, char **why);

/* Add entries; those before the log's size are taken already. ERR_LIMIT: one is too long. */
MUST_CHECK enum err log_writer_add(struct log_writer *w, const struct log_page *page);

/* Publish all that was added, and append the checkpoint to note. */
MUST_CHECK enum err log_writer_sign(struct log_writer *w, struct buf *note);

#endif
