/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_CORRELATE_H
#define RELAY_CORRELATE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "model/build.h"
#include "model/catalog.h"
#include "model/cloudevent.h"
#include "model/route.h"
#include "store/store.h"

/* An event goes to at most so many sinks: as many as there can be. */
#define PLAN_SINKS STORE_SINKS_MAX

/*
 * Where an event belongs and where it goes, as of one catalog and one set of
 * routes: repository -> entities -> owners -> routes -> sinks.
 */
struct plan {
	enum event_place place;
	struct entity entity[CLOUDEVENT_ENTITIES];
	size_t entities;
	struct span owner[CLOUDEVENT_ENTITIES]; /* of all entities, each once */
	size_t owners;
	struct span author; /* the user; empty: not known */
	const char *sink[PLAN_SINKS];
	unsigned address[PLAN_SINKS]; /* whom each of them tells: a set of enum address */
	size_t sinks;
	struct span slug; /* as sent; borrowed from the caller's buffer */
};

struct routes {
	const struct route *route;
	size_t n;
};

/*
 * Plan for a build. catalog is NULL before any was ever loaded. slug is
 * "owner/name" and must outlive the plan, like source_name, catalog and routes.
 */
void plan_make(struct plan *p, const struct build *b, enum transition transition,
	const char *source_name, struct span slug, const struct catalog *catalog,
	const struct routes *routes);

/* The user whom a build's commit names as author; empty if nobody knows who that is. */
struct span author_of(const struct catalog *catalog, const struct build *b);

/*
 * What routes look at of an event that was kept, as it was found then. Borrows
 * from source and facts; f points into itself, so it must not be copied.
 */
struct recalled {
	struct route_facts f;
	struct span kind[CLOUDEVENT_ENTITIES];
};

void recall(struct recalled *r, struct span source, const struct cloudevent_facts *facts);

/* The words for one that is going nowhere: "no-entity", "no-catalog", "no-route"; or NULL. */
const char *plan_reason(const struct plan *p);

#endif
