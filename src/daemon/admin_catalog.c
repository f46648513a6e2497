/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "conf/conf.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "model/catalog.h"
#include "model/ownership.h"
#include "relay/chronicle_entry.h"

/* One entity of the catalog: as it is, as it was, and whose it was at some time. */

#define HISTORY_ROWS 100

struct catalog_order {
	const char *ref;
	struct wall at;
	int64_t limit, cursor;
};

static const struct order_field catalog_fields[] = {
	{ "ref", ORDER_TEXT, offsetof(struct catalog_order, ref), ENTITY_TEXT_MAX },
	{ "at", ORDER_TIME, offsetof(struct catalog_order, at), 0 },
	{ "limit", ORDER_COUNT, offsetof(struct catalog_order, limit), ADMIN_ROWS_MOST },
	{ "cursor", ORDER_COUNT, offsetof(struct catalog_order, cursor), INT64_MAX },
};

/* A question while the store is asked. */
struct asked {
	struct daemon *daemon;
	struct httpd_req *req;
	struct wall at, now;
	char ref[ENTITY_TEXT_MAX + 1];
};

/* The question that the query asks, or NULL, and the request is answered. */
static struct asked *asked_read(struct daemon *d, struct httpd_req *req, struct catalog_order *o)
{
	CLEANUP(buf_release) struct buf text, ref;
	struct asked *a;

	buf_init(&text, ADMIN_PAGE_MAX);
	buf_init(&ref, ENTITY_TEXT_MAX);
	if (!order_read_query(req, catalog_fields, ARRAY_SIZE(catalog_fields), o, &text))
		return NULL;
	if (o->ref == NULL || entity_ref_parse(span_of(o->ref), "component", &ref) != ERR_OK) {
		reply_problem(req, 400, "reference",
			"ref is a reference such as component:default/parcel-api.");
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct asked){ .daemon = d, .req = req, .at = o->at, .now = clock_wall() };
	memcpy(a->ref, ref.data, ref.len);
	return a;
}

static void put_owners(struct json_writer *w, const struct ownership *o)
{
	size_t at = 0;
	struct span owner;

	json_key(w, "owners");
	json_array_begin(w);
	while (ownership_next_owner(o, &at, &owner))
		json_put_span(w, owner);
	json_array_end(w);
}

static void put_state(struct json_writer *w, const struct ownership *o)
{
	put_owners(w, o);
	json_member_opt(w, "uid", o->uid);
	json_member_opt(w, "repository", o->slug);
	json_member_bool(w, "orphan", o->orphan);
}

/* --- show --- */

/* As the catalog has it now. */
static void put_entity(struct json_writer *w, const struct entity *e)
{
	json_key(w, "entity");
	json_object_begin(w);
	json_member_opt(w, "uid", e->uid);
	json_member_opt(w, "etag", e->etag);
	json_member_opt(w, "type", e->type);
	json_member_opt(w, "lifecycle", e->lifecycle);
	json_member_opt(w, "system", e->system);
	json_member_opt(w, "repository", e->slug);
	json_member_bool(w, "orphan", e->orphan);
	json_member_spans(w, "owners", e->owner, e->owners);
	json_member_spans(w, "parents", e->parent, e->parents);
	json_object_end(w);
}

/* The word is what became of the state before, which is the next older row. */
static void put_change(struct json_writer *w, const struct store_ownership *row,
	const struct store_ownership *older)
{
	struct ownership is = entry_state(row), was;

	if (older != NULL)
		was = entry_state(older);
	json_object_begin(w);
	json_member_wall(w, "not_before", row->not_before);
	json_member_wall(w, "since", row->since);
	if (older != NULL || row->first)
		json_member_str(w, "change",
			row->not_before.ms == WALL_NONE.ms
				? "begins"
				: entry_reason(older == NULL ? NULL : &was, &is));
	json_member_bool(w, "gone", row->gone);
	put_state(w, &is);
	json_object_end(w);
}

static void on_history(void *ctx, enum err e, const struct store_ownership *rows, size_t n,
	bool more, struct wall begins)
{
	CLEANUP(freep) struct asked *a = ctx;
	CLEANUP(buf_release) struct buf page;
	const struct catalog *c = relay_catalog_now(a->daemon->relay);
	struct json_writer w;
	struct entity entity;
	bool is_there = c != NULL && catalog_get(c, span_of(a->ref), &entity);

	buf_init(&page, ADMIN_PAGE_MAX);
	if (e != ERR_OK) {
		reply_storage(a->req);
		return;
	}
	if (!is_there && n == 0) {
		reply_problem(a->req, 404, "entity-unknown",
			"The catalog has no such entity, and had none that the relay knew of.");
		return;
	}
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_str(&w, "ref", a->ref);
	if (is_there)
		put_entity(&w, &entity);
	json_member_wall(&w, "record_begins", begins);
	json_key(&w, "history");
	json_array_begin(&w);
	/* The last row asked for only tells what the one before it changed. */
	for (size_t i = 0; i < n && (i + 1 < n || !more); i++)
		put_change(&w, &rows[i], i + 1 < n ? &rows[i + 1] : NULL);
	json_array_end(&w);
	if (more && n > 1)
		json_member_int(&w, "next", rows[n - 2].seq);
	json_object_end(&w);
	reply_page(a->req, &w, &page);
}

void admin_catalog_entity(struct daemon *d, struct httpd_req *req, struct span arg)
{
	struct catalog_order o = { .at = WALL_NONE, .limit = HISTORY_ROWS };
	struct asked *a = asked_read(d, req, &o);
	struct store_ownership_query q = { .which = OWNERSHIP_ALL };

	(void)arg;
	if (a == NULL)
		return;
	q.ref = span_of(a->ref);
	q.cursor = o.cursor;
	q.limit = (unsigned)o.limit + 1;
	if (store_ownership(d->store, &q, on_history, a) == ERR_OK)
		return;
	reply_storage(req);
	free(a);
}

/* --- owners at a time --- */

static struct ownership_change change_of(const struct store_ownership *row)
{
	return (struct ownership_change){
		.state = entry_state(row),
		.not_before = row->not_before,
		.since = row->since,
		.first = row->first,
	};
}

/* From when on nothing has been removed. */
static struct wall whole_since(const struct asked *a)
{
	int64_t kept_ms = relay_setup_now(a->daemon->relay)->retention.ownership_ms;

	return kept_ms == 0 ? WALL_NONE : (struct wall){ a->now.ms - kept_ms };
}

static void refuse_before(const struct asked *a, const struct ownership_record *r)
{
	char from[WALL_TEXT_MAX], detail[256];
	struct wall begins = r->next == NULL ? r->begins : r->next->since;

	if (begins.ms == WALL_NONE.ms)
		snprintf(detail, sizeof(detail), "There is no record of owners yet.");
	else
		snprintf(detail, sizeof(detail),
			"Nothing is on record from then; what there is begins at %s.",
			wall_format(begins, from));
	reply_problem(a->req, 404, "before-record", detail);
}

static void reply_view(const struct asked *a, const struct ownership_view *v)
{
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_str(&w, "ref", a->ref);
	json_member_wall(&w, "at", a->at);
	json_member_bool(&w, "certain", v->word == OWNERSHIP_CERTAIN);
	json_member_bool(&w, "present", v->state != NULL);
	json_member_wall(&w, "from", v->from);
	json_member_wall(&w, "until", v->until);
	if (v->state != NULL)
		put_state(&w, v->state);
	if (v->or != NULL) {
		json_key(&w, "or");
		json_object_begin(&w);
		put_state(&w, v->or);
		json_object_end(&w);
	}
	json_object_end(&w);
	reply_page(a->req, &w, &page);
}

static void reply_at(const struct asked *a, const struct ownership_record *r)
{
	struct ownership_view v = ownership_at(r, a->at);

	switch (v.word) {
	case OWNERSHIP_CERTAIN:
	case OWNERSHIP_UNCERTAIN: reply_view(a, &v); return;
	case OWNERSHIP_UNKNOWN:
		reply_problem(a->req, 404, "entity-unknown",
			"The catalog had no such entity that the relay knew of.");
		return;
	case OWNERSHIP_BEFORE: refuse_before(a, r); return;
	case OWNERSHIP_FUTURE:
		reply_problem(a->req, 400, "future", "Nobody knows yet: that is in the future.");
		return;
	}
}

static void on_around(void *ctx, enum err e, const struct store_ownership *rows, size_t n,
	bool more, struct wall begins)
{
	CLEANUP(freep) struct asked *a = ctx;
	struct ownership_change then, next;
	struct ownership_record r = { .begins = begins, .now = a->now, .whole = whole_since(a) };
	size_t after = n > 0 && rows[0].since.ms <= a->at.ms;

	(void)more;
	if (e != ERR_OK) {
		reply_storage(a->req);
		return;
	}
	if (after > 0) {
		then = change_of(&rows[0]);
		r.then = &then;
	}
	if (after < n) {
		next = change_of(&rows[after]);
		r.next = &next;
	}
	r.confirmed = relay_stats(a->daemon->relay).owners_confirmed;
	reply_at(a, &r);
}

void admin_catalog_owners(struct daemon *d, struct httpd_req *req, struct span arg)
{
	struct catalog_order o = { .at = WALL_NONE };
	struct asked *a = asked_read(d, req, &o);
	struct store_ownership_query q = { .which = OWNERSHIP_AROUND, .limit = 2 };

	(void)arg;
	if (a == NULL)
		return;
	if (o.at.ms == WALL_NONE.ms)
		a->at = a->now;
	q.ref = span_of(a->ref);
	q.at = a->at;
	if (store_ownership(d->store, &q, on_around, a) == ERR_OK)
		return;
	reply_storage(req);
	free(a);
}
