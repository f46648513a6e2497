/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/note.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Checks a log's folder, or a bundle cut out of one, with nothing but the key, in
 * memory that does not grow with it. Each thing that is wrong is one line which
 * names the file or the entry.
 */
struct verifier {
	const struct note_key *key;
	void (*on_failure)(void *ctx, const char *line);
	void *ctx;
	uint64_t failures;
};

PRINTF(2, 3) void verifier_fail(struct verifier *v, const char *fmt, ...);

/*
 * Check all of a folder: signature, every tile, every entry. Returns whether
 * nothing was wrong; then *c is its checkpoint, its origin borrowed from the key.
 */
bool folder_verify(struct verifier *v, const char *dir, struct checkpoint *c);

/* After that: has it grown out of the log that had this checkpoint? */
bool folder_verify_growth(
	struct verifier *v, const char *dir, const struct checkpoint *c, struct span old_note);

#endif
