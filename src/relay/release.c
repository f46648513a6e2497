/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/release.h"

#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "model/cloudevent.h"
#include "relay/relay_impl.h"
#include "store/store.h"

#define PAGE 32

struct release {
	struct relay *relay;
	bool running, again, unfinished;
	int64_t after_seq;
	unsigned moving; /* reroutes of the page under way */
	bool more;
	struct plan plan; /* of the event at hand */
};

/* An event that is being given its way. */
struct move {
	struct release *release;
	char *okey;
	char *sink[PLAN_SINKS];
	size_t sinks;
	enum event_place place;
};

struct release *release_new(struct relay *r)
{
	struct release *rel = xcalloc(1, sizeof(*rel));

	rel->relay = r;
	return rel;
}

void release_free(struct release *rel)
{
	free(rel);
}

static void move_free(struct move *m)
{
	for (size_t i = 0; i < m->sinks; i++)
		free(m->sink[i]);
	free(m->okey);
	free(m);
}

static void release_page(struct release *rel);

static void release_page_done(struct release *rel)
{
	if (rel->moving > 0)
		return;
	if (rel->more) {
		release_page(rel);
		return;
	}
	rel->running = false;
	if (rel->again)
		release_run(rel);
}

static void on_moved(void *ctx, enum claim_result r)
{
	struct move *m = ctx;
	struct release *rel = m->release;

	if (r == CLAIM_RETRY)
		rel->unfinished = true;
	if (r == CLAIM_OK && m->place == EVENT_ROUTED) {
		rel->relay->stats.released++;
		for (size_t i = 0; i < m->sinks; i++)
			dispatch_hint(rel->relay->dispatch, m->sink[i], span_of(m->okey));
	}
	move_free(m);
	rel->moving--;
	release_page_done(rel);
}

static void audit_compose(
	const struct store_parked *p, const struct plan *plan, struct span id, struct buf *out)
{
	struct span ref[CLOUDEVENT_ENTITIES];
	struct audit_record r = {
		.at = clock_wall(),
		.action = "event.release",
		.outcome = "success",
		.reason = plan_reason(plan),
		.event = id,
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

static void release_move(
	struct release *rel, const struct store_parked *p, struct span id, struct span body)
{
	struct move *m = xcalloc(1, sizeof(*m));
	const struct plan *plan = &rel->plan;
	struct buf *audit = &rel->relay->scratch.audit;
	struct store_reroute reroute = {
		.event_seq = p->event_seq,
		.place = plan->place,
		.body = body,
		.sinks = plan->sink,
		.sinks_n = plan->sinks,
	};

	*m = (struct move){ .release = rel, .place = plan->place };
	m->okey = xstrndup(p->okey.p, p->okey.n);
	for (size_t i = 0; i < plan->sinks; i++)
		m->sink[m->sinks++] = xstrdup(plan->sink[i]);
	audit_compose(p, plan, id, audit);
	reroute.audit = buf_span(audit);
	rel->moving++;
	if (store_reroute(rel->relay->store, &reroute, on_moved, m) != ERR_OK) {
		rel->moving--;
		rel->unfinished = true;
		move_free(m);
	}
}

/* The event again, with its entities; what was decided when it came stays. */
static enum err recompose(struct release *rel, const struct store_parked *p, const struct build *b,
	const struct cloudevent_facts *f, const char *source)
{
	struct cloudevent ce = { .build = b, .attempt = f->attempt, .source_name = source };
	struct buf *out = &rel->relay->scratch.event;

	if (transition_parse(f->transition, &ce.transition) != ERR_OK)
		return ERR_PARSE;
	relay_plan(rel->relay, &rel->plan, b, ce.transition, source, f->repository);
	memcpy(ce.id, p->id, sizeof(ce.id));
	if (wall_parse(f->time, &ce.received) != ERR_OK)
		return ERR_PARSE;
	ce.entity = rel->plan.entity;
	ce.entities = rel->plan.entities;
	buf_clear(out);
	return cloudevent_write(&ce, out);
}

static void release_one(struct release *rel, const struct store_parked *p)
{
	CLEANUP(build_release) struct build b;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(freep) char *source = xstrndup(p->source.p, p->source.n);
	enum err e;

	build_init(&b);
	e = cloudevent_read(p->body, &f);
	if (e == ERR_OK)
		e = build_read(p->fact, &b);
	if (e == ERR_OK)
		e = recompose(rel, p, &b, &f, source);
	if (e != ERR_OK) {
		log_warning("release.unreadable", "seq=%lld", (long long)p->event_seq);
		return;
	}
	if (rel->plan.place == p->place)
		return;
	release_move(rel, p, f.id, buf_span(&rel->relay->scratch.event));
}

static void on_parked(void *ctx, enum err e, const struct store_parked *parked, size_t n, bool more)
{
	struct release *rel = ctx;

	rel->more = e == ERR_OK && more && n > 0;
	for (size_t i = 0; i < n; i++) {
		rel->after_seq = parked[i].event_seq;
		release_one(rel, &parked[i]);
	}
	release_page_done(rel);
}

static void release_page(struct release *rel)
{
	if (store_parked(rel->relay->store, rel->after_seq, PAGE, on_parked, rel) == ERR_OK)
		return;
	rel->running = false;
	rel->unfinished = true;
}

void release_run(struct release *rel)
{
	rel->again = rel->running;
	if (rel->running)
		return;
	rel->running = true;
	rel->unfinished = false;
	rel->after_seq = 0;
	release_page(rel);
}

bool release_is_unfinished(const struct release *rel)
{
	return rel->unfinished;
}
