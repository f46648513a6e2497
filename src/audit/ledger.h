/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_LEDGER_H
#define AUDIT_LEDGER_H

#include <stdint.h>

#include "audit/note.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What the store remembers of the log that is written from its audit entries,
 * and how the two count. The store's entries have seqs from 1 for ever; a log
 * counts from 0 and begins with its opening entry, which says what it is:
 *
 *	index  0     1       2         …  open - from   open - from + 1  …
 *	seq    open  from    from + 1  …  open - 1      open + 1         …
 *
 * So what was written before the opening, but is in no log yet, is not lost.
 */
#define LEDGER_NS      "audit" /* where the store keeps it */
#define LEDGER_KEY     "log"
#define LEDGER_OPENING 33
#define LEDGER_MAX     (7 * NOTE_MAX) /* bytes as JSON */

struct ledger {
	char origin[NOTE_NAME_MAX + 1]; /* empty: there is no log yet */
	int64_t from;                   /* the first seq of this log */
	int64_t open;                   /* the seq of the opening entry; 0: not known yet */
	int64_t after;                  /* the opening entry is behind this seq */
	int64_t doubtful;               /* 1: the store is not what was published */
	char opening[LEDGER_OPENING];   /* what it is known by */
	struct buf checkpoint;          /* the note published last; may be empty */
};

void ledger_init(struct ledger *l);
void ledger_release(struct ledger *l);

/* As JSON, for the store's state. ERR_PARSE if it is no ledger. */
MUST_CHECK enum err ledger_write(const struct ledger *l, struct buf *out);
MUST_CHECK enum err ledger_read(struct span json, struct ledger *l);

/* Only where open is known; the seq is one of this log's. */
int64_t ledger_seq(const struct ledger *l, uint64_t index);
uint64_t ledger_index(const struct ledger *l, int64_t seq);

/* The first seq that is not in the checkpoint published last. */
int64_t ledger_unpublished(const struct ledger *l);

#endif
