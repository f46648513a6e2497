/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/tlog.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "io/signing.h"

/*
 * Signed notes (C2SP signed-note) with Ed25519, and what a log signs in them:
 * checkpoints (C2SP tlog-checkpoint). A checkpoint's origin is its key's name.
 */
#define NOTE_NAME_MAX 255
#define NOTE_MAX      ((size_t)64 * 1024)

/* Who signs: what a verifier must know. */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint8_t id[4];
	uint8_t public_key[ED25519_PUBLIC_BYTES];
};

/* Not empty, UTF-8, without blanks, control characters or '+', and not too long? */
bool note_name_is_valid(struct span name);

/* The name is valid. */
void note_key_init(struct note_key *k, const char *name, const uint8_t public_key[32]);

/* The key as verifiers are given it: "name+hex+base64". ERR_PARSE if it is none. */
MUST_CHECK enum err note_key_write(const struct note_key *k, struct buf *out);
MUST_CHECK enum err note_key_parse(struct span vkey, struct note_key *k);

/* Append text, which ends in a newline, with a signature of the key. */
MUST_CHECK enum err note_sign(const struct note_key *k, const struct signing_key *secret,
	struct span text, struct buf *out);

/*
 * Read a note whose form is right to the last byte and that the key has signed;
 * signatures of others may stand beside. ERR_PARSE, or ERR_AUTH if the key's
 * signature is wrong or missing. text is borrowed from note.
 */
MUST_CHECK enum err note_open(struct span note, const struct note_key *k, struct span *text);

struct checkpoint {
	struct span origin;
	uint64_t size;
	struct tlog_hash root;
};

MUST_CHECK enum err checkpoint_write(const struct checkpoint *c, struct buf *out);

/* ERR_PARSE unless text is exactly the three lines. */
MUST_CHECK enum err checkpoint_parse(struct span text, struct checkpoint *c);

/* Open the note and read it; ERR_AUTH also if the origin is not the key's name. */
MUST_CHECK enum err checkpoint_open(
	struct span note, const struct note_key *k, struct checkpoint *c);

/* Take the next line off text, without its newline; false if there is none. */
bool note_line(struct span *text, struct span *line);

#endif
