/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/page.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "daemon/admin_impl.h"
#include "daemon/api_access.h"
#include "daemon/assets.h"
#include "daemon/page_impl.h"

/* Nothing from elsewhere, nothing inline, in nobody's frame, and no script made of text. */
const char page_fields[] = "Content-Security-Policy: default-src 'none'; script-src 'self'; "
			   "style-src 'self'; img-src 'self'; connect-src 'self'; "
			   "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
			   "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
			   "X-Content-Type-Options: nosniff\r\n"
			   "X-Frame-Options: DENY\r\n"
			   "Referrer-Policy: no-referrer\r\n"
			   "Cross-Origin-Opener-Policy: same-origin\r\n"
			   "Cross-Origin-Resource-Policy: same-origin\r\n"
			   "Cache-Control: no-store\r\n";

static const char asset_fields[] = "X-Content-Type-Options: nosniff\r\n"
				   "Content-Security-Policy: default-src 'none'\r\n"
				   "Cross-Origin-Resource-Policy: same-origin\r\n"
				   "Cache-Control: private, no-cache\r\n";

/* --- answers --- */

static void reply_missing(struct httpd_req *req)
{
	httpd_reply_problem(req,
		&(struct httpd_problem){
			.status = 404, .type = "not-found", .detail = "There is nothing here." });
}

void page_reply(struct httpd_req *req, int status, const struct html *h)
{
	if (html_done(h) != ERR_OK) {
		httpd_reply_problem(req, &(struct httpd_problem){ .status = 500,
						 .type = "too-large",
						 .detail = "The page is too large." });
		return;
	}
	httpd_reply(req, &(struct httpd_answer){ .status = status,
				 .content_type = "text/html; charset=utf-8",
				 .fields = page_fields,
				 .body = buf_span(h->out) });
}

static const char *type_of(const char *name)
{
	if (span_ends(span_of(name), ".css"))
		return "text/css; charset=utf-8";
	if (span_ends(span_of(name), ".js"))
		return "text/javascript; charset=utf-8";
	return "image/svg+xml";
}

static void asset_begin(struct httpd_req *req, struct span name)
{
	for (size_t i = 0; i < page_assets_n; i++) {
		const struct asset *a = &page_assets[i];

		if (span_is(name, a->name)) {
			reply_tagged(req, 200, type_of(a->name), asset_fields,
				(struct span){ (const char *)a->bytes, a->len });
			return;
		}
	}
	reply_missing(req);
}

/* --- what is where --- */

bool page_is_badge(struct span path)
{
	return span_starts(path, "/badge/");
}

bool page_has(struct span path)
{
	return span_is(path, "/") || span_starts(path, "/page/") || page_is_badge(path);
}

void page_serve(struct page *p, struct httpd_req *req)
{
	const struct span own = SPAN("/page/");
	struct span path = httpd_req_path(req);

	if (span_is(path, "/"))
		page_view_begin(p, req);
	else if (page_is_badge(path))
		page_badge_begin(p, req);
	else if (span_is(path, "/page/events"))
		page_client_begin(p, req);
	else if (span_is(path, "/page/quarantine"))
		page_parked_begin(p, req);
	else if (span_starts(path, own.p))
		asset_begin(req, (struct span){ path.p + own.n, path.n - own.n });
	else
		reply_missing(req);
}

/* --- who may see it --- */

static bool is_loopback_name(struct span host)
{
	const char *colon = host.n == 0 ? NULL : memrchr(host.p, ':', host.n);
	const char *bracket = host.n == 0 ? NULL : memrchr(host.p, ']', host.n);

	if (colon != NULL && (bracket == NULL || bracket < colon))
		host.n = (size_t)(colon - host.p);
	/* A name that begins with 127. need not be an address: only digits and dots are. */
	if (span_starts(host, "127."))
		return host.n < 16 && strspn(host.p, "0123456789.") >= host.n;
	return span_is_nocase(host, "localhost") || span_is(host, "[::1]");
}

static bool is_forwarded(const struct httpd_req *req)
{
	static const char *const field[] = { "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Real-IP", "Via" };

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		if (httpd_req_field_count(req, field[i]) > 0)
			return true;
	}
	return false;
}

bool page_may_be_seen(const struct httpd_req *req, const char **why)
{
	struct span peer = span_of(httpd_req_peer(req)), host;

	if (httpd_req_peer_uid(req) >= 0)
		return true;
	if (!span_starts(peer, "127.") && !span_is(peer, "::1"))
		*why = "The status page is shown on this host only, or at listen.api.";
	else if (!httpd_req_field(req, "Host", &host) || !is_loopback_name(host))
		*why = "The Host is not a name of loopback.";
	else if (is_forwarded(req))
		*why = "It came through a proxy, whom the status page cannot trust here.";
	else
		return true;
	return false;
}

void page_api_request(struct daemon *d, struct httpd_req *req)
{
	bool is_public = d->parts.conf->page_public_badges && page_is_badge(httpd_req_path(req));
	const struct httpd_problem *problem = NULL;
	struct api_caller caller;

	if (!is_public)
		problem = api_access_check(d->access, req, API_PAGE, &caller);
	if (problem != NULL)
		httpd_reply_problem(req, problem);
	else
		page_serve(d->page, req);
}

/* --- life --- */

static void on_again(void *ctx)
{
	page_refresh(ctx);
}

struct page *page_new(struct daemon *d)
{
	struct page *p = xcalloc(1, sizeof(*p));

	p->d = d;
	p->again = loop_timer_new(d->loop, on_again, p);
	relay_on_build(d->relay, page_on_build, p);
	return p;
}

void page_reload(struct page *p)
{
	page_clients_end(p);
}

void page_free(struct page *p)
{
	struct page_view *v;

	if (p == NULL)
		return;
	while ((v = LIST_FIRST(&p->views)) != NULL) {
		httpd_reply_problem(v->req, &(struct httpd_problem){ .status = 503,
						    .type = "stopping",
						    .detail = "The daemon is stopping." });
		page_view_free(v);
	}
	page_clients_end(p);
	loop_timer_free(p->tick);
	loop_undefer(p->d->loop, &p->step);
	loop_timer_free(p->again);
	page_index_free(p->index);
	free(p);
}
