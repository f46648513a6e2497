/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_VIEW_IMPL_H
#define CTL_VIEW_IMPL_H

#include "base/buf.h"
#include "ctl/table.h"
#include "ctl/view.h"
#include "io/json.h"

/* What the views are made of. */

#define CELL_MAX 4096

/* Bounds on an answer of the daemon. */
extern const struct json_limits view_limits;

/* A scalar as text into out; lists joined by a space. */
const char *cell_text(struct json_object *o, struct buf *out);

/* A list of objects as a table: for each column, the member it shows. */
void print_items(struct json_object *items, const char *const *heading, const char *const *member,
	size_t columns, const char *empty, FILE *to);

#define PRINT_ITEMS(items, heading, member, empty, to)                                             \
	do {                                                                                       \
		_Static_assert(ARRAY_SIZE(heading) == ARRAY_SIZE(member), "a member a column");    \
		print_items(items, heading, member, ARRAY_SIZE(heading), empty, to);               \
	} while (0)

/* The "items" of an answer as a table. */
MUST_CHECK enum err view_items(struct span json, const char *const *heading,
	const char *const *member, size_t columns, const char *empty, FILE *to);

/* "label        value", if there is a value. */
void print_fact(struct json_object *o, const char *label, const char *path, FILE *to);

#endif
