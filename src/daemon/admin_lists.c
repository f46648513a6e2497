/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "store/store.h"

/* Lists of what the store has, page by page. */

struct list_order {
	int64_t limit, cursor;
	const char *state;
};

static const struct order_field list_fields[] = {
	{ "limit", ORDER_COUNT, offsetof(struct list_order, limit), ADMIN_ROWS_MOST },
	{ "cursor", ORDER_COUNT, offsetof(struct list_order, cursor), INT64_MAX },
	{ "state", ORDER_TEXT, offsetof(struct list_order, state), 0 },
};

static void on_items(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct httpd_req *req = ctx;
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	if (e != ERR_OK) {
		reply_storage(req);
		return;
	}
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_key(&w, "items");
	json_array_begin(&w);
	for (size_t i = 0; i < n; i++)
		json_put_raw(&w, items[i].json);
	json_array_end(&w);
	if (more && n > 0)
		json_member_int(&w, "next", items[n - 1].cursor);
	json_object_end(&w);
	reply_page(req, &w, &page);
}

static void on_one(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct httpd_req *req = ctx;

	(void)more;
	if (e != ERR_OK)
		reply_storage(req);
	else if (n == 0)
		reply_problem(req, 404, "event-unknown", "No event has this id.");
	else
		reply_text(req, 200, "application/json", items[0].json);
}

static bool state_is_known(const char *state)
{
	static const char *const word[] = { "pending", "done", "dead" };

	for (size_t i = 0; state != NULL && i < ARRAY_SIZE(word); i++) {
		if (strcmp(state, word[i]) == 0)
			return true;
	}
	return state == NULL;
}

static void list(struct daemon *d, struct httpd_req *req, enum store_list which)
{
	CLEANUP(buf_release) struct buf text;
	struct list_order order = { .limit = ADMIN_ROWS };
	struct store_query q = { .list = which };

	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_query(req, list_fields, ARRAY_SIZE(list_fields), &order, &text))
		return;
	if (!state_is_known(order.state)) {
		reply_problem(req, 400, "query", "state is pending, done or dead.");
		return;
	}
	q.limit = (unsigned)order.limit;
	q.cursor = order.cursor;
	q.delivery_state = order.state;
	if (store_query(d->store, &q, on_items, req) != ERR_OK)
		reply_storage(req);
}

void admin_events(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)arg;
	list(d, req, LIST_EVENTS);
}

void admin_quarantine(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)arg;
	list(d, req, LIST_QUARANTINE);
}

void admin_deliveries(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)arg;
	list(d, req, LIST_DELIVERIES);
}

void admin_audit(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)arg;
	list(d, req, LIST_AUDIT);
}

void admin_event(struct daemon *d, struct httpd_req *req, struct span arg)
{
	uint8_t id[UUID_BYTES];
	struct store_query q = { .list = LIST_EVENTS, .event_id = id, .limit = 1 };

	if (!order_event_id(req, arg, id))
		return;
	if (store_query(d->store, &q, on_one, req) != ERR_OK)
		reply_storage(req);
}
