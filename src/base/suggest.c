/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>

#define WORD_MAX 63

static bool same(struct span a, size_t i, struct span b, size_t j)
{
	return tolower((unsigned char)a.p[i]) == tolower((unsigned char)b.p[j]);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t edit_distance(struct span a, struct span b)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= a.n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= b.n; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		for (size_t j = 1; j <= b.n; j++) {
			size_t replace = d[i - 1][j - 1] + (same(a, i - 1, b, j - 1) ? 0 : 1);

			d[i][j] = least(replace, least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && same(a, i - 1, b, j - 2) && same(a, i - 2, b, j - 1))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a.n][b.n];
}

void suggestion_init(struct suggestion *s, struct span wanted)
{
	/* One slip, and one more for every five letters. */
	*s = (struct suggestion){ .wanted = wanted, .distance = 2 + wanted.n / 5 };
}

void suggestion_offer(struct suggestion *s, struct span word)
{
	size_t distance = edit_distance(s->wanted, word);

	if (distance >= s->distance)
		return;
	s->distance = distance;
	s->best = word;
}
