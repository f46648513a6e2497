/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/source.h"

#include <stdlib.h>

#include "base/defs.h"
#include "travis/api.h"
#include "travis/keys.h"

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	travis_keys_free(s->keys);
	travis_api_free(s->api);
	secret_ref_release(&s->token);
	strings_free(s->owners);
	free(s->host);
	free(s->name);
	free(s);
}
