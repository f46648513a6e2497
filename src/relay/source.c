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

static void put_off(struct mono *until, struct mono now, int64_t wait_ms)
{
	if (until->ms < now.ms + wait_ms)
		until->ms = now.ms + wait_ms;
}

static int64_t left(struct mono until, struct mono now)
{
	return until.ms > now.ms ? until.ms - now.ms : 0;
}

void source_hush(struct source *s, struct mono now, int64_t wait_ms)
{
	put_off(&s->hushed_until, now, wait_ms);
}

int64_t source_hush_wait(const struct source *s, struct mono now)
{
	return left(s->hushed_until, now);
}

void source_defer(struct source *s, struct mono now, int64_t wait_ms)
{
	put_off(&s->deferred_until, now, wait_ms);
}

int64_t source_defer_wait(const struct source *s, struct mono now)
{
	return left(s->deferred_until, now);
}
