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

/* Until the n-th oldest of the last posts, counted from 0, is one no more. */
static int64_t wait_for(const struct source *s, size_t n, struct mono now)
{
	struct mono old = s->posted[(s->posted_next + n) % SOURCE_POSTS];
	int64_t hush_ms = source_hush_wait(s, now);
	int64_t wait_ms = old.ms + SOURCE_POSTS_MS - now.ms;

	return old.ms == 0 || wait_ms < hush_ms ? hush_ms : wait_ms;
}

int64_t source_post_wait(const struct source *s, struct mono now)
{
	return wait_for(s, 0, now);
}

int64_t source_spare_wait(const struct source *s, struct mono now)
{
	return wait_for(s, SOURCE_SPARE, now);
}

void source_post(struct source *s, struct mono now)
{
	s->posted[s->posted_next] = now;
	s->posted_next = (s->posted_next + 1) % SOURCE_POSTS;
}

struct source *source_for(
	struct source *const *list, size_t n, struct span slug, const char *name, struct span host)
{
	const char *slash = memchr(slug.p, '/', slug.n);
	struct span owner = { slug.p, slash == NULL ? slug.n : (size_t)(slash - slug.p) };

	for (size_t i = 0; i < n; i++) {
		struct source *s = list[i];

		if (s->api != NULL && source_hears(s, owner) &&
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
