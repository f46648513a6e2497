/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_BUNDLE_INDEX_H
#define AUDIT_BUNDLE_INDEX_H

#include <stdint.h>

#include "audit/bundle.h"
#include "audit/entry.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

/* The texts of a bundle, which its writer and its reader make alike. */

#define SELECTION_MAX ((size_t)4096)

MUST_CHECK enum err selection_write(const struct bundle_wish *wish, struct buf *out);

/* The owner, if there is one, is put in owner and ended with a NUL. ERR_PARSE. */
MUST_CHECK enum err selection_parse(
	struct span text, struct bundle_wish *wish, char owner[SELECTION_MAX]);

/*
 * Was the entry asked for? Ask of the entries in their order: with an owner, all
 * that is about an event follows where the owner was named with it before, and
 * events has those, one value each that is not NULL.
 */
bool selection_has(const struct bundle_wish *wish, const struct audit_entry *e, struct map *events);

/* Append what stands above the table, and a row of it. */
MUST_CHECK enum err index_head(const struct checkpoint *c, struct span selection, struct buf *out);
MUST_CHECK enum err index_row(uint64_t index, const struct audit_entry *e, struct buf *out);

#endif
