/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_BUNDLE_H
#define AUDIT_BUNDLE_H

#include <stdint.h>
#include <stdio.h>

#include "audit/verify.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"

/*
 * One file for an auditor, a tar archive:
 *
 *	vkey                     the log's key
 *	checkpoint               what all receipts are for
 *	selection                what was asked for: since, until, owner
 *	entries/N.json           an entry,
 *	entries/N.tlog-proof     and its receipt; so on for each
 *	index.txt                the same as a table for people
 *
 * Every byte of it follows from the key, the checkpoint, the selection and the
 * entries, so the check of a bundle misses none.
 */
struct bundle_wish {
	struct wall since, until; /* from, and before; WALL_NONE: any */
	const char *owner;        /* named, or named before with the same event; NULL: any */
};

/*
 * Write one from the log in dir, whose checkpoint the key must have signed. The
 * number of its entries goes to *n. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err bundle_write(const char *dir, const struct note_key *k,
	const struct bundle_wish *wish, FILE *to, uint64_t *n, char **why);

struct bundle_facts {
	struct checkpoint checkpoint; /* its origin borrowed from the key */
	uint64_t entries, first, last;
};

/* Read the key that a bundle has; ERR_PARSE. The file is at its start afterwards. */
MUST_CHECK enum err bundle_key(FILE *from, struct note_key *k);

/* Check all of it; whether nothing was wrong. */
bool bundle_verify(struct verifier *v, FILE *from, struct bundle_facts *facts);

#endif
