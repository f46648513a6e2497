/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_GATE_H
#define BASE_JSON_GATE_H

#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* What one document may cost. Zero means the default in brackets. */
struct json_limits {
	unsigned depth;  /* arrays and objects within each other [32] */
	unsigned values; /* values of any kind, the document itself included [20,000] */
};

/*
 * Check in one pass that text is exactly one JSON document by RFC 8259 and
 * within limits. Stricter than the RFC lets us be, because two readers must
 * never disagree about a signed text: no member twice in one object (escaped
 * twins count), no U+0000, no lone surrogate, UTF-8 without overlong forms, no
 * byte order mark.
 *
 * ERR_PARSE or ERR_LIMIT, with *at, if it is not NULL, set to the offset where
 * it went wrong. Foreign JSON goes through here before anything else reads it.
 */
MUST_CHECK enum err json_gate(struct span text, const struct json_limits *limits, size_t *at);

#endif
