/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include <string.h>

#include "base/codec.h"

void printable_make(char *text, size_t n, char by)
{
	for (size_t i = 0; i < n; i++) {
		if (is_control(text[i]))
			text[i] = by;
	}
}

void printable_copy(struct span s, char *out, size_t max)
{
	struct span fits = utf8_cut(s, max - 1);
	bool whole = utf8_is_valid(fits);

	if (fits.n > 0)
		memcpy(out, fits.p, fits.n);
	for (size_t i = 0; i < fits.n && !whole; i++) {
		if ((unsigned char)out[i] >= 0x80)
			out[i] = '?';
	}
	out[fits.n] = '\0';
	printable_make(out, fits.n, ' ');
}
