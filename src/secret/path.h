/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_PATH_H
#define SECRET_PATH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Where a secret lies at a provider: "ci/backstage", of at most 512 bytes. A
 * segment may be a variable, "travis/{namespace}/{name}", for a secret that each
 * entity has one of; a variable is always a whole segment, or two entities could
 * share a path.
 */
#define SECRET_PATH_MAX 512

/* What stands in the places of {kind}, {namespace}, {name} and {owner...}. */
struct secret_vars {
	struct span kind, namespace, name;
	struct span owner_kind, owner_namespace, owner_name;
};

/* No empty segment, no "." or "..", none that ends with a dot, letters, digits and -_.+=@: only. */
bool secret_path_is_valid(const char *path);

/* Does it have variables? */
bool secret_path_has_vars(const char *path);

/*
 * Append the path with values in the variables' places, in lower case, as
 * Backstage compares them. ERR_PARSE if a value is none that can be one segment:
 * nobody climbs out of the path by the name of an entity.
 */
MUST_CHECK enum err secret_path_fill(
	const char *path, const struct secret_vars *vars, struct buf *out);

#endif
