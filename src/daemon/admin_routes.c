/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "base/map.h"
#include "conf/conf.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "relay/correlate.h"
#include "relay/walk.h"

/*
 * Runs the routes of another configuration over the events that were kept, and
 * says where they would have sent them, or whom told, otherwise than the routes in
 * use would.
 * Entities and owners are those found when the events came. Changes nothing.
 */

#define LISTED_MAX 1000
#define LOOK_SOME  100000
#define LOOK_MOST  10000000
#define SINCE_MS   ((int64_t)7 * 24 * 60 * 60 * 1000)
#define CONF_MAX   (1024 * 1024)

struct asked {
	const char *config, *name;
	struct wall since, until;
	int64_t limit;
};

static const struct order_field asked_fields[] = {
	{ "config", ORDER_TEXT, offsetof(struct asked, config), CONF_MAX },
	{ "name", ORDER_TEXT, offsetof(struct asked, name), 4096 },
	{ "since", ORDER_TIME, offsetof(struct asked, since), 0 },
	{ "until", ORDER_TIME, offsetof(struct asked, until), 0 },
	{ "limit", ORDER_COUNT, offsetof(struct asked, limit), LOOK_MOST },
};

/* How often a sink came and went. */
struct change {
	int64_t added, removed, readdressed;
};

struct trial {
	struct daemon *daemon;
	struct httpd_req *req;
	struct conf *conf; /* whose routes are tried */
	struct walk *walk;
	struct buf page;
	struct json_writer w;
	struct map changes; /* sink -> struct change */
	int64_t left, looked, changed;
	unsigned listed;
};

static void trial_free(struct trial *t)
{
	size_t at = 0;
	struct span key;
	void *change;

	while (map_next(&t->changes, &at, &key, &change))
		free(change);
	map_release(&t->changes);
	walk_free(t->walk);
	conf_free(t->conf);
	buf_release(&t->page);
	free(t);
}

static struct change *change_of(struct trial *t, const char *sink)
{
	struct change *c = map_get(&t->changes, span_of(sink));

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		IGNORE(map_put(&t->changes, span_of(sink), c) != NULL);
	}
	return c;
}

/* What an event's facts lead to, and whom each sink tells. */
struct choice {
	const char *sink[PLAN_SINKS];
	unsigned address[PLAN_SINKS];
	size_t n;
};

static void choice_make(
	struct choice *c, const struct route *routes, size_t n, const struct route_facts *f)
{
	c->n = routes_choose(routes, n, f, c->sink, PLAN_SINKS);
	for (size_t i = 0; i < c->n; i++)
		c->address[i] = routes_address(routes, n, f, c->sink[i]);
}

/* 0: not this sink. */
static unsigned choice_address(const struct choice *c, const char *sink)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->sink[i], sink) == 0)
			return c->address[i];
	}
	return 0;
}

/* Does a sink of this name tell people, in the configuration that is tried? */
static bool tells_people(const struct conf *c, const char *sink)
{
	for (size_t i = 0; i < c->sinks; i++) {
		if (strcmp(c->sink[i].name, sink) == 0)
			return strcmp(c->sink[i].type, "backstage-notifications") == 0;
	}
	return false;
}

/* Sinks of both that tell others after it. Fills list and says how many. */
static size_t choice_readdressed(const struct conf *c, const struct choice *before,
	const struct choice *after, const char *list[PLAN_SINKS])
{
	size_t n = 0;

	for (size_t i = 0; i < after->n; i++) {
		unsigned was = choice_address(before, after->sink[i]);

		if (was != 0 && was != after->address[i] && tells_people(c, after->sink[i]))
			list[n++] = after->sink[i];
	}
	return n;
}

/* The sinks of one that the other lacks. Fills missing and says how many. */
static size_t choice_minus(
	const struct choice *a, const struct choice *b, const char *missing[PLAN_SINKS])
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (choice_address(b, a->sink[i]) == 0)
			missing[n++] = a->sink[i];
	}
	return n;
}

static void put_sinks(struct json_writer *w, const char *key, const char *const *sink, size_t n)
{
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, sink[i]);
	json_array_end(w);
}

static void trial_differs(struct trial *t, const struct store_found *f, const struct choice *before,
	const struct choice *after)
{
	const char *added[PLAN_SINKS], *removed[PLAN_SINKS], *other[PLAN_SINKS];
	size_t added_n = choice_minus(after, before, added);
	size_t removed_n = choice_minus(before, after, removed);
	size_t other_n = choice_readdressed(t->conf, before, after, other);
	char id[UUID_TEXT_MAX];

	if (added_n + removed_n + other_n == 0)
		return;
	t->changed++;
	for (size_t i = 0; i < added_n; i++)
		change_of(t, added[i])->added++;
	for (size_t i = 0; i < removed_n; i++)
		change_of(t, removed[i])->removed++;
	for (size_t i = 0; i < other_n; i++)
		change_of(t, other[i])->readdressed++;
	if (t->listed++ >= LISTED_MAX)
		return;
	json_object_begin(&t->w);
	json_member_str(&t->w, "event", uuid_format(f->id, id));
	json_member_wall(&t->w, "received", f->received);
	json_member_span(&t->w, "repository", f->repository);
	json_member_span(&t->w, "outcome", f->outcome);
	put_sinks(&t->w, "added", added, added_n);
	put_sinks(&t->w, "removed", removed, removed_n);
	put_sinks(&t->w, "readdressed", other, other_n);
	json_object_end(&t->w);
}

static bool on_event(void *ctx, const struct store_found *f, const struct cloudevent_facts *facts)
{
	struct trial *t = ctx;
	const struct relay_setup *s = relay_setup_now(t->daemon->relay);
	struct choice before, after;
	struct recalled r;

	if (facts != NULL) {
		recall(&r, f->source, facts);
		choice_make(&before, s->route, s->routes, &r.f);
		choice_make(&after, t->conf->route, t->conf->routes, &r.f);
		trial_differs(t, f, &before, &after);
	}
	t->looked++;
	return --t->left > 0;
}

static void trial_reply(struct trial *t, int64_t next)
{
	struct json_writer *w = &t->w;
	size_t at = 0;
	struct span sink;
	void *value;

	json_array_end(w);
	json_member_int(w, "looked", t->looked);
	json_member_int(w, "changed", t->changed);
	json_member_bool(w, "complete", next == 0);
	json_key(w, "sinks");
	json_array_begin(w);
	while (map_next(&t->changes, &at, &sink, &value)) {
		const struct change *c = value;

		json_object_begin(w);
		json_member_span(w, "sink", sink);
		json_member_int(w, "added", c->added);
		json_member_int(w, "removed", c->removed);
		json_member_int(w, "readdressed", c->readdressed);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
	reply_page(t->req, w, &t->page);
}

static void on_page(void *ctx, enum err e, int64_t next)
{
	struct trial *t = ctx;

	if (e == ERR_OK && next != 0 && t->left > 0) {
		e = walk_page(t->walk);
		if (e == ERR_OK)
			return;
	}
	if (e == ERR_OK)
		trial_reply(t, next);
	else
		reply_storage(t->req);
	trial_free(t);
}

static struct trial *trial_new(
	struct daemon *d, struct httpd_req *req, struct conf *conf, const struct asked *asked)
{
	static const struct walk_ops ops = { .on_event = on_event, .on_page = on_page };
	const struct walk_filter filter = {
		.from = FROM_HISTORY,
		.since = asked->since,
		.until = asked->until,
	};
	struct trial *t = xcalloc(1, sizeof(*t));

	*t = (struct trial){ .daemon = d, .req = req, .conf = conf, .left = asked->limit };
	map_init(&t->changes);
	buf_init(&t->page, ADMIN_PAGE_MAX);
	json_writer_init(&t->w, &t->page);
	json_object_begin(&t->w);
	json_key(&t->w, "items");
	json_array_begin(&t->w);
	t->walk = walk_new(d->store, &filter, &ops, t);
	return t;
}

void admin_routes_test(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text;
	CLEANUP(freep) char *why = NULL;
	struct asked asked = {
		.name = "configuration",
		.since = { clock_wall().ms - SINCE_MS },
		.until = WALL_NONE,
		.limit = LOOK_SOME,
	};
	struct conf *conf;
	struct trial *t;

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_body(req, asked_fields, ARRAY_SIZE(asked_fields), &asked, &text))
		return;
	if (asked.config == NULL || asked.limit == 0) {
		reply_problem(req, 400, "body", "config is the text of a configuration.");
		return;
	}
	if (conf_parse(span_of(asked.config), asked.name, &conf, &why) != ERR_OK) {
		reply_problem(req, 400, "configuration", why);
		return;
	}
	t = trial_new(d, req, conf, &asked);
	if (walk_page(t->walk) == ERR_OK)
		return;
	reply_storage(req);
	trial_free(t);
}
