/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Reads members straight out of a text that json_gate() let through, without
 * building a tree: the way of every webhook. Nothing here checks syntax again,
 * so never give it a text that the gate has not seen.
 */
enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* A value where it stands; text is borrowed and includes quotes or brackets. */
struct json_value {
	enum json_type type;
	struct span text;
};

struct json_iter {
	const char *p, *end;
};

/* The document's one value. */
struct json_value json_root(struct span gated);

/* Walk the members of an object or the elements of an array. */
struct json_iter json_iter(struct json_value container);
bool json_next_member(struct json_iter *it, struct span *name, struct json_value *v);
bool json_next_element(struct json_iter *it, struct json_value *v);

/* Is the name, as json_next_member() gave it, this one? Escapes are resolved. */
bool json_name_is(struct span name, const char *plain);

/* Find a member; false, with *v a null, if it is not there or object is no object. */
bool json_get(struct json_value object, const char *name, struct json_value *v);

/* Append a string's characters; ERR_PARSE if it is no string, ERR_LIMIT if out is full. */
MUST_CHECK enum err json_string(struct json_value v, struct buf *out);

/* A string that stands without escapes, borrowed; ERR_PARSE for any other value. */
MUST_CHECK enum err json_plain(struct json_value v, struct span *s);

/* ERR_PARSE unless v is a whole number that fits. */
MUST_CHECK enum err json_int(struct json_value v, int64_t *n);

bool json_is_true(struct json_value v);

/* Append the characters of a string's inside, escapes resolved. */
MUST_CHECK enum err json_unescape(struct span inside, struct buf *out);

#endif
