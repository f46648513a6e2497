/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_RECEIPT_H
#define AUDIT_RECEIPT_H

#include <stdint.h>

#include "audit/note.h"
#include "audit/tlog.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * A receipt (C2SP tlog-proof): the proof that one entry is in a log, with the
 * log's checkpoint. With the entry and the key it is all that a check needs.
 */
MUST_CHECK enum err receipt_write(
	const struct tlog_tree *t, uint64_t index, struct span checkpoint_note, struct buf *out);

struct receipt {
	uint64_t index;
	struct tlog_proof proof;
	struct span note; /* the checkpoint, not opened; borrowed from the text */
};

/* ERR_PARSE if text is no receipt. */
MUST_CHECK enum err receipt_parse(struct span text, struct receipt *r);

/*
 * ERR_PARSE if it is no receipt; ERR_AUTH if the key did not sign it or it is not
 * for this entry. Its note is borrowed from text.
 */
MUST_CHECK enum err receipt_check(struct span text, const struct note_key *k, struct span entry,
	uint64_t *index, struct checkpoint *c);

#endif
