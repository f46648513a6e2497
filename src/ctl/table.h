/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

/*
 * Text in columns as wide as their widest cell, with a heading. Cells are
 * copied; what would move the terminal's cursor is replaced.
 */
struct table;

struct table *table_new(const char *const *heading, size_t columns);
void table_free(struct table *t);

/* The next cell, row by row. NULL prints as "-". */
void table_add(struct table *t, const char *text);

/* Prints only empty if there are no rows. */
void table_print(const struct table *t, const char *empty, FILE *to);

#endif
