/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"
#include "base/codec.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "conf/conf.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "model/address.h"
#include "model/catalog.h"
#include "model/sink.h"
#include "relay/correlate.h"
#include "relay/source.h"

/* Why an event went where it went: what was known then, and what the routes in use say to it. */

#define HISTORY_MAX 1000

struct explanation {
	struct daemon *daemon;
	struct httpd_req *req;
	uint8_t id[UUID_BYTES];
	struct buf page;
	struct json_writer w;
};

static void explanation_free(struct explanation *x)
{
	buf_release(&x->page);
	free(x);
}

static void put_patterns(struct json_writer *w, const char *key, char *const *list)
{
	json_key(w, key);
	json_array_begin(w);
	for (; list != NULL && *list != NULL; list++)
		json_put_str(w, *list);
	json_array_end(w);
}

static void put_condition(struct json_writer *w, const struct route *r, const struct route_facts *f,
	enum route_condition c)
{
	const struct span *text;
	size_t n;

	/* That builds are meant goes without saying, where it is one. */
	if (route_patterns(r, c) == NULL ||
		(c == ROUTE_TYPE && r->type == NULL && route_holds(r, f, c)))
		return;
	text = route_texts(f, c, &n);
	json_object_begin(w);
	json_member_str(w, "condition", route_condition_str(c));
	json_member_bool(w, "holds", route_holds(r, f, c));
	put_patterns(w, "wanted", route_patterns(r, c));
	json_member_spans(w, "found", text, n);
	json_object_end(w);
}

/* A set of addresses in words. */
static void put_address(struct json_writer *w, const char *key, unsigned set)
{
	json_key(w, key);
	json_array_begin(w);
	for (enum address a = ADDRESS_OWNER; a <= ADDRESS_AUTHOR; a <<= 1) {
		if ((set & a) != 0)
			json_put_str(w, address_str(a));
	}
	json_array_end(w);
}

/* Each route in use, and which of its conditions hold. */
static void put_routes(
	struct json_writer *w, const struct relay_setup *s, const struct route_facts *f)
{
	json_key(w, "routes");
	json_array_begin(w);
	for (size_t i = 0; i < s->routes; i++) {
		const struct route *r = &s->route[i];

		json_object_begin(w);
		json_member_str(w, "name", r->name);
		json_member_bool(w, "matches", route_matches(r, f));
		put_patterns(w, "to", r->to);
		put_address(w, "address", route_address(r));
		json_key(w, "conditions");
		json_array_begin(w);
		for (enum route_condition c = ROUTE_TYPE; c < ROUTE_CONDITIONS; c++)
			put_condition(w, r, f, c);
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
}

static bool sink_addresses(const struct relay_setup *s, const char *name)
{
	for (size_t i = 0; i < s->sinks; i++) {
		if (strcmp(s->sink[i]->name, name) == 0)
			return s->sink[i]->addresses;
	}
	return false;
}

/* Whom the sinks that tell people tell of it; and whom they would today. */
static void put_addressed(struct json_writer *w, const struct relay_setup *s,
	const struct cloudevent_facts *facts, const struct store_found *found)
{
	json_key(w, "addressed");
	json_array_begin(w);
	for (size_t i = 0; i < found->sent_n; i++) {
		const char *sink = found->sent[i].sink;

		if (!sink_addresses(s, sink))
			continue;
		json_object_begin(w);
		json_member_str(w, "sink", sink);
		put_address(w, "address", cloudevent_address(facts, sink));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_addressed_now(
	struct json_writer *w, const struct relay_setup *s, const struct route_facts *f)
{
	json_key(w, "addressed_now");
	json_array_begin(w);
	for (size_t i = 0; i < s->sinks; i++) {
		unsigned set = routes_address(s->route, s->routes, f, s->sink[i]->name);

		if (set == 0 || !s->sink[i]->addresses)
			continue;
		json_object_begin(w);
		json_member_str(w, "sink", s->sink[i]->name);
		put_address(w, "address", set);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_sinks_now(
	struct json_writer *w, const struct relay_setup *s, const struct route_facts *f)
{
	const char *sink[PLAN_SINKS];
	size_t n = routes_choose(s->route, s->routes, f, sink, PLAN_SINKS);

	json_key(w, "sinks_now");
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, sink[i]);
	json_array_end(w);
}

static void put_deliveries(struct json_writer *w, const struct store_found *f)
{
	static const char *const state[] = {
		[SENT_PENDING] = "pending",
		[SENT_DONE] = "done",
		[SENT_DEAD] = "dead",
	};

	json_key(w, "deliveries");
	json_array_begin(w);
	for (size_t i = 0; i < f->sent_n; i++) {
		const struct store_sent *sent = &f->sent[i];

		json_object_begin(w);
		json_member_str(w, "sink", sent->sink);
		json_member_str(w, "state", state[sent->state]);
		json_member_int(w, "tries", sent->tries);
		json_member_int(w, "status", sent->status);
		json_member_wall(w, "updated", sent->updated);
		json_member_span(w, "note", sent->note);
		json_object_end(w);
	}
	json_array_end(w);
}

/* The catalog's word of today for a repository. */
struct mapping {
	struct entity entity[CLOUDEVENT_ENTITIES];
	struct span ref[CLOUDEVENT_ENTITIES], owner[CLOUDEVENT_ENTITIES];
	size_t entities, owners;
};

static void mapping_make(struct mapping *m, const struct catalog *c, struct span slug)
{
	m->entities = m->owners = 0;
	if (c == NULL)
		return;
	m->entities = catalog_find(c, slug, m->entity, CLOUDEVENT_ENTITIES);
	if (m->entities > CLOUDEVENT_ENTITIES)
		m->entities = CLOUDEVENT_ENTITIES;
	for (size_t i = 0; i < m->entities; i++) {
		const struct entity *e = &m->entity[i];

		m->ref[i] = e->ref;
		for (size_t k = 0; k < e->owners && m->owners < CLOUDEVENT_ENTITIES; k++) {
			if (!span_in(e->owner[k], m->owner, m->owners))
				m->owner[m->owners++] = e->owner[k];
		}
	}
}

/* What a parked event waits for. */
static void put_needs(struct json_writer *w, const struct daemon *d, const struct store_found *f,
	const struct mapping *m)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 1024);
	if (f->place == EVENT_ROUTED)
		return;
	if (relay_catalog_now(d->relay) == NULL)
		IGNORE(buf_add_str(&text, "a catalog: none was read yet") != ERR_OK);
	else if (m->entities > 0)
		IGNORE(buf_add_str(&text, "nothing: it is about to be released") != ERR_OK);
	else
		IGNORE(buf_addf(&text, "an entity with the annotation %s: %.*s",
			       d->parts.conf->catalog_annotation,
			       SPAN_ARGS(f->repository)) != ERR_OK);
	json_member_span(w, "needs", buf_span(&text));
}

static const char *place_word(enum event_place place)
{
	switch (place) {
	case EVENT_ROUTED: return "routed";
	case EVENT_QUARANTINED: return "quarantined";
	case EVENT_WAITING: return "waiting";
	}
	return "?";
}

static void put_head(
	struct json_writer *w, const struct store_found *f, const struct cloudevent_facts *facts)
{
	char id[UUID_TEXT_MAX];

	json_member_str(w, "event", uuid_format(f->id, id));
	json_member_wall(w, "received", f->received);
	json_member_str(w, "place", place_word(f->place));
	json_member_span(w, "source", f->source);
	json_member_span(w, "host", facts->host);
	json_member_span(w, "repository", f->repository);
	json_member_span(w, "outcome", facts->outcome);
	json_member_span(w, "transition", facts->transition);
	json_member_span(w, "branch", facts->branch);
	json_member_int(w, "attempt", facts->attempt);
	json_member_opt(w, "url", facts->url);
	json_member_spans(w, "entities", facts->entity, facts->entities);
	json_member_spans(w, "owners", facts->owner, facts->owners);
	json_member_opt(w, "author", facts->author);
}

/* Who that would be today. What a build's author was is kept only until it is routed. */
static struct span parked_author(const struct daemon *d, const struct store_found *f)
{
	const struct catalog *c = relay_catalog_now(d->relay);
	CLEANUP(build_release) struct build b;

	build_init(&b);
	if (c == NULL || build_read(f->fact, &b) != ERR_OK)
		return (struct span){ NULL, 0 };
	return author_of(c, &b);
}

/* A parked event has no entities yet; the routes are then told those of now. */
static void put_event(
	struct explanation *x, const struct store_found *f, const struct cloudevent_facts *facts)
{
	const struct daemon *d = x->daemon;
	const struct relay_setup *s = relay_setup_now(d->relay);
	struct mapping m;
	struct recalled r;

	mapping_make(&m, relay_catalog_now(d->relay), f->repository);
	recall(&r, f->source, facts);
	if (f->place != EVENT_ROUTED) {
		for (size_t i = 0; i < m.entities; i++)
			r.kind[i] = entity_ref_kind(m.ref[i]);
		r.f.kinds = m.entities;
		r.f.owner = m.owner;
		r.f.owners = m.owners;
		r.f.author = parked_author(d, f);
	}
	json_object_begin(&x->w);
	put_head(&x->w, f, facts);
	json_member_spans(&x->w, "entities_now", m.ref, m.entities);
	json_member_spans(&x->w, "owners_now", m.owner, m.owners);
	put_needs(&x->w, d, f, &m);
	put_routes(&x->w, s, &r.f);
	put_sinks_now(&x->w, s, &r.f);
	put_addressed(&x->w, s, facts, f);
	put_addressed_now(&x->w, s, &r.f);
	put_deliveries(&x->w, f);
}

/* The key that the webhook was verified by is in the entry of its arrival. */
static void put_key(struct json_writer *w, const struct store_item *items, size_t n)
{
	struct json_value v;
	struct span key;

	for (size_t i = 0; i < n; i++) {
		if (json_get(json_root(items[i].json), "unmapped", &v) && json_get(v, "key", &v) &&
			json_plain(v, &key) == ERR_OK) {
			json_member_span(w, "key", key);
			return;
		}
	}
}

/* An entry of the audit trail in its own words. */
static void put_entry(struct json_writer *w, struct span json)
{
	static const struct {
		const char *name;
		enum audit_field field;
	} member[] = {
		{ "action", AUDIT_ACTION },
		{ "outcome", AUDIT_OUTCOME },
		{ "reason", AUDIT_REASON },
		{ "actor", AUDIT_ACTOR },
		{ "sink", AUDIT_SINK },
		{ "status", AUDIT_STATUS },
		{ "detail", AUDIT_DETAIL },
	};
	CLEANUP(audit_entry_release) struct audit_entry e;

	audit_entry_init(&e);
	if (audit_entry_read(json, &e) != ERR_OK)
		return;
	json_object_begin(w);
	json_member_int(w, "seq", e.seq);
	json_member_wall(w, "time", e.at);
	for (size_t i = 0; i < ARRAY_SIZE(member); i++)
		json_member_opt(w, member[i].name, e.field[member[i].field]);
	json_object_end(w);
}

static void on_history(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct explanation *x = ctx;

	(void)more;
	if (e != ERR_OK) {
		reply_storage(x->req);
		explanation_free(x);
		return;
	}
	put_key(&x->w, items, n);
	json_key(&x->w, "history");
	json_array_begin(&x->w);
	for (size_t i = 0; i < n; i++)
		put_entry(&x->w, items[i].json);
	json_array_end(&x->w);
	json_object_end(&x->w);
	reply_page(x->req, &x->w, &x->page);
	explanation_free(x);
}

static void ask_history(struct explanation *x)
{
	const struct store_query q = {
		.list = LIST_AUDIT,
		.event_id = x->id,
		.limit = HISTORY_MAX,
	};

	if (store_query(x->daemon->store, &q, on_history, x) == ERR_OK)
		return;
	reply_storage(x->req);
	explanation_free(x);
}

static void on_found(void *ctx, enum err e, const struct store_found *found, size_t n, int64_t next)
{
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts facts;
	struct explanation *x = ctx;
	bool readable = n > 0 && cloudevent_read(found->body, &facts) == ERR_OK;

	(void)next;
	if (n == 0)
		buf_init(&facts.text, 0);
	if (readable) {
		put_event(x, found, &facts);
		ask_history(x);
		return;
	}
	if (e != ERR_OK)
		reply_storage(x->req);
	else if (n == 0)
		reply_problem(x->req, 404, "event-unknown", "No event has this id.");
	else
		reply_problem(x->req, 500, "event-unreadable", "What was kept cannot be read.");
	explanation_free(x);
}

void admin_explain(struct daemon *d, struct httpd_req *req, struct span arg)
{
	struct store_select q = {
		.from = FROM_ANY, .since = WALL_NONE, .until = WALL_NONE, .limit = 1
	};
	struct explanation *x;
	uint8_t id[UUID_BYTES];

	if (!order_event_id(req, arg, id))
		return;
	x = xcalloc(1, sizeof(*x));
	*x = (struct explanation){ .daemon = d, .req = req };
	memcpy(x->id, id, sizeof(x->id));
	buf_init(&x->page, ADMIN_PAGE_MAX);
	json_writer_init(&x->w, &x->page);
	q.event_id = x->id;
	if (store_select(d->store, &q, on_found, x) == ERR_OK)
		return;
	reply_storage(req);
	explanation_free(x);
}
