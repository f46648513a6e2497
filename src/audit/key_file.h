/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_KEY_FILE_H
#define AUDIT_KEY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct signing_key;

/*
 * The key of a log: the 32 bytes of an Ed25519 seed in base64, such as
 * "openssl rand -base64 32" prints. ERR_PARSE if text is no such thing.
 */
MUST_CHECK enum err audit_key_parse(struct span text, struct signing_key **out);

/*
 * 32 secret bytes of any other use, from a file such as that or made there.
 * Wipe them. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err audit_seed_load(const char *path, uint8_t seed[32], char **why);

/* From such a text. ERR_PARSE if it is none. */
MUST_CHECK enum err audit_seed_parse(struct span text, uint8_t seed[32]);

/*
 * Read it from a file that nobody else may read, or make one there if there is
 * none and may_make. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err audit_key_load(
	const char *path, bool may_make, struct signing_key **out, char **why);

/*
 * Read one that has a second line, with the time that it was made at (RFC 3339),
 * or make it there, now. One without that line is as old as the file, and gets it, so
 * that a copy or a touch makes it no younger. One from the future, after the
 * clock was set back, is of now.
 */
MUST_CHECK enum err audit_key_load_dated(
	const char *path, struct wall now, struct signing_key **out, struct wall *made, char **why);

#endif
