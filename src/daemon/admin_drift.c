/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/map.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "model/catalog.h"
#include "model/ownership.h"
#include "store/store.h"

/*
 * Where the catalog and what is built have drifted apart. The events of so many
 * days are gone through page by page, then the catalog some entities at a time;
 * between two of these others have their turn, as each goes through the store.
 */

#define DAYS       30
#define DAYS_MOST  3650
#define DAY_MS     ((int64_t)24 * 60 * 60 * 1000)
#define PAGE_ROWS  1000
#define STEP       1000 /* entities looked at in one turn */
#define LISTED_MAX 1000 /* of each list; the rest is counted */
#define CANDIDATES 32   /* entities of one repository that are looked at */

struct drift_order {
	int64_t days;
};

static const struct order_field drift_fields[] = {
	{ "days", ORDER_COUNT, offsetof(struct drift_order, days), DAYS_MOST },
};

/* A repository that was built, or an owner that is in no catalog. */
struct tally {
	int64_t n;
	struct wall last;
	char ref[]; /* of an entity with it */
};

/* A list as it grows. */
struct finding {
	struct buf text;
	struct json_writer w;
	int64_t total;
};

struct drift {
	struct daemon *daemon;
	struct httpd_req *req;
	struct wall since;
	int64_t days, cursor, events;
	struct wall oldest; /* event there is within the time */
	struct map built;   /* folded repository -> struct tally */
	struct map dead;    /* owner -> struct tally */
	struct buf at;      /* the ref of the last entity looked at */
	struct finding repositories, entities, mappings;
	struct entity same[CANDIDATES];
	struct buf owners[2];
};

static void finding_init(struct finding *f)
{
	buf_init(&f->text, ADMIN_PAGE_MAX);
	json_writer_init(&f->w, &f->text);
	json_array_begin(&f->w);
}

/* Count one more; true if it is to be listed. */
static bool finding_add(struct finding *f)
{
	return f->total++ < LISTED_MAX;
}

static void tallies_free(struct map *m)
{
	size_t at = 0;
	struct span key;
	void *value;

	while (map_next(m, &at, &key, &value))
		free(value);
	map_release(m);
}

static void drift_free(struct drift *x)
{
	tallies_free(&x->built);
	tallies_free(&x->dead);
	buf_release(&x->at);
	buf_release(&x->repositories.text);
	buf_release(&x->entities.text);
	buf_release(&x->mappings.text);
	buf_release(&x->owners[0]);
	buf_release(&x->owners[1]);
	free(x);
}

static void drift_fail(struct drift *x)
{
	reply_storage(x->req);
	drift_free(x);
}

/* The tally of a key; what makes it first is kept with it. */
static struct tally *tally_of(struct map *m, struct span key, struct span ref)
{
	struct tally *t = map_get(m, key);

	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof(*t) + ref.n + 1);
	memcpy(t->ref, ref.p, ref.n);
	IGNORE(map_put(m, key, t) != NULL);
	return t;
}

/* --- the answer --- */

static void put_list(struct json_writer *w, const char *key, struct finding *f)
{
	json_array_end(&f->w);
	json_key(w, key);
	json_object_begin(w);
	json_member_int(w, "total", f->total);
	json_key(w, "items");
	json_put_raw(w, buf_span(&f->text));
	json_object_end(w);
}

static void put_dead(struct json_writer *w, const struct map *dead)
{
	size_t at = 0, listed = 0;
	struct span owner;
	void *value;

	json_key(w, "owners");
	json_object_begin(w);
	json_member_int(w, "total", (int64_t)dead->count);
	json_key(w, "items");
	json_array_begin(w);
	while (listed++ < LISTED_MAX && map_next(dead, &at, &owner, &value)) {
		const struct tally *t = value;

		json_object_begin(w);
		json_member_span(w, "owner", owner);
		json_member_int(w, "entities", t->n);
		json_member_str(w, "entity", t->ref);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

static void drift_reply(struct drift *x)
{
	const struct catalog *c = relay_catalog_now(x->daemon->relay);
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_int(&w, "days", x->days);
	json_member_wall(&w, "since", x->since);
	json_member_int(&w, "events", x->events);
	json_member_wall(&w, "oldest_event", x->oldest);
	put_list(&w, "repositories", &x->repositories);
	put_list(&w, "entities", &x->entities);
	put_dead(&w, &x->dead);
	put_list(&w, "mappings", &x->mappings);
	json_member_int(&w, "shared_names", c == NULL ? 0 : (int64_t)catalog_shared_aliases(c));
	json_object_end(&w);
	reply_page(x->req, &w, &page);
	drift_free(x);
}

/* --- the catalog --- */

/* An entity of which nothing was built. */
static void check_built(struct drift *x, const struct entity *e)
{
	char folded[ENTITY_TEXT_MAX];

	if (map_get(&x->built, span_lower(e->slug, folded, sizeof(folded))) != NULL ||
		!finding_add(&x->entities))
		return;
	json_object_begin(&x->entities.w);
	json_member_span(&x->entities.w, "entity", e->ref);
	json_member_span(&x->entities.w, "repository", e->slug);
	json_object_end(&x->entities.w);
}

static void check_owners(struct drift *x, const struct catalog *c, const struct entity *e)
{
	struct entity owner;

	for (size_t i = 0; i < e->owners; i++) {
		/* The relay keeps no other kinds for certain. */
		if (ownership_is_of(e->owner[i]) || catalog_get(c, e->owner[i], &owner))
			continue;
		tally_of(&x->dead, e->owner[i], e->ref)->n++;
	}
}

static bool owners_differ(struct drift *x, const struct entity *a, const struct entity *b)
{
	struct ownership x0, x1;

	return ownership_of(a, &x->owners[0], &x0) == ERR_OK &&
	       ownership_of(b, &x->owners[1], &x1) == ERR_OK && !span_eq(x0.owners, x1.owners);
}

static void put_mapping(struct json_writer *w, struct span slug, const struct entity *e, size_t n)
{
	json_object_begin(w);
	json_member_span(w, "repository", slug);
	json_key(w, "entities");
	json_array_begin(w);
	for (size_t i = 0; i < n; i++) {
		json_object_begin(w);
		json_member_span(w, "entity", e[i].ref);
		json_key(w, "owners");
		json_array_begin(w);
		for (size_t k = 0; k < e[i].owners; k++)
			json_put_span(w, e[i].owner[k]);
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

/* Whom does a build of it belong to? Looked at once, by the first of its entities. */
static void check_mapping(struct drift *x, const struct catalog *c, const struct entity *e)
{
	size_t n = catalog_find(c, e->slug, x->same, CANDIDATES);
	bool ambiguous = false;

	n = n > CANDIDATES ? CANDIDATES : n;
	if (n == 0 || !span_eq(x->same[0].ref, e->ref))
		return;
	for (size_t i = 0; i < n; i++)
		ambiguous = ambiguous || x->same[i].owners == 0 ||
			    (i > 0 && owners_differ(x, &x->same[0], &x->same[i]));
	if (ambiguous && finding_add(&x->mappings))
		put_mapping(&x->mappings.w, e->slug, x->same, n);
}

static void on_turn(void *ctx, enum err e, int64_t version, struct span value);

/* Let others have their turn, and come back. */
static void drift_yield(struct drift *x)
{
	if (store_get(x->daemon->store, "heartbeat", SPAN("-"), on_turn, x) != ERR_OK)
		drift_fail(x);
}

/* The catalog may be another one each time: what counts is the ref. */
static void on_turn(void *ctx, enum err e, int64_t version, struct span value)
{
	struct drift *x = ctx;
	const struct catalog *c = relay_catalog_now(x->daemon->relay);
	size_t at = c == NULL ? 0 : catalog_after(c, buf_span(&x->at));
	struct entity entity;

	(void)version;
	(void)value;
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		drift_fail(x);
		return;
	}
	for (size_t i = 0; i < STEP; i++) {
		if (c == NULL || !catalog_at(c, at + i, &entity)) {
			drift_reply(x);
			return;
		}
		check_owners(x, c, &entity);
		if (entity.slug.n > 0) {
			check_built(x, &entity);
			check_mapping(x, c, &entity);
		}
	}
	buf_clear(&x->at);
	IGNORE(buf_add_span(&x->at, entity.ref));
	drift_yield(x);
}

/* --- what was built --- */

static void check_claimed(struct drift *x)
{
	const struct catalog *c = relay_catalog_now(x->daemon->relay);
	struct json_writer *w = &x->repositories.w;
	struct span repository;
	size_t at = 0;
	void *value;

	while (map_next(&x->built, &at, &repository, &value)) {
		const struct tally *t = value;

		if ((c != NULL && catalog_find(c, repository, NULL, 0) > 0) ||
			!finding_add(&x->repositories))
			continue;
		json_object_begin(w);
		json_member_str(w, "repository", t->ref);
		json_member_int(w, "events", t->n);
		json_member_wall(w, "last", t->last);
		json_object_end(w);
	}
}

/* Take an event; false if it is too old. */
static bool take_event(struct drift *x, struct span json)
{
	struct json_value root = json_root(json), v;
	struct span repository, text;
	char folded[ENTITY_TEXT_MAX];
	struct wall received;
	struct tally *t;

	if (!json_get(root, "received", &v) || json_plain(v, &text) != ERR_OK ||
		wall_parse(text, &received) != ERR_OK)
		return true;
	if (received.ms < x->since.ms)
		return false;
	x->events++;
	x->oldest = received;
	/* An operator event is of no repository. */
	if (!json_get(root, "repository", &v) || json_plain(v, &repository) != ERR_OK ||
		repository.n == 0)
		return true;
	t = tally_of(&x->built, span_lower(repository, folded, sizeof(folded)), repository);
	t->last = t->n++ == 0 ? received : t->last;
	return true;
}

static void on_events(void *ctx, enum err e, const struct store_item *items, size_t n, bool more);

static void drift_read(struct drift *x)
{
	const struct store_query q = {
		.list = LIST_EVENTS,
		.cursor = x->cursor,
		.limit = PAGE_ROWS,
	};

	if (store_query(x->daemon->store, &q, on_events, x) != ERR_OK)
		drift_fail(x);
}

static void on_events(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct drift *x = ctx;
	bool young = true;

	if (e != ERR_OK) {
		drift_fail(x);
		return;
	}
	for (size_t i = 0; young && i < n; i++) {
		x->cursor = items[i].cursor;
		young = take_event(x, items[i].json);
	}
	if (young && more && n > 0) {
		drift_read(x);
		return;
	}
	check_claimed(x);
	drift_yield(x);
}

void admin_catalog_drift(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text;
	struct drift_order o = { .days = DAYS };
	struct drift *x;

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_query(req, drift_fields, ARRAY_SIZE(drift_fields), &o, &text))
		return;
	x = xcalloc(1, sizeof(*x));
	x->daemon = d;
	x->req = req;
	x->days = o.days;
	x->since.ms = clock_wall().ms - o.days * DAY_MS;
	x->oldest = WALL_NONE;
	map_init(&x->built);
	map_init(&x->dead);
	buf_init(&x->at, ENTITY_TEXT_MAX);
	buf_init(&x->owners[0], ADMIN_PAGE_MAX);
	buf_init(&x->owners[1], ADMIN_PAGE_MAX);
	finding_init(&x->repositories);
	finding_init(&x->entities);
	finding_init(&x->mappings);
	drift_read(x);
}
