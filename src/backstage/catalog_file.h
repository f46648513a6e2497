/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CATALOG_FILE_H
#define BACKSTAGE_CATALOG_FILE_H

#include "backstage/entity_json.h"
#include "base/defs.h"
#include "base/err.h"
#include "model/catalog.h"

/*
 * Read a file of Backstage entities (YAML, one document each), as one would
 * register in Backstage, and put them into c with the relations that Backstage would
 * make of spec.owner, spec.system, spec.parent, spec.children, spec.members and
 * spec.memberOf. *why (free(3) it) is "file:line:column: …" on failure.
 */
MUST_CHECK enum err catalog_file_read(
	const char *path, const struct entity_rules *rules, struct catalog *c, char **why);

#endif
