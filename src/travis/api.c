/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/printable.h"
#include "io/httpc.h"
#include "io/secmem.h"

#define PATH_MAX_BYTES 4096
#define ANSWER_MAX     (4 * 1024 * 1024)
#define SECRET_MAX     (256 * 1024) /* of an answer in locked memory, of which there is little */
#define WHY_MAX        512
/* What a ban lasts, and what a limit of so many an hour may take to pass. */
#define BAN_MS       INT64_C(3600000)
#define LIMIT_MS     INT64_C(60000)
#define LIMIT_MIN_MS INT64_C(1000)
#define SENTENCE_MAX 300
/* A page of builds of 200 jobs each has some 25,000 values. */
#define VALUES_MAX 100000
/* Of a repository, when Travis says nothing else, and what it can say. */
#define BUILDS_DEFAULT 10
#define BUILDS_MOST    10000
#define PER_S_DEFAULT  3600
#define PER_S_MOST     86400

struct travis_api {
	struct httpc *http;
	char *url;
	struct travis_api_conf conf;
};

struct travis_api_call {
	struct httpc_call *http;
	bool quiet; /* what was sent is a secret, and an answer may repeat it */
	void (*on_reply)(void *ctx, const struct travis_reply *r);
	void *ctx;
};

struct travis_api *travis_api_new(struct httpc *http, const struct travis_api_conf *conf)
{
	struct travis_api *api = xcalloc(1, sizeof(*api));

	api->http = http;
	api->url = xstrdup(conf->url);
	api->conf = *conf;
	api->conf.url = api->url;
	return api;
}

void travis_api_free(struct travis_api *api)
{
	if (api == NULL)
		return;
	free(api->url);
	free(api);
}

/* --- what an answer means --- */

static struct span member_text(struct json_value object, const char *name)
{
	struct json_value v;
	struct span text = { NULL, 0 };

	if (json_get(object, name, &v))
		IGNORE(json_plain(v, &text));
	return text;
}

/* Its JSON object, or null: errors may be plain text or nothing. */
static struct json_value answer_object(const struct httpc_answer *a)
{
	const struct json_limits limits = { .values = VALUES_MAX };
	struct json_value root, none = { .type = JSON_NULL };

	if (a->body.n == 0 || json_gate(a->body, &limits, NULL) != ERR_OK)
		return none;
	root = json_root(a->body);
	return root.type == JSON_OBJECT ? root : none;
}

/*
 * A 403 is of four kinds: a bad token and a banned one in plain text, a missing
 * one and a user who may not by the type of the error.
 */
static enum travis_answer classify_403(const struct httpc_answer *a, struct span type)
{
	if (type.n > 0)
		return span_is(type, "login_required") ? TRAVIS_UNAUTHORIZED : TRAVIS_FORBIDDEN;
	return a->body.n >= 13 && strncasecmp(a->body.p, "access denied", 13) == 0
		       ? TRAVIS_UNAUTHORIZED
		       : TRAVIS_LIMITED;
}

static enum travis_answer classify(
	const struct httpc_answer *a, struct json_value object, struct span type)
{
	if (a->result != HTTPC_ANSWERED || a->status >= 500 || a->status == 408)
		return TRAVIS_TRANSIENT;
	if (a->status == 204)
		return TRAVIS_OK;
	if (a->status >= 200 && a->status < 300)
		return object.type == JSON_OBJECT ? TRAVIS_OK : TRAVIS_TRANSIENT;
	switch (a->status) {
	case 401: return TRAVIS_UNAUTHORIZED;
	case 403: return classify_403(a, type);
	case 404: return TRAVIS_NOT_FOUND;
	case 429: return TRAVIS_LIMITED;
	default: break;
	}
	return TRAVIS_REFUSED;
}

static int64_t limit_wait(const struct httpc_answer *a)
{
	if (a->retry_after_ms >= 0)
		return a->retry_after_ms > LIMIT_MIN_MS ? a->retry_after_ms : LIMIT_MIN_MS;
	return a->status == 403 ? BAN_MS : LIMIT_MS;
}

static void describe(const struct httpc_answer *a, const struct travis_reply *r,
	struct json_value object, bool quiet, char why[WHY_MAX])
{
	struct span message = member_text(object, "error_message");
	struct span said = object.type == JSON_OBJECT ? message : a->body;
	char words[SENTENCE_MAX], type[64];

	why[0] = '\0';
	if (r->answer == TRAVIS_OK)
		return;
	if (a->result != HTTPC_ANSWERED) {
		snprintf(why, WHY_MAX, "%s: %s", httpc_result_str(a->result),
			a->error == NULL ? "no answer" : a->error);
		return;
	}
	printable_copy(quiet ? (struct span){ 0 } : said, words, sizeof(words));
	printable_copy(r->error_type, type, sizeof(type));
	snprintf(why, WHY_MAX, "%d%s%s%s%s", a->status, *type == '\0' ? "" : " ", type,
		*words == '\0' ? "" : ": ", words);
}

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct travis_api_call *call = ctx;
	struct json_value object = answer_object(a);
	struct travis_reply r = { .status = a->status, .sent = a->sent, .body = object };
	char why[WHY_MAX];

	r.error_type = member_text(object, "error_type");
	r.answer = classify(a, object, r.error_type);
	if (r.answer == TRAVIS_LIMITED)
		r.wait_ms = limit_wait(a);
	describe(a, &r, object, call->quiet, why);
	r.why = why;
	call->on_reply(call->ctx, &r);
	free(call);
}

static enum err api_send(struct travis_api *api, const char *path, struct httpc_request *req,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx,
	struct travis_api_call **call)
{
	static const char *const fields[] = { "Content-Type: application/json",
		"Accept: application/json", "Travis-API-Version: 3", NULL };
	CLEANUP(buf_release) struct buf url;
	struct travis_api_call *c;
	enum err e;

	buf_init(&url, PATH_MAX_BYTES);
	e = buf_addf(&url, "%s%s", api->url, path);
	if (e != ERR_OK)
		return e;
	req->url = url.data;
	req->scheme = "token";
	req->fields = req->body.n > 0 ? fields : fields + 1;
	req->timeout_ms = api->conf.timeout_ms;
	req->host_connections_max = api->conf.connections_max;
	c = xcalloc(1, sizeof(*c));
	*c = (struct travis_api_call){
		.quiet = req->confidential && req->body.n > 0,
		.on_reply = on_reply,
		.ctx = ctx,
	};
	e = httpc_send(api->http, req, on_answer, c, &c->http);
	if (e == ERR_OK)
		*call = c;
	else
		free(c);
	return e;
}

enum err travis_api_send(struct travis_api *api, const char *method, const char *path,
	const struct secret *token, struct span body,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx,
	struct travis_api_call **call)
{
	struct httpc_request req = {
		.method = method,
		.bearer = secret_text(token),
		.body = body,
		.answer_max = ANSWER_MAX,
	};

	return api_send(api, path, &req, on_reply, ctx, call);
}

enum err travis_api_send_secret(struct travis_api *api, const char *method, const char *path,
	const struct secret *token, const struct secret *body,
	void (*on_reply)(void *ctx, const struct travis_reply *r), void *ctx,
	struct travis_api_call **call)
{
	struct httpc_request req = {
		.method = method,
		.bearer = secret_text(token),
		.answer_max = SECRET_MAX,
		.confidential = true,
	};

	if (body != NULL)
		req.body = (struct span){ secret_text(body), secret_len(body) };
	return api_send(api, path, &req, on_reply, ctx, call);
}

void travis_api_cancel(struct travis_api_call *call)
{
	if (call == NULL)
		return;
	httpc_cancel(call->http);
	free(call);
}

enum err travis_path_repo(struct span slug, const char *rest, struct buf *out)
{
	enum err e = buf_add_str(out, "/repo/");

	if (e == ERR_OK)
		e = url_encode(slug, out);
	return e == ERR_OK ? buf_add_str(out, rest) : e;
}

/* --- what is in it --- */

static void builds_read(struct json_value object, struct travis_request *r)
{
	struct json_value list, build, id;
	struct json_iter it;

	if (!json_get(object, "builds", &list) || list.type != JSON_ARRAY)
		return;
	it = json_iter(list);
	while (r->builds < TRAVIS_REQUEST_BUILDS && json_next_element(&it, &build)) {
		if (json_get(build, "id", &id) && json_int(id, &r->build[r->builds]) == ERR_OK)
			r->builds++;
	}
}

/* The result is sometimes null although there is a build. */
static enum travis_request_state request_state(
	struct json_value object, const struct travis_request *r)
{
	struct span result = member_text(object, "result");

	if (r->builds > 0 || span_is(result, "approved"))
		return TRAVIS_REQUEST_APPROVED;
	return span_is(result, "rejected") ? TRAVIS_REQUEST_REJECTED : TRAVIS_REQUEST_PENDING;
}

static struct span repository_slug(struct json_value object)
{
	struct json_value repository;

	return json_get(object, "repository", &repository) ? member_text(repository, "slug")
							   : (struct span){ NULL, 0 };
}

enum err travis_request_read(struct json_value body, struct travis_request *r)
{
	struct json_value inner, id;

	*r = (struct travis_request){ .slug = repository_slug(body), .remaining = -1 };
	if (json_get(body, "remaining_requests", &inner))
		IGNORE(json_int(inner, &r->remaining));
	/* In the answer to a POST the request is a member, and its repository has foreign ids. */
	if (json_get(body, "request", &inner) && inner.type == JSON_OBJECT)
		body = inner;
	if (!json_get(body, "id", &id) || json_int(id, &r->id) != ERR_OK || r->id <= 0)
		return ERR_PARSE;
	builds_read(body, r);
	r->state = request_state(body, r);
	r->message = member_text(body, "message");
	return ERR_OK;
}

/* Numbers that make no sense are as if they were not there. */
static int64_t positive(struct json_value object, const char *name, int64_t most, int64_t dflt)
{
	struct json_value v;
	int64_t n;

	if (json_get(object, name, &v) && json_int(v, &n) == ERR_OK && n > 0 && n <= most)
		return n;
	return dflt;
}

enum err travis_limit_read(const struct travis_reply *r, struct travis_limit *out)
{
	if (r->answer != TRAVIS_LIMITED || !span_is(r->error_type, "request_limit_reached"))
		return ERR_NOTFOUND;
	out->builds = positive(r->body, "max_requests", BUILDS_MOST, BUILDS_DEFAULT);
	out->per_ms = 1000 * positive(r->body, "per_seconds", PER_S_MOST, PER_S_DEFAULT);
	return ERR_OK;
}

enum err travis_build_read(struct json_value body, struct travis_build *b)
{
	struct json_value id, branch;

	*b = (struct travis_build){ .slug = repository_slug(body) };
	if (!json_get(body, "id", &id) || json_int(id, &b->id) != ERR_OK || b->id <= 0)
		return ERR_PARSE;
	b->number = member_text(body, "number");
	b->state = member_text(body, "state");
	if (json_get(body, "branch", &branch))
		b->branch = member_text(branch, "name");
	return ERR_OK;
}
