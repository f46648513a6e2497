/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_JSON_SECRET_H
#define SECRET_JSON_SECRET_H

#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"

struct secret;

/*
 * A secret out of a JSON text, without a copy of it left anywhere. ERR_PARSE if the
 * value is no string or an empty one, ERR_LIMIT if it has more than 64 KiB.
 */
MUST_CHECK enum err secret_of_json(struct json_value v, struct secret **out);

/* The same of a member of an object. ERR_NOTFOUND if there is none, or it is null. */
MUST_CHECK enum err secret_of_member(
	struct json_value object, const char *name, struct secret **out);

/* A buf that a secret is written into: all of its room at once, so that it never moves. */
void secret_buf_init(struct buf *b, size_t max);

/* Wipe it and free it. */
void secret_buf_release(struct buf *b);

#endif
