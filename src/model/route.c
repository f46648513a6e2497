/* SPDX-License-Identifier: Apache-2.0 */
#include "model/route.h"

#include <stdlib.h>

#include "base/defs.h"
#include "model/address.h"
#include "model/pattern.h"

/* What builds become: CDEvents of any kind. A route that names no type means these. */
static char build_types[] = "dev.cdevents.*";
static char *const builds[] = { build_types, NULL };

/* Where only the author is addressed, there must be one. */
static char any_user[] = "user:*";
static char *const somebody[] = { any_user, NULL };

void route_release(struct route *r)
{
	char **const list[] = { r->type, r->source, r->outcome, r->transition, r->branch, r->kind,
		r->owner, r->repository, r->author, r->address, r->to };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		strings_free(list[i]);
	free(r->name);
	*r = (struct route){ 0 };
}

/* Where each condition is, and how it is compared. */
static const struct {
	const char *name;
	size_t patterns;     /* in struct route */
	size_t texts, count; /* in struct route_facts; count is 0 for one text alone */
	bool nocase;
} conditions[] = {
#define ONE(member, nocase)                                                                        \
	{                                                                                          \
#member, offsetof(struct route, member), offsetof(struct route_facts, member), 0,  \
			nocase                                                                     \
	}
#define SOME(member)                                                                               \
	{                                                                                          \
#member, offsetof(struct route, member), offsetof(struct route_facts, member),     \
			offsetof(struct route_facts, member##s), true                              \
	}
	[ROUTE_TYPE] = ONE(type, false),
	[ROUTE_SOURCE] = ONE(source, false),
	[ROUTE_OUTCOME] = ONE(outcome, false),
	[ROUTE_TRANSITION] = ONE(transition, false),
	[ROUTE_BRANCH] = ONE(branch, false),
	[ROUTE_REPOSITORY] = ONE(repository, true),
	[ROUTE_KIND] = SOME(kind),
	[ROUTE_OWNER] = SOME(owner),
	[ROUTE_AUTHOR] = ONE(author, true),
#undef ONE
#undef SOME
};

const char *route_condition_str(enum route_condition c)
{
	return conditions[c].name;
}

char *const *route_patterns(const struct route *r, enum route_condition c)
{
	char *const *patterns =
		*(char **const *)(const void *)((const char *)r + conditions[c].patterns);

	if (patterns == NULL && c == ROUTE_TYPE)
		return builds;
	if (patterns == NULL && c == ROUTE_AUTHOR && route_address(r) == ADDRESS_AUTHOR)
		return somebody;
	return patterns;
}

const struct span *route_texts(const struct route_facts *f, enum route_condition c, size_t *n)
{
	const void *texts = (const char *)f + conditions[c].texts;

	if (conditions[c].count == 0) {
		/* An author who is not known is none, not one without a name. */
		*n = c != ROUTE_AUTHOR || f->author.n > 0;
		return texts;
	}
	*n = *(const size_t *)(const void *)((const char *)f + conditions[c].count);
	return *(const struct span *const *)texts;
}

bool route_holds(const struct route *r, const struct route_facts *f, enum route_condition c)
{
	char *const *patterns = route_patterns(r, c);
	const struct span *text;
	size_t n;

	if (patterns == NULL)
		return true;
	text = route_texts(f, c, &n);
	for (size_t i = 0; i < n; i++) {
		if (patterns_match(patterns, text[i], conditions[c].nocase))
			return true;
	}
	return false;
}

bool route_matches(const struct route *r, const struct route_facts *f)
{
	for (enum route_condition c = ROUTE_TYPE; c < ROUTE_CONDITIONS; c++) {
		if (!route_holds(r, f, c))
			return false;
	}
	return true;
}

unsigned route_address(const struct route *r)
{
	unsigned set = 0;
	enum address a;

	for (char **word = r->address; word != NULL && *word != NULL; word++) {
		if (address_parse(span_of(*word), &a) == ERR_OK)
			set |= a;
	}
	return set == 0 ? ADDRESS_OWNER : set;
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

static bool route_leads_to(const struct route *r, const char *sink)
{
	for (char **to = r->to; to != NULL && *to != NULL; to++) {
		if (strcmp(*to, sink) == 0)
			return true;
	}
	return false;
}

unsigned routes_address(
	const struct route *routes, size_t n, const struct route_facts *f, const char *sink)
{
	unsigned set = 0;

	for (size_t i = 0; i < n; i++) {
		if (route_leads_to(&routes[i], sink) && route_matches(&routes[i], f))
			set |= route_address(&routes[i]);
	}
	return set;
}
