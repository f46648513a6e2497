/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "base/printable.h"

#define GAP 2

struct table {
	const char *const *heading;
	size_t columns;
	char **cell;
	size_t cells;
};

struct table *table_new(const char *const *heading, size_t columns)
{
	struct table *t = xcalloc(1, sizeof(*t));

	*t = (struct table){ .heading = heading, .columns = columns };
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}

void table_add(struct table *t, const char *text)
{
	char *copy = xstrdup(text == NULL || *text == '\0' ? "-" : text);

	printable_make(copy, strlen(copy), '?');
	t->cell = xrealloc(t->cell, t->cells + 1, sizeof(*t->cell));
	t->cell[t->cells++] = copy;
}

/* Characters, taken as one column each. */
static size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
	}
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = text_width(t->heading[column]);

	for (size_t i = column; i < t->cells; i += t->columns) {
		size_t n = text_width(t->cell[i]);

		if (n > width)
			width = n;
	}
	return width;
}

static void print_row(const struct table *t, const char *const *cell, const size_t *width, FILE *to)
{
	for (size_t i = 0; i < t->columns; i++) {
		bool last = i + 1 == t->columns;
		size_t pad = width[i] - text_width(cell[i]) + GAP;

		fprintf(to, "%s%*s", cell[i], last ? 0 : (int)pad, "");
	}
	fputc('\n', to);
}

void table_print(const struct table *t, const char *empty, FILE *to)
{
	size_t *width;

	if (t->cells == 0) {
		fprintf(to, "%s\n", empty);
		return;
	}
	width = xcalloc(t->columns, sizeof(*width));
	for (size_t i = 0; i < t->columns; i++)
		width[i] = column_width(t, i);
	print_row(t, t->heading, width, to);
	for (size_t i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, (const char *const *)&t->cell[i], width, to);
	free(width);
}
