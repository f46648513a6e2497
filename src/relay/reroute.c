/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/reroute.h"

#include <stdlib.h>

#include "audit/record.h"
#include "model/cloudevent.h"
#include "relay/board.h"
#include "relay/relay_impl.h"

/* An event that is being moved. */
struct move {
	struct relay *relay;
	char *okey;
	char *sink[PLAN_SINKS];
	size_t sinks;
	enum event_place place;
	reroute_cb on_moved;
	void *ctx;
};

static void move_free(struct move *m)
{
	for (size_t i = 0; i < m->sinks; i++)
		free(m->sink[i]);
	free(m->okey);
	free(m);
}

/* The event again, with its entities; what was decided when it came stays. */
static enum err recompose(struct relay *r, const struct store_parked *p, const struct build *b,
	const struct cloudevent_facts *f, struct plan *plan)
{
	CLEANUP(freep) char *source = xstrndup(p->source.p, p->source.n);
	struct cloudevent ce = { .build = b, .attempt = f->attempt, .source_name = source };
	struct buf *slug = &r->scratch.slug, *out = &r->scratch.event;
	enum err e;

	if (transition_parse(f->transition, &ce.transition) != ERR_OK ||
		wall_parse(f->time, &ce.received) != ERR_OK)
		return ERR_PARSE;
	buf_clear(slug);
	if (buf_add_span(slug, f->repository) != ERR_OK)
		return ERR_LIMIT;
	relay_plan(r, plan, b, ce.transition, source, buf_span(slug));
	memcpy(ce.id, p->id, sizeof(ce.id));
	ce.entity = plan->entity;
	ce.entities = plan->entities;
	ce.author = plan->author;
	ce.sink = plan->sink;
	ce.address = plan->address;
	ce.sinks = plan->sinks;
	buf_clear(out);
	buf_clear(&r->scratch.entities);
	e = board_entities_write(plan->entity, plan->entities, &r->scratch.entities);
	return e == ERR_OK ? cloudevent_write(&ce, out) : e;
}

enum err reroute_plan(struct relay *r, const struct store_parked *p, struct plan *plan)
{
	CLEANUP(build_release) struct build b;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	enum err e;

	build_init(&b);
	e = cloudevent_read(p->body, &f);
	if (e == ERR_OK)
		e = build_read(p->fact, &b);
	return e == ERR_OK ? recompose(r, p, &b, &f, plan) : e;
}

static void audit_compose(const struct store_parked *p, const struct plan *plan,
	const struct reroute_cause *cause, struct buf *out)
{
	char id[UUID_TEXT_MAX];
	struct span ref[CLOUDEVENT_ENTITIES];
	struct audit_record r = {
		.at = clock_wall(),
		.action = cause->action,
		.outcome = "success",
		.reason = cause->reason == NULL ? plan_reason(plan) : cause->reason,
		.actor = cause->actor,
		.event = span_of(uuid_format(p->id, id)),
		.source = p->source,
		.repository = plan->slug,
		.entity = ref,
		.entities = plan->entities,
		.owner = plan->owner,
		.owners = plan->owners,
		.to = plan->sink,
		.to_n = plan->sinks,
	};

	for (size_t i = 0; i < plan->entities; i++)
		ref[i] = plan->entity[i].ref;
	buf_clear(out);
	IGNORE(audit_record_write(&r, out) != ERR_OK);
}

static void on_moved(void *ctx, enum claim_result r)
{
	struct move *m = ctx;
	size_t sinks = 0;

	if (r == CLAIM_OK && m->place == EVENT_ROUTED) {
		m->relay->stats.released++;
		sinks = m->sinks;
		for (size_t i = 0; i < m->sinks; i++)
			dispatch_hint(m->relay->dispatch, m->sink[i], span_of(m->okey));
	}
	m->on_moved(m->ctx, r, sinks);
	move_free(m);
}

enum err reroute_move(struct relay *r, const struct store_parked *p, const struct plan *plan,
	const struct reroute_cause *cause, reroute_cb on_done, void *ctx)
{
	struct move *m = xcalloc(1, sizeof(*m));
	struct store_reroute reroute = {
		.event_seq = p->event_seq,
		.place = plan->place,
		.body = buf_span(&r->scratch.event),
		.entities = buf_span(&r->scratch.entities),
		.sinks = plan->sink,
		.sinks_n = plan->sinks,
	};
	enum err e;

	*m = (struct move){ .relay = r, .place = plan->place, .on_moved = on_done, .ctx = ctx };
	m->okey = xstrndup(p->okey.p, p->okey.n);
	for (size_t i = 0; i < plan->sinks; i++)
		m->sink[m->sinks++] = xstrdup(plan->sink[i]);
	audit_compose(p, plan, cause, &r->scratch.audit);
	reroute.audit = buf_span(&r->scratch.audit);
	e = store_reroute(r->store, &reroute, on_moved, m);
	if (e != ERR_OK)
		move_free(m);
	return e;
}
