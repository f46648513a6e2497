/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/correlate.h"

#include "model/address.h"

static void plan_collect_owners(struct plan *p)
{
	for (size_t i = 0; i < p->entities; i++) {
		const struct entity *e = &p->entity[i];

		for (size_t j = 0; j < e->owners && p->owners < CLOUDEVENT_ENTITIES; j++) {
			if (!span_in(e->owner[j], p->owner, p->owners))
				p->owner[p->owners++] = e->owner[j];
		}
	}
}

static void plan_route(struct plan *p, const struct build *b, enum transition transition,
	const char *source_name, const struct routes *routes)
{
	struct span kind[CLOUDEVENT_ENTITIES];
	struct route_facts f = {
		.type = span_of(cloudevent_type(b->state)),
		.source = span_of(source_name),
		.outcome = span_of(cloudevent_outcome(b->state)),
		.transition = span_of(transition_str(transition)),
		.branch = b->branch,
		.repository = p->slug,
		.author = p->author,
		.kind = kind,
		.kinds = p->entities,
		.owner = p->owner,
		.owners = p->owners,
	};

	for (size_t i = 0; i < p->entities; i++)
		kind[i] = entity_ref_kind(p->entity[i].ref);
	p->sinks = routes_choose(routes->route, routes->n, &f, p->sink, PLAN_SINKS);
	for (size_t i = 0; i < p->sinks; i++)
		p->address[i] = routes_address(routes->route, routes->n, &f, p->sink[i]);
}

/* An address is one person's; a login stands only for an address that hides behind it. */
struct span author_of(const struct catalog *catalog, const struct build *b)
{
	struct span ref = { NULL, 0 };

	if (!catalog_user(catalog, b->author_mail, &ref))
		IGNORE(catalog_user(catalog, b->author_login, &ref));
	return ref;
}

void plan_make(struct plan *p, const struct build *b, enum transition transition,
	const char *source_name, struct span slug, const struct catalog *catalog,
	const struct routes *routes)
{
	p->slug = slug;
	p->entities = p->owners = p->sinks = 0;
	p->author = (struct span){ NULL, 0 };
	if (catalog == NULL) {
		p->place = EVENT_WAITING;
		return;
	}
	p->entities = catalog_find(catalog, slug, p->entity, CLOUDEVENT_ENTITIES);
	if (p->entities > CLOUDEVENT_ENTITIES)
		p->entities = CLOUDEVENT_ENTITIES;
	if (p->entities == 0) {
		p->place = EVENT_QUARANTINED;
		return;
	}
	p->place = EVENT_ROUTED;
	plan_collect_owners(p);
	p->author = author_of(catalog, b);
	plan_route(p, b, transition, source_name, routes);
}

void recall(struct recalled *r, struct span source, const struct cloudevent_facts *facts)
{
	for (size_t i = 0; i < facts->entities; i++)
		r->kind[i] = entity_ref_kind(facts->entity[i]);
	r->f = (struct route_facts){
		.type = facts->type,
		.source = source,
		.outcome = facts->outcome,
		.transition = facts->transition,
		.branch = facts->branch,
		.repository = facts->repository,
		.author = facts->author,
		.kind = r->kind,
		.kinds = facts->entities,
		.owner = facts->owner,
		.owners = facts->owners,
	};
}

const char *plan_reason(const struct plan *p)
{
	switch (p->place) {
	case EVENT_WAITING: return "no-catalog";
	case EVENT_QUARANTINED: return "no-entity";
	case EVENT_ROUTED: break;
	}
	return p->sinks == 0 ? "no-route" : NULL;
}
