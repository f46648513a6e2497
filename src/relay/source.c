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

bool source_hears(const struct source *s, struct span owner)
{
	if (s->owners == NULL)
		return true;
	for (char **o = s->owners; *o != NULL; o++) {
		if (span_is_nocase(owner, *o))
			return true;
	}
	return false;
}

bool source_hears_slug(const struct source *s, struct span slug)
{
	const char *slash = slug.n == 0 ? NULL : memchr(slug.p, '/', slug.n);

	return slash != NULL && source_hears(s, (struct span){ slug.p, (size_t)(slash - slug.p) });
}

struct source *source_for(
	struct source *const *list, size_t n, struct span slug, const char *name, struct span host)
{
	for (size_t i = 0; i < n; i++) {
		struct source *s = list[i];

		if (s->api != NULL && source_hears_slug(s, slug) &&
			(name == NULL || strcmp(name, s->name) == 0) &&
			(host.n == 0 || span_is(host, s->host)))
			return s;
	}
	return NULL;
}

void source_hush(struct source *s, struct mono now, int64_t wait_ms)
{
	int64_t until_ms = now.ms + wait_ms;

	if (until_ms > s->hushed_until.ms)
		s->hushed_until.ms = until_ms;
}

int64_t source_hush_wait(const struct source *s, struct mono now)
{
	return s->hushed_until.ms > now.ms ? s->hushed_until.ms - now.ms : 0;
}
