/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ROUTE_H
#define MODEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/*
 * A predicate over an event, and the sinks it goes to. Every condition that is
 * set must hold; a condition holds if one of its patterns matches (model/pattern.h).
 * A NULL list is not set.
 */
struct route {
	char *name;
	char **type; /* NULL: builds of any type, and nothing else */
	char **source, **outcome, **transition, **branch, **kind, **owner, **repository;
	char **author;  /* NULL: any, but one who is known if nobody else is addressed */
	char **address; /* "owner", "author": whom sinks tell; NULL: owners */
	char **to;      /* names of sinks */
};

/* Frees the strings and lists too. */
void route_release(struct route *r);

/* What routes look at. entity kinds and owners are those of all entities together. */
struct route_facts {
	struct span type;       /* of the CloudEvent */
	struct span source;     /* its configured name */
	struct span outcome;    /* queued, started, success, failure, error, cancel */
	struct span transition; /* none, fixed, broken, still_failing */
	struct span branch;
	struct span repository;
	struct span author; /* a user's ref; empty: not known */
	const struct span *kind, *owner;
	size_t kinds, owners;
};

bool route_matches(const struct route *r, const struct route_facts *f);

/* Whom its sinks tell: a set of enum address. */
unsigned route_address(const struct route *r);

/* The same for one sink, of every route that matches and leads to it; 0 if none does. */
unsigned routes_address(
	const struct route *routes, size_t n, const struct route_facts *f, const char *sink);

/* The conditions that a route can set, in the order in which they are looked at. */
enum route_condition {
	ROUTE_TYPE,
	ROUTE_SOURCE,
	ROUTE_OUTCOME,
	ROUTE_TRANSITION,
	ROUTE_BRANCH,
	ROUTE_REPOSITORY,
	ROUTE_KIND,
	ROUTE_OWNER,
	ROUTE_AUTHOR,
};
#define ROUTE_CONDITIONS (ROUTE_AUTHOR + 1)

/* Its key in the configuration: "source", … */
const char *route_condition_str(enum route_condition c);

/* The patterns of a condition, NULL if it is not set; types always are, authors by address. */
char *const *route_patterns(const struct route *r, enum route_condition c);

/* What it is compared with: *n texts, of which one must match. */
const struct span *route_texts(const struct route_facts *f, enum route_condition c, size_t *n);

/* Does this one condition hold? One that is not set does. */
bool route_holds(const struct route *r, const struct route_facts *f, enum route_condition c);

/*
 * The sinks of every route that matches, each once, in order of first mention.
 * Fills at most max names (borrowed from the routes) and returns how many.
 */
size_t routes_choose(const struct route *routes, size_t n, const struct route_facts *f,
	const char **sinks, size_t max);

#endif
