/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "model/sink.h"
#include "relay/replay.h"

/* A dry run lists so many events, and counts the others. */
#define LISTED_MAX 1000
#define LIMIT_MAX  1000000000

struct asked {
	const char *event, *from, *sink, *owner, *repository, *reason;
	struct wall since, until;
	int64_t limit;
	bool dry_run;
};

static const struct order_field asked_fields[] = {
	{ "event", ORDER_TEXT, offsetof(struct asked, event), 0 },
	{ "from", ORDER_TEXT, offsetof(struct asked, from), 0 },
	{ "since", ORDER_TIME, offsetof(struct asked, since), 0 },
	{ "until", ORDER_TIME, offsetof(struct asked, until), 0 },
	{ "sink", ORDER_TEXT, offsetof(struct asked, sink), 0 },
	{ "owner", ORDER_TEXT, offsetof(struct asked, owner), 0 },
	{ "repository", ORDER_TEXT, offsetof(struct asked, repository), 0 },
	{ "limit", ORDER_COUNT, offsetof(struct asked, limit), LIMIT_MAX },
	{ "dry_run", ORDER_FLAG, offsetof(struct asked, dry_run), 0 },
	{ "reason", ORDER_TEXT, offsetof(struct asked, reason), 4096 },
};

/* The answer in the making. */
struct answer {
	struct httpd_req *req;
	bool dry_run;
	struct buf page;
	struct json_writer w;
	unsigned listed;
};

static void on_event(
	void *ctx, const struct store_found *f, const char *const *sinks, size_t sinks_n)
{
	struct answer *a = ctx;
	char id[UUID_TEXT_MAX];

	if (a->listed == LISTED_MAX)
		return;
	a->listed++;
	json_object_begin(&a->w);
	json_member_str(&a->w, "event", uuid_format(f->id, id));
	json_member_wall(&a->w, "received", f->received);
	json_member_span(&a->w, "repository", f->repository);
	json_member_span(&a->w, "outcome", f->outcome);
	json_key(&a->w, "sinks");
	json_array_begin(&a->w);
	for (size_t i = 0; i < sinks_n; i++)
		json_put_str(&a->w, sinks[i]);
	json_array_end(&a->w);
	json_object_end(&a->w);
}

static void answer_free(struct answer *a)
{
	buf_release(&a->page);
	free(a);
}

/* What is done stays done, so an order that broke off says how far it came. */
static void on_end(void *ctx, const struct replay_result *r)
{
	struct answer *a = ctx;
	struct json_writer *w = &a->w;

	if (r->err != ERR_OK && !r->begun) {
		reply_storage(a->req);
		answer_free(a);
		return;
	}
	json_array_end(w);
	json_member_bool(w, "dry_run", a->dry_run);
	json_member_bool(w, "complete", r->complete);
	if (r->err != ERR_OK)
		json_member_str(w, "trouble", "The store could not be asked any more.");
	json_member_int(w, "events", (int64_t)r->events);
	json_member_int(w, "deliveries", (int64_t)r->deliveries);
	json_member_int(w, "outstanding", (int64_t)r->outstanding);
	json_member_int(w, "unconfigured", (int64_t)r->unconfigured);
	json_member_int(w, "parked", (int64_t)r->parked);
	json_member_int(w, "unreadable", (int64_t)r->unreadable);
	json_object_end(w);
	reply_page(a->req, w, &a->page);
	answer_free(a);
}

static bool from_read(const char *word, enum store_from *from)
{
	static const struct {
		const char *word;
		enum store_from from;
	} known[] = {
		{ "dead", FROM_DEAD },
		{ "quarantine", FROM_PARKED },
		{ "history", FROM_HISTORY },
	};

	*from = FROM_ANY;
	for (size_t i = 0; word != NULL && i < ARRAY_SIZE(known); i++) {
		if (strcmp(word, known[i].word) == 0) {
			*from = known[i].from;
			return true;
		}
	}
	return word == NULL;
}

/* Answered if it is no order that can be carried out. */
static bool order_make(const struct daemon *d, struct httpd_req *req, const struct asked *asked,
	uint8_t id[UUID_BYTES], struct replay_order *o)
{
	o->limit = (uint64_t)asked->limit;
	o->dry_run = asked->dry_run;
	o->reason = asked->dry_run ? "" : asked->reason;
	o->filter = (struct walk_filter){
		.event_id = asked->event == NULL ? NULL : id,
		.since = asked->since,
		.until = asked->until,
		.sink = asked->sink,
		.owner = asked->owner,
		.repository = asked->repository,
	};
	if (asked->event != NULL && !order_event_id(req, span_of(asked->event), id))
		return false;
	if (!from_read(asked->from, &o->filter.from) ||
		(asked->event == NULL && asked->from == NULL))
		reply_problem(req, 400, "from",
			"Say which event, or from where: dead, quarantine or history.");
	else if (asked->sink != NULL && !relay_has_sink(d->relay, asked->sink))
		reply_problem(req, 400, "sink", "There is no such sink in the configuration.");
	else if (o->filter.from == FROM_PARKED && asked->sink != NULL)
		reply_problem(req, 400, "sink",
			"From quarantine an event goes where the routes say; leave out the sink.");
	else
		return asked->dry_run || order_has_reason(req, asked->reason);
	return false;
}

static void replay(struct daemon *d, struct httpd_req *req, const struct replay_order *o)
{
	static const struct replay_ops ops = { .on_event = on_event, .on_end = on_end };
	struct answer *a = xcalloc(1, sizeof(*a));
	enum err e;

	a->req = req;
	a->dry_run = o->dry_run;
	buf_init(&a->page, ADMIN_PAGE_MAX);
	json_writer_init(&a->w, &a->page);
	json_object_begin(&a->w);
	json_key(&a->w, "items");
	json_array_begin(&a->w);
	e = replay_start(d->relay, o, &ops, a);
	if (e == ERR_OK)
		return;
	if (e == ERR_BUSY)
		reply_problem(req, 409, "replay-under-way", "Another replay is under way.");
	else
		reply_storage(req);
	answer_free(a);
}

/* The answer comes at the end, however long it takes; it goes on if nobody waits. */
void admin_replay(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text;
	char actor[ACTOR_MAX];
	uint8_t id[UUID_BYTES];
	struct asked asked = { .since = WALL_NONE, .until = WALL_NONE };
	struct replay_order o = { .actor = order_actor(req, actor) };

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_body(req, asked_fields, ARRAY_SIZE(asked_fields), &asked, &text) ||
		!order_make(d, req, &asked, id, &o))
		return;
	if (d->stopping)
		reply_problem(req, 503, "stopping", "The daemon is stopping.");
	else
		replay(d, req, &o);
}
