/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin.h"

#include "base/codec.h"
#include "base/json_write.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/status.h"
#include "store/store.h"

#define PAGE_MAX   (16 * 1024 * 1024)
#define LIMIT_MOST 1000
#define LIMIT_SOME 50

static void reply_problem(struct httpd_req *req, int status, const char *type, const char *detail)
{
	struct httpd_problem p = { .status = status, .type = type, .detail = detail };

	httpd_reply_problem(req, &p);
}

static void reply_text(struct httpd_req *req, int status, const char *type, struct span body)
{
	struct httpd_answer a = { .status = status, .content_type = type, .body = body };

	httpd_reply(req, &a);
}

/* --- for probes and scrapers --- */

/* Alive: the loop turns. */
static void on_healthz(struct daemon *d, struct httpd_req *req)
{
	(void)d;
	reply_text(req, 200, "text/plain; charset=utf-8", SPAN("ok\n"));
}

/* Ready: a webhook that comes now would be kept. */
static void on_readyz(struct daemon *d, struct httpd_req *req)
{
	if (d->stopping)
		reply_problem(req, 503, "stopping", "The daemon is stopping.");
	else if (!relay_is_ready(d->relay))
		reply_problem(req, 503, "starting", "What an earlier run left is being read.");
	else if (store_health(d->store) != STORE_OK)
		reply_problem(req, 503, "storage", "The store takes no events now.");
	else
		reply_text(req, 200, "text/plain; charset=utf-8", SPAN("ready\n"));
}

static void on_metrics(struct daemon *d, struct httpd_req *req)
{
	CLEANUP(buf_release) struct buf page;

	buf_init(&page, PAGE_MAX);
	if (metrics_write(d, &page) != ERR_OK)
		reply_problem(req, 500, "too-large", "The page is too large.");
	else
		reply_text(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&page));
}

/* --- for stagewirectl --- */

static void on_status(struct daemon *d, struct httpd_req *req)
{
	CLEANUP(buf_release) struct buf page;

	buf_init(&page, PAGE_MAX);
	if (status_write(d, &page) != ERR_OK)
		reply_problem(req, 500, "too-large", "The answer is too large.");
	else
		reply_text(req, 200, "application/json", buf_span(&page));
}

static void on_items(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct httpd_req *req = ctx;
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, PAGE_MAX);
	if (e != ERR_OK) {
		reply_problem(req, 503, "storage", "The store cannot be read now.");
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
	if (json_done(&w) != ERR_OK)
		reply_problem(req, 500, "too-large", "Ask for fewer at once.");
	else
		reply_text(req, 200, "application/json", buf_span(&page));
}

static void on_one(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct httpd_req *req = ctx;

	(void)more;
	if (e != ERR_OK)
		reply_problem(req, 503, "storage", "The store cannot be read now.");
	else if (n == 0)
		reply_problem(req, 404, "event-unknown", "No event has this id.");
	else
		reply_text(req, 200, "application/json", items[0].json);
}

static bool query_int(struct span query, const char *name, int64_t most, int64_t *n)
{
	struct span value;
	int64_t v = 0;

	if (form_find(query, name, &value) != ERR_OK)
		return true;
	if (value.n == 0 || value.n > 18)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (value.p[i] - '0');
	}
	*n = v;
	return v <= most;
}

/* One of the words that a delivery's state can be, or NULL if another was asked for. */
static bool query_state(struct span query, const char **state)
{
	static const char *const word[] = { "pending", "done", "dead" };
	struct span value;

	*state = NULL;
	if (form_find(query, "state", &value) != ERR_OK)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		if (span_is(value, word[i]))
			*state = word[i];
	}
	return *state != NULL;
}

static void list(struct daemon *d, struct httpd_req *req, enum store_list which)
{
	struct span query = httpd_req_query(req);
	struct store_query q = { .list = which };
	int64_t limit = LIMIT_SOME;

	if (!query_int(query, "limit", LIMIT_MOST, &limit) ||
		!query_int(query, "cursor", INT64_MAX, &q.cursor) ||
		!query_state(query, &q.delivery_state)) {
		reply_problem(req, 400, "query",
			"limit is 1 to 1000, cursor a number, state pending, done or dead.");
		return;
	}
	q.limit = (unsigned)limit;
	if (store_query(d->store, &q, on_items, req) != ERR_OK)
		reply_problem(req, 503, "storage", "The store cannot be read now.");
}

static void on_events(struct daemon *d, struct httpd_req *req)
{
	list(d, req, LIST_EVENTS);
}

static void on_quarantine(struct daemon *d, struct httpd_req *req)
{
	list(d, req, LIST_QUARANTINE);
}

static void on_deliveries(struct daemon *d, struct httpd_req *req)
{
	list(d, req, LIST_DELIVERIES);
}

static void on_audit(struct daemon *d, struct httpd_req *req)
{
	list(d, req, LIST_AUDIT);
}

static void on_event(struct daemon *d, struct httpd_req *req, struct span id)
{
	uint8_t bytes[UUID_BYTES];
	struct store_query q = { .list = LIST_EVENTS, .event_id = bytes, .limit = 1 };

	if (uuid_parse(id, bytes) != ERR_OK)
		reply_problem(req, 400, "event-id", "An event's id is a UUID.");
	else if (store_query(d->store, &q, on_one, req) != ERR_OK)
		reply_problem(req, 503, "storage", "The store cannot be read now.");
}

/* --- which is which --- */

static const struct resource {
	const char *path;
	bool operator_only; /* unix sockets only */
	void (*get)(struct daemon *d, struct httpd_req *req);
} resources[] = {
	{ "/healthz", false, on_healthz },
	{ "/readyz", false, on_readyz },
	{ "/metrics", false, on_metrics },
	{ "/v1/status", true, on_status },
	{ "/v1/events", true, on_events },
	{ "/v1/quarantine", true, on_quarantine },
	{ "/v1/deliveries", true, on_deliveries },
	{ "/v1/audit", true, on_audit },
};

#define EVENT_PREFIX "/v1/events/"

static void on_request(void *ctx, struct httpd_req *req)
{
	struct daemon *d = ctx;
	struct span path = httpd_req_path(req);
	bool is_operator = httpd_req_peer_uid(req) >= 0;

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		if (span_is(path, resources[i].path) &&
			(is_operator || !resources[i].operator_only)) {
			resources[i].get(d, req);
			return;
		}
	}
	if (is_operator && span_starts(path, EVENT_PREFIX)) {
		size_t n = strlen(EVENT_PREFIX);

		on_event(d, req, (struct span){ path.p + n, path.n - n });
		return;
	}
	reply_problem(req, 404, "not-found", "There is nothing here.");
}

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem method = {
		.status = 405,
		.type = "method",
		.detail = "Everything here is read with GET.",
		.fields = "Allow: GET\r\n",
	};

	(void)ctx;
	if (!httpd_req_is_post(req))
		return (struct httpd_verdict){ .body_max = 0 };
	httpd_reply_problem(req, &method);
	return (struct httpd_verdict){ .refused = true };
}

struct httpd_handler admin_handler(struct daemon *d)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = d };
}
