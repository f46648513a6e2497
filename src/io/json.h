/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/json_gate.h"
#include "base/span.h"

struct json_object;

/*
 * JSON as json-c trees, for what is off the way of a webhook: answers of
 * Backstage and Travis, and what stagewirectl prints. The text passes json_gate()
 * first. Nodes belong to the root; free that with jdoc_free(). A null, the
 * document itself included, is a NULL node.
 */
MUST_CHECK enum err jdoc_parse(
	struct span text, const struct json_limits *limits, struct json_object **root);
void jdoc_free(struct json_object *root);

/* A member by path, "a.b.c" where no name has a dot; NULL if it is not there. */
struct json_object *jdoc_get(struct json_object *o, const char *path);

/* A member by its exact name; NULL if it is not there. */
struct json_object *jdoc_member(struct json_object *o, const char *name);

/* The text of a string, borrowed; NULL if o is NULL or no string. */
const char *jdoc_text(struct json_object *o);
int64_t jdoc_int(struct json_object *o, int64_t otherwise);
bool jdoc_is_true(struct json_object *o);
bool jdoc_is_array(struct json_object *o);

/* Number of elements; 0 if o is no array. */
size_t jdoc_count(struct json_object *o);
struct json_object *jdoc_at(struct json_object *o, size_t i);

#endif
