/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/source.h"

#include <stdlib.h>

#include "travis/keys.h"

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	travis_keys_free(s->keys);
	for (char **o = s->owners; o != NULL && *o != NULL; o++)
		free(*o);
	free(s->owners);
	free(s->host);
	free(s->name);
	free(s);
}
