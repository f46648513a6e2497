/* SPDX-License-Identifier: Apache-2.0 */
#include "model/route.h"

#include <stdlib.h>

#include "base/defs.h"

/* What builds become: CDEvents of any kind. */
#define BUILD_TYPES "dev.cdevents."

static void list_free(char **list)
{
	if (list == NULL)
		return;
	for (char **s = list; *s != NULL; s++)
		free(*s);
	free(list);
}

void route_release(struct route *r)
{
	char **const list[] = { r->type, r->source, r->outcome, r->transition, r->branch, r->kind,
		r->owner, r->repository, r->to };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		list_free(list[i]);
	free(r->name);
	*r = (struct route){ 0 };
}

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

static bool list_matches(char *const *patterns, struct span text, bool nocase)
{
	if (patterns == NULL)
		return true;
	for (; *patterns != NULL; patterns++) {
		if (pattern_matches(*patterns, text, nocase))
			return true;
	}
	return false;
}

static bool list_matches_any(char *const *patterns, const struct span *text, size_t n)
{
	if (patterns == NULL)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (list_matches(patterns, text[i], true))
			return true;
	}
	return false;
}

static bool type_matches(const struct route *r, struct span type)
{
	if (r->type == NULL)
		return span_starts(type, BUILD_TYPES);
	return list_matches(r->type, type, false);
}

bool route_matches(const struct route *r, const struct route_facts *f)
{
	return type_matches(r, f->type) && list_matches(r->source, f->source, false) &&
	       list_matches(r->outcome, f->outcome, false) &&
	       list_matches(r->transition, f->transition, false) &&
	       list_matches(r->branch, f->branch, false) &&
	       list_matches(r->repository, f->repository, true) &&
	       list_matches_any(r->kind, f->kind, f->kinds) &&
	       list_matches_any(r->owner, f->owner, f->owners);
}

static bool names_have(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

size_t routes_choose(const struct route *routes, size_t n, const struct route_facts *f,
	const char **sinks, size_t max)
{
	size_t chosen = 0;

	for (size_t i = 0; i < n; i++) {
		if (!route_matches(&routes[i], f))
			continue;
		for (char **to = routes[i].to; to != NULL && *to != NULL; to++) {
			if (chosen < max && !names_have(sinks, chosen, *to))
				sinks[chosen++] = *to;
		}
	}
	return chosen;
}
