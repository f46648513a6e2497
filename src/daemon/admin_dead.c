/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "relay/walk.h"

/* Dead letters, oldest first: what a replay from there would find. */

struct dead_order {
	const char *sink, *owner, *repository;
	struct wall since, until;
	int64_t limit, cursor;
};

static const struct order_field dead_fields[] = {
	{ "sink", ORDER_TEXT, offsetof(struct dead_order, sink), 0 },
	{ "owner", ORDER_TEXT, offsetof(struct dead_order, owner), 0 },
	{ "repository", ORDER_TEXT, offsetof(struct dead_order, repository), 0 },
	{ "since", ORDER_TIME, offsetof(struct dead_order, since), 0 },
	{ "until", ORDER_TIME, offsetof(struct dead_order, until), 0 },
	{ "limit", ORDER_COUNT, offsetof(struct dead_order, limit), ADMIN_ROWS_MOST },
	{ "cursor", ORDER_COUNT, offsetof(struct dead_order, cursor), INT64_MAX },
};

struct dead_list {
	struct httpd_req *req;
	struct walk *walk;
	struct buf page;
	struct json_writer w;
	char *sink;
	int64_t left;
};

static void list_free(struct dead_list *l)
{
	walk_free(l->walk);
	buf_release(&l->page);
	free(l->sink);
	free(l);
}

static void put_dead(struct json_writer *w, const struct store_found *f,
	const struct store_sent *sent, const struct cloudevent_facts *facts)
{
	char id[UUID_TEXT_MAX];

	json_object_begin(w);
	json_member_str(w, "event", uuid_format(f->id, id));
	json_member_wall(w, "received", f->received);
	json_member_span(w, "repository", f->repository);
	json_member_span(w, "outcome", f->outcome);
	json_key(w, "owners");
	json_array_begin(w);
	for (size_t i = 0; facts != NULL && i < facts->owners; i++)
		json_put_span(w, facts->owner[i]);
	json_array_end(w);
	json_member_str(w, "sink", sent->sink);
	json_member_int(w, "tries", sent->tries);
	json_member_int(w, "status", sent->status);
	json_member_wall(w, "updated", sent->updated);
	json_member_span(w, "note", sent->note);
	json_object_end(w);
}

static bool on_event(void *ctx, const struct store_found *f, const struct cloudevent_facts *facts)
{
	struct dead_list *l = ctx;

	for (size_t i = 0; i < f->sent_n; i++) {
		if (f->sent[i].state != SENT_DEAD ||
			(l->sink != NULL && strcmp(l->sink, f->sent[i].sink) != 0))
			continue;
		put_dead(&l->w, f, &f->sent[i], facts);
		l->left--;
	}
	return l->left > 0;
}

static void list_reply(struct dead_list *l, int64_t next)
{
	json_array_end(&l->w);
	if (next != 0)
		json_member_int(&l->w, "next", next);
	json_object_end(&l->w);
	reply_page(l->req, &l->w, &l->page);
}

static void on_page(void *ctx, enum err e, int64_t next)
{
	struct dead_list *l = ctx;

	if (e == ERR_OK && next != 0 && l->left > 0) {
		e = walk_page(l->walk);
		if (e == ERR_OK)
			return;
	}
	if (e == ERR_OK)
		list_reply(l, next);
	else
		reply_storage(l->req);
	list_free(l);
}

static struct dead_list *list_new(
	struct daemon *d, struct httpd_req *req, const struct dead_order *o)
{
	static const struct walk_ops ops = { .on_event = on_event, .on_page = on_page };
	const struct walk_filter filter = {
		.from = FROM_DEAD,
		.since = o->since,
		.until = o->until,
		.sink = o->sink,
		.owner = o->owner,
		.repository = o->repository,
		.after_seq = o->cursor,
	};
	struct dead_list *l = xcalloc(1, sizeof(*l));

	l->req = req;
	l->sink = o->sink == NULL ? NULL : xstrdup(o->sink);
	l->left = o->limit;
	l->walk = walk_new(d->store, &filter, &ops, l);
	buf_init(&l->page, ADMIN_PAGE_MAX);
	json_writer_init(&l->w, &l->page);
	json_object_begin(&l->w);
	json_key(&l->w, "items");
	json_array_begin(&l->w);
	return l;
}

void admin_dead(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf text;
	struct dead_order o = { .since = WALL_NONE, .until = WALL_NONE, .limit = ADMIN_ROWS };
	struct dead_list *l;

	(void)arg;
	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_query(req, dead_fields, ARRAY_SIZE(dead_fields), &o, &text))
		return;
	l = list_new(d, req, &o);
	if (walk_page(l->walk) == ERR_OK)
		return;
	reply_storage(req);
	list_free(l);
}
