/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/printable.h"
#include "ctl/view_impl.h"

const struct json_limits view_limits = { .depth = 64, .values = 4000000 };

const char *cell_text(struct json_object *o, struct buf *out)
{
	buf_clear(out);
	if (jdoc_text(o) != NULL) {
		IGNORE(buf_add_str(out, jdoc_text(o)));
	} else if (jdoc_is_array(o)) {
		for (size_t i = 0; i < jdoc_count(o); i++)
			IGNORE(buf_addf(out, "%s%s", i == 0 ? "" : " ", jdoc_text(jdoc_at(o, i))));
	} else if (o != NULL) {
		IGNORE(buf_addf(out, "%" PRId64, jdoc_int(o, 0)));
	}
	printable_make(out->data, out->len, '?');
	return out->data;
}

void print_items(struct json_object *items, const char *const *heading, const char *const *member,
	size_t columns, const char *empty, FILE *to)
{
	struct table *t = table_new(heading, columns);
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, CELL_MAX);
	for (size_t i = 0; i < jdoc_count(items); i++) {
		for (size_t c = 0; c < columns; c++)
			table_add(t, cell_text(jdoc_get(jdoc_at(items, i), member[c]), &text));
	}
	table_print(t, empty, to);
	table_free(t);
}

enum err view_items(struct span json, const char *const *heading, const char *const *member,
	size_t columns, const char *empty, FILE *to)
{
	struct json_object *root = NULL, *items;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e != ERR_OK)
		return e;
	items = jdoc_member(root, "items");
	if (jdoc_is_array(items))
		print_items(items, heading, member, columns, empty, to);
	else
		e = ERR_PARSE;
	jdoc_free(root);
	return e;
}

void print_fact(struct json_object *o, const char *label, const char *path, FILE *to)
{
	CLEANUP(buf_release) struct buf text;
	struct json_object *v = jdoc_get(o, path);

	buf_init(&text, CELL_MAX);
	if (v != NULL)
		fprintf(to, "%-13s%s\n", label, cell_text(v, &text));
}
