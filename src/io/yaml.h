/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_YAML_H
#define IO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * A YAML 1.1 document (libyaml) as a tree that remembers where everything
 * stood. Scalars stay text. Refused: tags other than the core ones, anchors,
 * aliases and merges (a few bytes of them can stand for gigabytes), keys that
 * are no scalars, a key twice in a mapping, text with U+0000.
 */
enum yaml_type {
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
};

struct yaml_node {
	enum yaml_type type;
	unsigned line, column;   /* from 1 */
	char *text;              /* scalar */
	bool quoted;             /* a scalar in quotes: "5" is text, 5 may be a number */
	struct yaml_node **item; /* sequence: the items; mapping: the values */
	struct yaml_node **key;  /* mapping: the keys, scalars */
	size_t count;
};

/* What went wrong where, for one line on stderr. Columns count characters. */
struct yaml_error {
	unsigned line, column;
	char text[256];
};

/* Bounds on foreign YAML, over all its documents. A node costs some hundred bytes. */
struct yaml_limits {
	size_t bytes_max;
	unsigned nodes_max; /* keys count too */
	unsigned depth_max; /* mappings and sequences within each other */
};

/*
 * Read every document of a text. *docs is an array of *count roots to be freed
 * by yaml_free_all(). Empty documents are left out. ERR_PARSE or ERR_LIMIT with
 * *why filled in.
 */
MUST_CHECK enum err yaml_parse(struct span text, const struct yaml_limits *limits,
	struct yaml_node ***docs, size_t *count, struct yaml_error *why);
void yaml_free_all(struct yaml_node **docs, size_t count);

/* Is it an unquoted nothing: "", "~" or "null"? */
bool yaml_is_null(const struct yaml_node *n);

/* The value of a mapping's key, or NULL; NULL too if map is NULL or no mapping. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* The text of a scalar under a key, or NULL. */
const char *yaml_get_text(const struct yaml_node *map, const char *key);

#endif
