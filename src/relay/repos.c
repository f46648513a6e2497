/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/repos.h"

#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "io/crypto.h"
#include "model/catalog.h"
#include "relay/source.h"

/* A catalog of 100,000 takes a minute and a half, then, and nobody waits for it. */
#define ENTITIES_AT_ONCE 2000
#define SPREAD_MS        60000

void repos_init(struct repos *r)
{
	map_init(&r->by_slug);
	buf_init(&r->at, ENTITY_TEXT_MAX * 2);
}

void repos_release(struct repos *r)
{
	struct span slug;
	size_t at = 0;
	void *repo;

	while (map_next(&r->by_slug, &at, &slug, &repo))
		free(repo);
	map_release(&r->by_slug);
	buf_release(&r->at);
}

struct repo *repos_find(const struct repos *r, struct span slug)
{
	char folded[ENTITY_TEXT_MAX];

	return map_get(&r->by_slug, span_lower(slug, folded, sizeof(folded)));
}

void repos_drop(struct repos *r, struct span slug)
{
	char folded[ENTITY_TEXT_MAX];

	free(map_remove(&r->by_slug, span_lower(slug, folded, sizeof(folded))));
}

struct repo *repos_get(struct repos *r, struct span slug, struct mono now)
{
	char folded[ENTITY_TEXT_MAX];
	struct span key = span_lower(slug, folded, sizeof(folded));
	struct repo *repo = map_get(&r->by_slug, key);

	if (repo != NULL || key.n == 0)
		return repo;
	repo = xcalloc(1, sizeof(*repo));
	repo->through = WALL_NONE;
	repo->due.ms = now.ms - (int64_t)(random_u64() % SPREAD_MS);
	IGNORE(map_put(&r->by_slug, key, repo) != NULL);
	return repo;
}

void repos_gather(struct repos *r, const struct catalog *c, const struct source *s, struct mono now)
{
	size_t i = catalog_after(c, buf_span(&r->at));
	struct entity e;

	for (size_t n = 0; n < ENTITIES_AT_ONCE; n++, i++) {
		if (!catalog_at(c, i, &e)) {
			buf_clear(&r->at);
			return;
		}
		if (source_hears_slug(s, e.slug))
			IGNORE(repos_get(r, e.slug, now) == NULL);
	}
	IGNORE(catalog_at(c, i - 1, &e));
	buf_clear(&r->at);
	IGNORE(buf_add_span(&r->at, e.ref) != ERR_OK);
}

struct repo *repos_due(const struct repos *r, struct mono now, struct span *slug)
{
	struct repo *first = NULL;
	struct span key;
	size_t at = 0;
	void *p;

	while (map_next(&r->by_slug, &at, &key, &p)) {
		struct repo *repo = p;

		if (repo->due.ms <= now.ms && (first == NULL || repo->due.ms < first->due.ms)) {
			first = repo;
			*slug = key;
		}
	}
	return first;
}
