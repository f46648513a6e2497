/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Writes compact JSON into a buf. The first error sticks: write on, and ask
 * once with json_done(). Keys are our own literals and are not escaped.
 */
struct json_writer {
	struct buf *out; /* borrowed */
	enum err err;
	bool comma; /* the next value or key needs one before it */
};

void json_writer_init(struct json_writer *w, struct buf *out);
MUST_CHECK enum err json_done(const struct json_writer *w);

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);

/* A string. Each byte that is not UTF-8 becomes U+FFFD, so that the text stays JSON. */
void json_put_span(struct json_writer *w, struct span s);
void json_put_str(struct json_writer *w, const char *s);
void json_put_int(struct json_writer *w, int64_t n);
void json_put_bool(struct json_writer *w, bool b);
void json_put_null(struct json_writer *w);
void json_put_wall(struct json_writer *w, struct wall t); /* null for WALL_NONE */

/* A value that is JSON already. */
void json_put_raw(struct json_writer *w, struct span json);

/* Key and value at once. The _opt form leaves the member out if s is empty. */
void json_member_span(struct json_writer *w, const char *key, struct span s);
void json_member_opt(struct json_writer *w, const char *key, struct span s);
void json_member_str(struct json_writer *w, const char *key, const char *s);
void json_member_spans(struct json_writer *w, const char *key, const struct span *list, size_t n);
void json_member_int(struct json_writer *w, const char *key, int64_t n);
void json_member_bool(struct json_writer *w, const char *key, bool b);
void json_member_wall(struct json_writer *w, const char *key, struct wall t);

#endif
