/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pattern.h"

#include <string.h>
#include <strings.h>

bool pattern_matches(const char *pattern, struct span text, bool nocase)
{
	size_t n = strlen(pattern);
	bool prefix = n > 0 && pattern[n - 1] == '*';

	if (prefix)
		n--;
	if (prefix ? text.n < n : text.n != n)
		return false;
	if (n == 0)
		return true;
	return nocase ? strncasecmp(text.p, pattern, n) == 0 : memcmp(text.p, pattern, n) == 0;
}

bool patterns_match(char *const *patterns, struct span text, bool nocase)
{
	for (; *patterns != NULL; patterns++) {
		if (pattern_matches(*patterns, text, nocase))
			return true;
	}
	return false;
}
