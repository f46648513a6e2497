/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Foreign text for a line or a terminal: what could forge the one or move the other goes. */

/* A control character of ASCII? */
static inline bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Put by in place of each. */
void printable_make(char *text, size_t n, char by);

/*
 * Copy what fits into max bytes with a NUL, and no half of a character: blanks for
 * control characters and, if it is no UTF-8, '?' for what is not ASCII.
 */
void printable_copy(struct span s, char *out, size_t max);

#endif
