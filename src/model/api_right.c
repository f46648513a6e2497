/* SPDX-License-Identifier: Apache-2.0 */
#include "model/api_right.h"

#include <string.h>

#include "base/defs.h"

static const struct {
	const char *word;
	enum api_right right;
} rights[] = {
	{ "builds", API_BUILDS },
	{ "page", API_PAGE },
};

unsigned api_right_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		if (strcmp(rights[i].word, word) == 0)
			return rights[i].right;
	}
	return 0;
}
