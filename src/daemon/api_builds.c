/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_builds.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "base/log.h"
#include "daemon/api_access.h"
#include "daemon/daemon.h"
#include "model/catalog.h"
#include "relay/board.h"
#include "relay/relay.h"
#include "store/store.h"
#include "travis/v3_read.h"
#include "travis/v3_write.h"

/* Bytes of an answer: a hundred builds with the longest of texts. */
#define ANSWER_MAX (16 * 1024 * 1024)

/* Hosts on which one id may be a build. */
#define HOSTS_MOST 16

/* A question to the store that a request waits for. */
struct ask {
	struct daemon *daemon;
	struct httpd_req *req;
	struct v3_request want;
};

static struct ask *ask_new(struct daemon *d, struct httpd_req *req, const struct v3_request *want)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	*a = (struct ask){ .daemon = d, .req = req, .want = *want };
	return a;
}

static void ask_free(struct ask *a)
{
	v3_request_release(&a->want);
	free(a);
}

/* --- answers --- */

static void reply(struct httpd_req *req, int status, const struct json_writer *w, struct span body,
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

#define NO_STORE   "The store cannot be read now."
#define NO_CATALOG "The catalog is not known yet."

#define PRIVATE "Cache-Control: no-store\r\n"

static void reply_error(
	struct httpd_req *req, int status, const struct v3_error *error, const char *fields)
{
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, ANSWER_MAX);
	json_writer_init(&w, &body);
	v3_put_error(&w, error);
	reply(req, status, &w, buf_span(&body), fields);
}

static void reply_missing(struct httpd_req *req, const char *resource)
{
	const bool build = strcmp(resource, "build") == 0;
	const struct v3_error missing = {
		.type = "not_found",
		.message = build ? "build not found (or insufficient access)"
				 : "repository not found (or insufficient access)",
		.resource = resource,
	};

	reply_error(req, 404, &missing, NULL);
}

static void reply_later(struct httpd_req *req, const char *why)
{
	const struct v3_error later = { .type = "error", .message = why };

	reply_error(req, 503, &later, "Retry-After: 5\r\n");
}

/* v3 says 403 to those it does not know; 401 with its challenges tells more. */
static void reply_stranger(struct httpd_req *req, const struct httpd_problem *problem)
{
	const bool known = problem->status == 403;
	const struct v3_error stranger = {
		.type = known ? "insufficient_access" : "login_required",
		.message = problem->detail,
	};

	reply_error(req, problem->status, &stranger, problem->fields);
}

/* --- builds --- */

/* Only what the catalog has now is seen: what it does not claim is nobody's business here. */
static bool is_claimed(const struct daemon *d, struct span slug)
{
	const struct catalog *c = relay_catalog_now(d->relay);
	struct entity e;

	return c != NULL && catalog_find(c, slug, &e, 1) > 0;
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

	buf_init(&body, ANSWER_MAX);
	json_writer_init(&w, &body);
	if (e != ERR_OK) {
		reply_later(a->req, NO_STORE);
		ask_free(a);
		return;
	}
	page.count = count_of(&a->want, found);
	v3_put_builds_begin(&w, &page);
	for (size_t i = 0; i < found->n; i++)
		IGNORE(put_build(&w, &found->build[i], page.count));
	v3_put_builds_end(&w);
	reply(a->req, 200, &w, buf_span(&body), PRIVATE);
	ask_free(a);
}

/* One id may be a build on several instances of Travis CI: the one that changed last. */
static const struct store_build *build_choose(
	const struct daemon *d, const struct store_builds *found)
{
	const struct store_build *best = NULL;

	for (size_t i = 0; i < found->n; i++) {
		const struct store_build *b = &found->build[i];

		if (is_claimed(d, b->repository) &&
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

	buf_init(&body, ANSWER_MAX);
	json_writer_init(&w, &body);
	if (e != ERR_OK) {
		reply_later(a->req, NO_STORE);
	} else if (relay_catalog_now(a->daemon->relay) == NULL) {
		reply_later(a->req, NO_CATALOG);
	} else if (row == NULL || !put_build(&w, row, -1)) {
		reply_missing(a->req, "build");
	} else {
		reply(a->req, 200, &w, buf_span(&body), PRIVATE);
	}
	ask_free(a);
}

static void ask_store(struct ask *a, const struct store_builds_query *q, store_builds_cb on_done)
{
	if (store_builds(a->daemon->store, q, on_done, a) == ERR_OK)
		return;
	reply_later(a->req, NO_STORE);
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
	reply_error(a->req, e == ERR_PARSE ? 400 : 501, &wrong, NULL);
	return true;
}

/* Is there no such repository? Then it has been said. */
static bool slug_is_refused(struct ask *a)
{
	if (relay_catalog_now(a->daemon->relay) == NULL)
		reply_later(a->req, NO_CATALOG);
	else if (!is_claimed(a->daemon, buf_span(&a->want.slug)))
		reply_missing(a->req, "repository");
	else
		return false;
	return true;
}

static void answer_builds(struct ask *a)
{
	const struct span slug = buf_span(&a->want.slug);
	struct store_builds_query q = { .repository = &slug, .repositories = 1, .count = true };

	if (query_is_refused(a) || slug_is_refused(a)) {
		ask_free(a);
		return;
	}
	q.offset = (size_t)a->want.offset;
	q.limit = (unsigned)a->want.limit;
	q.states = a->want.states;
	ask_store(a, &q, on_builds);
}

static void answer_build(struct ask *a)
{
	const struct store_builds_query q = { .id = a->want.id, .limit = HOSTS_MOST };

	ask_store(a, &q, on_build);
}

static void answer_user(struct httpd_req *req, const struct api_caller *caller)
{
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;

	buf_init(&body, ANSWER_MAX);
	json_writer_init(&w, &body);
	v3_put_user(&w, caller->name);
	reply(req, 200, &w, buf_span(&body), PRIVATE);
}

/* --- requests --- */

/* All that is posted would change something at Travis CI, which is not to be had here. */
static void refuse_post(struct httpd_req *req, const struct v3_request *want)
{
	const struct v3_error act = {
		.type = "insufficient_access",
		.message = "builds are only read here; Travis CI itself restarts and cancels them",
		.resource = "build",
		.permission = want->act,
	};
	const struct v3_error method = {
		.type = "method_not_allowed",
		.message = "builds are only read here, with GET",
	};

	if (want->what == V3_ACT)
		reply_error(req, 403, &act, NULL);
	else
		reply_error(req, 405, &method, "Allow: GET\r\n");
}

struct httpd_verdict api_builds_head(struct daemon *d, struct httpd_req *req)
{
	const struct httpd_problem *problem;
	struct api_caller caller;
	struct v3_request want;

	if (!httpd_req_is_post(req))
		return (struct httpd_verdict){ .body_max = 0 };
	problem = api_access_check(d->access, req, API_BUILDS, &caller);
	v3_path_read(httpd_req_path(req), &want);
	if (problem != NULL)
		reply_stranger(req, problem);
	else
		refuse_post(req, &want);
	v3_request_release(&want);
	return (struct httpd_verdict){ .refused = true };
}

void api_builds_request(struct daemon *d, struct httpd_req *req)
{
	static const struct v3_error method = {
		.type = "method_not_allowed",
		.message = "this is posted, which builds are not here",
	};
	struct api_caller caller;
	const struct httpd_problem *problem = api_access_check(d->access, req, API_BUILDS, &caller);
	struct v3_request want;

	if (problem != NULL) {
		reply_stranger(req, problem);
		return;
	}
	v3_path_read(httpd_req_path(req), &want);
	switch (want.what) {
	case V3_BUILDS: answer_builds(ask_new(d, req, &want)); return;
	case V3_BUILD: answer_build(ask_new(d, req, &want)); return;
	case V3_USER: answer_user(req, &caller); break;
	case V3_ACT: reply_error(req, 405, &method, "Allow: POST\r\n"); break;
	case V3_NOTHING: reply_missing(req, "repository"); break;
	}
	v3_request_release(&want);
}
