/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin.h"

#include <string.h>

#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "daemon/page.h"

/* A configuration, as a member of an order. */
#define ORDER_MAX (4 * 1024 * 1024)

/*
 * What there is. A '*' in a path stands for one part of it. What needs an
 * operator is there on unix sockets only, where the socket's mode says who that
 * is. What has a body_max is asked for with POST.
 */
static const struct resource {
	const char *path;
	bool needs_operator;
	size_t body_max;
	admin_run *run;
} resources[] = {
	{ "/healthz", false, 0, admin_healthz },
	{ "/readyz", false, 0, admin_readyz },
	{ "/metrics", false, 0, admin_metrics },
	{ "/v1/status", true, 0, admin_status },
	{ "/v1/events", true, 0, admin_events },
	{ "/v1/events/*", true, 0, admin_event },
	{ "/v1/events/*/explain", true, 0, admin_explain },
	{ "/v1/quarantine", true, 0, admin_quarantine },
	{ "/v1/deliveries", true, 0, admin_deliveries },
	{ "/v1/dead", true, 0, admin_dead },
	{ "/v1/audit", true, 0, admin_audit },
	{ "/v1/catalog/entity", true, 0, admin_catalog_entity },
	{ "/v1/catalog/owners", true, 0, admin_catalog_owners },
	{ "/v1/catalog/drift", true, 0, admin_catalog_drift },
	{ "/v1/doctor", true, 0, admin_doctor },
	{ "/v1/policy/explain", true, 0, admin_policy_explain },
	{ "/v1/policy/test", true, ORDER_MAX, admin_policy_test },
	{ "/v1/replay", true, ORDER_MAX, admin_replay },
	{ "/v1/routes/test", true, ORDER_MAX, admin_routes_test },
	{ "/v1/sinks/*/hold", true, ORDER_MAX, admin_sink_hold },
	{ "/v1/sinks/*/release", true, ORDER_MAX, admin_sink_release },
	{ "/v1/sinks/*/enable", true, ORDER_MAX, admin_sink_enable },
	{ "/v1/sinks/*/disable", true, ORDER_MAX, admin_sink_disable },
	{ "/v1/variables", true, 0, admin_variables },
};

/* Does a path fit? Then *arg is what its '*' stands for. */
static bool path_fits(const char *pattern, struct span path, struct span *arg)
{
	const char *star = strchr(pattern, '*');
	size_t before, n = 0;

	if (star == NULL)
		return span_is(path, pattern);
	before = (size_t)(star - pattern);
	if (path.n < before || memcmp(path.p, pattern, before) != 0)
		return false;
	path.p += before;
	path.n -= before;
	while (n < path.n && path.p[n] != '/')
		n++;
	*arg = (struct span){ path.p, n };
	return n > 0 && span_is((struct span){ path.p + n, path.n - n }, star + 1);
}

static const struct resource *resource_find(const struct httpd_req *req, struct span *arg)
{
	bool is_operator = httpd_req_peer_uid(req) >= 0;

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct resource *r = &resources[i];

		if ((is_operator || !r->needs_operator) &&
			path_fits(r->path, httpd_req_path(req), arg))
			return r;
	}
	return NULL;
}

/* Nobody shows a credential here. */
static void page_request(struct daemon *d, struct httpd_req *req)
{
	const char *why;

	if (page_may_be_seen(req, &why))
		page_serve(d->page, req);
	else
		reply_problem(req, 403, "not-local", why);
}

static void on_request(void *ctx, struct httpd_req *req)
{
	struct span arg = { 0 };
	const struct resource *r = resource_find(req, &arg);

	if (r != NULL)
		r->run(ctx, req, arg);
	else if (page_has(httpd_req_path(req)))
		page_request(ctx, req);
	else
		reply_problem(req, 404, "not-found", "There is nothing here.");
}

/* A POST to what is read, and to nothing, and a GET of what is ordered. */
static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	struct httpd_problem method = { .status = 405, .type = "method" };
	struct span arg = { 0 };
	const struct resource *r = resource_find(req, &arg);
	bool wants_post = r != NULL && r->body_max > 0;

	(void)ctx;
	if (httpd_req_is_post(req) == wants_post || (r == NULL && !httpd_req_is_post(req)))
		return (struct httpd_verdict){ .body_max = r == NULL ? 0 : r->body_max };
	method.detail = wants_post ? "This is ordered with POST." : "This is read with GET.";
	method.fields = wants_post ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n";
	httpd_reply_problem(req, &method);
	return (struct httpd_verdict){ .refused = true };
}

struct httpd_handler admin_handler(struct daemon *d)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = d };
}
