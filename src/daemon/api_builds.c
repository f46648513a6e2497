/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_builds.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "base/log.h"
#include "daemon/api_access.h"
#include "daemon/api_builds_impl.h"
#include "daemon/daemon.h"
#include "daemon/visitors.h"
#include "model/catalog.h"
#include "relay/board.h"
#include "relay/relay.h"

/* Of a POST, which needs none. */
#define BODY_MAX 1024

static struct ask *ask_new(struct daemon *d, struct httpd_req *req)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	a->daemon = d;
	a->req = req;
	v3_path_read(httpd_req_path(req), &a->want);
	return a;
}

void ask_free(struct ask *a)
{
	v3_request_release(&a->want);
	free(a->principal);
	free(a->token);
	free(a);
}

/* --- answers --- */

void builds_reply(struct httpd_req *req, int status, const struct json_writer *w, struct span body,
	const char *fields)
{
	struct httpd_answer answer = {
		.status = json_done(w) == ERR_OK ? status : 500,
		.content_type = "application/json",
		.body = body,
		.fields = fields,
	};

	/* Cut off in the middle it would not be JSON. */
	if (answer.status == 500)
		answer.body = SPAN("{\"@type\":\"error\",\"error_type\":\"error\"}");
	httpd_reply(req, &answer);
}

void builds_reply_error(
	struct httpd_req *req, int status, const struct v3_error *error, const char *fields)
{
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, BUILDS_ANSWER_MAX);
	json_writer_init(&w, &body);
	v3_put_error(&w, error);
	builds_reply(req, status, &w, buf_span(&body), fields);
}

void builds_reply_missing(struct httpd_req *req, const char *resource)
{
	const bool build = strcmp(resource, "build") == 0;
	const struct v3_error missing = {
		.type = "not_found",
		.message = build ? "build not found (or insufficient access)"
				 : "repository not found (or insufficient access)",
		.resource = resource,
	};

	builds_reply_error(req, 404, &missing, NULL);
}

void builds_reply_later(struct httpd_req *req, const char *why)
{
	const struct v3_error later = { .type = "error", .message = why };

	builds_reply_error(req, 503, &later, "Retry-After: 5\r\n");
}

/* v3 says 403 to those it does not know; 401 with its challenges tells more. */
static void reply_stranger(struct httpd_req *req, const struct httpd_problem *problem)
{
	const bool known = problem->status == 403;
	const struct v3_error stranger = {
		.type = known ? "insufficient_access" : "login_required",
		.message = problem->detail,
	};

	builds_reply_error(req, problem->status, &stranger, problem->fields);
}

/* --- builds --- */

bool builds_is_claimed(const struct daemon *d, struct span slug)
{
	const struct catalog *c = relay_catalog_now(d->relay);
	struct entity e;

	return c != NULL && catalog_find(c, slug, &e, 1) > 0;
}

bool builds_is_allowed(struct ask *a, enum access_action action, struct span slug,
	struct span branch, struct entity *by, struct api_ruling *ruling)
{
	const struct catalog *c = relay_catalog_now(a->daemon->relay);
	const struct api_plea plea = {
		.action = action,
		.principal = span_of(a->principal),
		.token = span_of(a->token),
		.token_age_ms = a->token_age_ms,
		.branch = branch,
	};
	struct v3_error denial = {
		.type = "insufficient_access",
		.resource = a->want.what == V3_BUILDS ? "repository" : "build",
		.permission = a->want.what == V3_ACT ? a->want.act : "read",
	};
	CLEANUP(freep) struct entity *claims = NULL;
	struct api_ruling own;
	struct entity first;
	size_t n = catalog_find(c, slug, &first, 1);

	if (a->principal == NULL)
		return true;
	claims = xcalloc(n, sizeof(*claims));
	if (api_rule(a->daemon, a->req, &plea, claims, catalog_find(c, slug, claims, n), &own)) {
		if (by != NULL) {
			*by = *own.access.entity;
			own.access.entity = by;
			*ruling = own;
		}
		return true;
	}
	denial.message = api_denial_words(own.decision.reason);
	builds_reply_error(a->req, 403, &denial, NULL);
	return false;
}

/* False where the row does not read, which is our own fault. */
static bool put_build(struct json_writer *w, const struct store_build *row, int64_t count)
{
	CLEANUP(build_release) struct build b;
	const struct v3_build v3 = { .build = &b, .updated = row->updated, .count = count };

	build_init(&b);
	if (board_read(row, &b) != ERR_OK) {
		log_err("build.unreadable", "event=%lld", (long long)row->event_seq);
		return false;
	}
	v3_put_build(w, &v3);
	return true;
}

/* Where not all were counted, there is at least one more behind a page that is full. */
static int64_t count_of(const struct v3_request *want, const struct store_builds *found)
{
	int64_t seen = want->offset + (int64_t)found->n;

	if (want->states == 0)
		return found->total;
	return (int64_t)found->n == want->limit ? seen + 1 : seen;
}

static void on_builds(void *ctx, enum err e, const struct store_builds *found)
{
	struct ask *a = ctx;
	struct v3_page page = {
		.slug = buf_span(&a->want.slug),
		.offset = a->want.offset,
		.limit = a->want.limit,
	};
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, BUILDS_ANSWER_MAX);
	json_writer_init(&w, &body);
	if (e != ERR_OK) {
		builds_reply_later(a->req, NO_STORE);
		ask_free(a);
		return;
	}
	page.count = count_of(&a->want, found);
	v3_put_builds_begin(&w, &page);
	for (size_t i = 0; i < found->n; i++)
		IGNORE(put_build(&w, &found->build[i], page.count));
	v3_put_builds_end(&w);
	builds_reply(a->req, 200, &w, buf_span(&body), PRIVATE);
	ask_free(a);
}

/* One id may be a build on several instances of Travis CI: the one that changed last. */
static const struct store_build *build_choose(
	const struct daemon *d, const struct store_builds *found)
{
	const struct store_build *best = NULL;

	for (size_t i = 0; i < found->n; i++) {
		const struct store_build *b = &found->build[i];

		if (builds_is_claimed(d, b->repository) &&
			(best == NULL || b->event_seq > best->event_seq))
			best = b;
	}
	return best;
}

static void on_build(void *ctx, enum err e, const struct store_builds *found)
{
	struct ask *a = ctx;
	const struct store_build *row = e == ERR_OK ? build_choose(a->daemon, found) : NULL;
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, BUILDS_ANSWER_MAX);
	json_writer_init(&w, &body);
	if (e != ERR_OK) {
		builds_reply_later(a->req, NO_STORE);
	} else if (relay_catalog_now(a->daemon->relay) == NULL) {
		builds_reply_later(a->req, NO_CATALOG);
	} else if (row == NULL || !put_build(&w, row, -1)) {
		builds_reply_missing(a->req, "build");
	} else if (builds_is_allowed(a, ACCESS_READ, row->repository, row->branch, NULL, NULL)) {
		builds_reply(a->req, 200, &w, buf_span(&body), PRIVATE);
	}
	ask_free(a);
}

void builds_ask_store(struct ask *a, const struct store_builds_query *q, store_builds_cb on_done)
{
	if (store_builds(a->daemon->store, q, on_done, a) == ERR_OK)
		return;
	builds_reply_later(a->req, NO_STORE);
	ask_free(a);
}

/* Is the query one that cannot be answered? Then it has been said. */
static bool query_is_refused(struct ask *a)
{
	const char *why;
	enum err e = v3_query_read(httpd_req_query(a->req), &a->want, &why);
	const struct v3_error wrong = {
		.type = e == ERR_PARSE ? "wrong_params" : "not_implemented",
		.message = why,
	};

	if (e == ERR_OK)
		return false;
	builds_reply_error(a->req, e == ERR_PARSE ? 400 : 501, &wrong, NULL);
	return true;
}

/* Is there no such repository? Then it has been said. */
static bool slug_is_refused(struct ask *a)
{
	if (relay_catalog_now(a->daemon->relay) == NULL)
		builds_reply_later(a->req, NO_CATALOG);
	else if (!builds_is_claimed(a->daemon, buf_span(&a->want.slug)))
		builds_reply_missing(a->req, "repository");
	else
		return false;
	return true;
}

static void answer_builds(struct ask *a)
{
	const struct span slug = buf_span(&a->want.slug);
	struct store_builds_query q = { .repository = &slug, .repositories = 1, .count = true };

	if (query_is_refused(a) || slug_is_refused(a) ||
		!builds_is_allowed(a, ACCESS_READ, slug, (struct span){ 0 }, NULL, NULL)) {
		ask_free(a);
		return;
	}
	q.offset = (size_t)a->want.offset;
	q.limit = (unsigned)a->want.limit;
	q.states = a->want.states;
	builds_ask_store(a, &q, on_builds);
}

static void answer_build(struct ask *a)
{
	const struct store_builds_query q = { .id = a->want.id, .limit = BUILDS_HOSTS_MOST };

	builds_ask_store(a, &q, on_build);
}

static void answer_user(struct httpd_req *req, const char *name)
{
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, BUILDS_ANSWER_MAX);
	json_writer_init(&w, &body);
	v3_put_user(&w, name);
	builds_reply(req, 200, &w, buf_span(&body), PRIVATE);
}

/* --- requests --- */

/* A user who asks in person, rather than a credential of ours? */
static bool is_visitor(const struct daemon *d, const struct httpd_req *req)
{
	return !api_access_knows(d->access, req) && visitors_expect(req);
}

/* What a user may have done to a build, if the policy lets them. */
static bool is_order(const struct v3_request *want)
{
	return want->what == V3_ACT &&
	       (strcmp(want->act, "restart") == 0 || strcmp(want->act, "cancel") == 0);
}

/* Who is not known in person changes nothing, and nobody changes more than that. */
static void refuse_post(struct httpd_req *req, const struct v3_request *want)
{
	const struct v3_error act = {
		.type = "insufficient_access",
		.message = is_order(want)
				   ? "a user's own token is needed to restart and cancel builds"
				   : "builds are restarted and canceled here, no more",
		.resource = "build",
		.permission = want->act,
	};
	const struct v3_error method = {
		.type = "method_not_allowed",
		.message = "builds are only read here, with GET",
	};

	if (want->what == V3_ACT)
		builds_reply_error(req, 403, &act, NULL);
	else
		builds_reply_error(req, 405, &method, "Allow: GET\r\n");
}

static struct httpd_verdict post_head(
	struct daemon *d, struct httpd_req *req, const struct v3_request *want)
{
	const struct httpd_problem *problem = NULL;
	struct api_caller caller;
	bool visitor = is_visitor(d, req);

	if (visitor && is_order(want))
		return (struct httpd_verdict){ .body_max = BODY_MAX };
	if (!visitor)
		problem = api_access_check(d->access, req, API_BUILDS, &caller);
	if (problem != NULL)
		reply_stranger(req, problem);
	else
		refuse_post(req, want);
	return (struct httpd_verdict){ .refused = true };
}

struct httpd_verdict api_builds_head(struct daemon *d, struct httpd_req *req)
{
	struct httpd_verdict verdict = { .body_max = 0 };
	struct v3_request want;

	if (!httpd_req_is_post(req))
		return verdict;
	v3_path_read(httpd_req_path(req), &want);
	verdict = post_head(d, req, &want);
	v3_request_release(&want);
	return verdict;
}

static void answer(struct ask *a, const char *name)
{
	static const struct v3_error method = {
		.type = "method_not_allowed",
		.message = "this is posted, which builds are not here",
	};

	switch (a->want.what) {
	case V3_BUILDS: answer_builds(a); return;
	case V3_BUILD: answer_build(a); return;
	case V3_USER: answer_user(a->req, name); break;
	case V3_ACT:
		if (httpd_req_is_post(a->req)) {
			builds_act(a);
			return;
		}
		builds_reply_error(a->req, 405, &method, "Allow: POST\r\n");
		break;
	case V3_NOTHING: builds_reply_missing(a->req, "repository"); break;
	}
	ask_free(a);
}

static void on_visitor(void *ctx, struct httpd_req *req, const struct visitor *who)
{
	struct ask *a = ask_new(ctx, req);

	a->principal = xstrndup(who->principal.p, who->principal.n);
	a->token = xstrndup(who->token.p, who->token.n);
	a->token_age_ms = who->token_age_ms;
	answer(a, a->principal);
}

void api_builds_request(struct daemon *d, struct httpd_req *req)
{
	struct api_caller caller;
	const struct httpd_problem *problem;

	if (is_visitor(d, req)) {
		visitors_ask(d->visitors, req, on_visitor, d);
		return;
	}
	problem = api_access_check(d->access, req, API_BUILDS, &caller);
	if (problem != NULL)
		reply_stranger(req, problem);
	else
		answer(ask_new(d, req), caller.name);
}
