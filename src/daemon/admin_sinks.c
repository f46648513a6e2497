/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "relay/announce.h"

struct asked {
	const char *reason;
};

static const struct order_field asked_fields[] = {
	{ "reason", ORDER_TEXT, offsetof(struct asked, reason), 4096 },
};

/* An order that is being written down. */
struct waiting {
	struct daemon *daemon;
	struct httpd_req *req;
	char *sink;
};

static void waiting_free(struct waiting *w)
{
	free(w->sink);
	free(w);
}

static const char *gate_now(const struct daemon *d, const char *name)
{
	const struct dispatch *dispatch = relay_dispatch(d->relay);

	for (size_t i = 0; i < dispatch_sinks(dispatch); i++) {
		struct dispatch_sink_stats s = dispatch_sink_stats(dispatch, i);

		if (strcmp(s.sink, name) == 0)
			return sink_gate_str(s.gate);
	}
	return "unknown";
}

static void on_written(void *ctx, enum err e)
{
	struct waiting *waiting = ctx;
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	if (e != ERR_OK) {
		reply_storage(waiting->req);
		waiting_free(waiting);
		return;
	}
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_str(&w, "sink", waiting->sink);
	json_member_str(&w, "gate", gate_now(waiting->daemon, waiting->sink));
	json_object_end(&w);
	reply_page(waiting->req, &w, &page);
	waiting_free(waiting);
}

static void order_start(struct daemon *d, struct httpd_req *req, const struct gate_order *order)
{
	struct waiting *w = xcalloc(1, sizeof(*w));

	*w = (struct waiting){ .daemon = d, .req = req, .sink = xstrdup(order->sink) };
	switch (relay_order_gate(d->relay, order, on_written, w)) {
	case ERR_OK: return;
	case ERR_NOTFOUND: reply_problem(req, 404, "sink-unknown", "There is no such sink."); break;
	case ERR_IO:
	case ERR_PARSE:
	case ERR_AUTH:
	case ERR_LIMIT:
	case ERR_BUSY: reply_storage(req); break;
	}
	waiting_free(w);
}

static void sink_order(struct daemon *d, struct httpd_req *req, struct span sink, const char *verb)
{
	CLEANUP(buf_release) struct buf text;
	CLEANUP(freep) char *name = xstrndup(sink.p, sink.n);
	char actor[ACTOR_MAX];
	struct asked asked = { 0 };
	struct gate_order order = { .sink = name, .verb = verb };

	buf_init(&text, ADMIN_PAGE_MAX);
	if (!order_read_body(req, asked_fields, ARRAY_SIZE(asked_fields), &asked, &text) ||
		!order_has_reason(req, asked.reason))
		return;
	order.actor = span_of(order_actor(req, actor));
	order.reason = span_of(asked.reason);
	order_start(d, req, &order);
}

void admin_sink_hold(struct daemon *d, struct httpd_req *req, struct span sink)
{
	sink_order(d, req, sink, "hold");
}

void admin_sink_release(struct daemon *d, struct httpd_req *req, struct span sink)
{
	sink_order(d, req, sink, "release");
}

void admin_sink_enable(struct daemon *d, struct httpd_req *req, struct span sink)
{
	sink_order(d, req, sink, "enable");
}

void admin_sink_disable(struct daemon *d, struct httpd_req *req, struct span sink)
{
	sink_order(d, req, sink, "disable");
}
