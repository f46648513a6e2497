/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_ENTRY_H
#define AUDIT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * An entry of the audit trail, read back for people: the words that
 * audit_record_write() was given, wherever OCSF has them.
 */
#define AUDIT_ENTRY_OWNERS 64

enum audit_field {
	AUDIT_ACTION,
	AUDIT_OUTCOME,
	AUDIT_REASON,
	AUDIT_ACTOR,
	AUDIT_ADDRESS,
	AUDIT_EVENT,
	AUDIT_SOURCE,
	AUDIT_SINK,
	AUDIT_REPOSITORY,
	AUDIT_BUILD,
	AUDIT_STATUS, /* as text */
	AUDIT_DETAIL,
	AUDIT_FIELDS,
};

struct audit_entry {
	int64_t seq; /* 0: it is not in the text, as in a log */
	struct wall at;
	struct span field[AUDIT_FIELDS]; /* in the text or in words; empty: not said */
	struct span owner[AUDIT_ENTRY_OWNERS];
	size_t owners;
	struct buf words; /* what had escapes */
};

void audit_entry_init(struct audit_entry *e);
void audit_entry_release(struct audit_entry *e);

/* ERR_PARSE if json is no JSON object, or no entry. What is not there is empty. */
MUST_CHECK enum err audit_entry_read(struct span json, struct audit_entry *e);

bool audit_entry_has_owner(const struct audit_entry *e, struct span owner);

#endif
