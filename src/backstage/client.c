/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "backstage/identity.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/printable.h"
#include "io/json.h"
#include "io/secmem.h"

#define PATH_MAX_BYTES  (64 * 1024)
#define DESCRIPTION_MAX 2048

struct backstage_client {
	struct httpc *http;
	char *url;
	int64_t timeout_ms;
	unsigned connections_max;
	struct secret *token;
	unsigned generation;       /* of the token */
	struct identity *identity; /* instead of the token; or NULL */
	void (*on_refused)(void *ctx);
	void *refused_ctx;
};

struct backstage_client *backstage_client_new(
	struct httpc *http, const struct backstage_client_conf *conf, struct secret *token)
{
	struct backstage_client *c = xcalloc(1, sizeof(*c));

	*c = (struct backstage_client){
		.http = http,
		.url = xstrdup(conf->url),
		.timeout_ms = conf->timeout_ms,
		.connections_max = conf->connections_max,
		.token = token,
	};
	return c;
}

void backstage_client_free(struct backstage_client *c)
{
	if (c == NULL)
		return;
	secret_free(c->token);
	free(c->url);
	free(c);
}

void backstage_client_set_token(struct backstage_client *c, struct secret *token)
{
	secret_free(c->token);
	c->token = token;
	c->generation++;
}

unsigned backstage_client_generation(const struct backstage_client *c)
{
	return c->generation;
}

void backstage_client_on_refused(
	struct backstage_client *c, void (*on_refused)(void *ctx), void *ctx)
{
	c->on_refused = on_refused;
	c->refused_ctx = ctx;
}

void backstage_client_set_identity(struct backstage_client *c, struct identity *identity)
{
	c->identity = identity;
}

static const char *bearer_now(const struct backstage_client *c)
{
	const struct secret *token = c->token;

	if (c->identity != NULL)
		token = identity_token(c->identity, clock_wall());
	return token == NULL ? NULL : secret_text(token);
}

/* Send req to path as who we are. */
static enum err client_send(struct backstage_client *c, const char *path, struct httpc_request *req,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	static const char *const json_fields[] = { "Content-Type: application/json",
		"Accept: application/json", NULL };
	CLEANUP(buf_release) struct buf url;
	enum err e;

	buf_init(&url, PATH_MAX_BYTES);
	e = buf_addf(&url, "%s%s", c->url, path);
	if (e != ERR_OK)
		return e;
	req->url = url.data;
	req->fields = req->body.n > 0 ? json_fields : json_fields + 1;
	req->bearer = bearer_now(c);
	req->on_refused = c->on_refused;
	req->refused_ctx = c->refused_ctx;
	return httpc_send(c->http, req, on_answer, ctx, call);
}

enum err backstage_call(struct backstage_client *c, const char *method, const char *path,
	struct span body, size_t answer_max,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	struct httpc_request req = {
		.method = method,
		.body = body,
		.timeout_ms = c->timeout_ms,
		.answer_max = answer_max,
		.host_connections_max = c->connections_max,
	};

	return client_send(c, path, &req, on_answer, ctx, call);
}

enum err backstage_poll(struct backstage_client *c, const char *path, int64_t timeout_ms,
	size_t answer_max, void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	struct httpc_request req = {
		.method = "GET",
		.timeout_ms = timeout_ms,
		.answer_max = answer_max,
		.fresh = true,
	};

	return client_send(c, path, &req, on_answer, ctx, call);
}

/* The "error" object of Backstage's error body; NULL if there is none. */
static struct json_object *error_of(const struct httpc_answer *a, struct json_object **root)
{
	*root = NULL;
	/* What is no error may be large. */
	if (a->status < 300 || a->body.n == 0 || jdoc_parse(a->body, NULL, root) != ERR_OK)
		return NULL;
	return jdoc_member(*root, "error");
}

/* A real 404 names its error; before the routes are mounted there is an empty one. */
static bool is_not_found(const struct httpc_answer *a)
{
	struct json_object *root;
	const char *name = jdoc_text(jdoc_member(error_of(a, &root), "name"));
	bool found = name != NULL && strcmp(name, "NotFoundError") == 0;

	jdoc_free(root);
	return found;
}

enum backstage_answer backstage_classify(const struct httpc_answer *a)
{
	if (a->result != HTTPC_ANSWERED || a->status >= 500 || a->status == 429 || a->status == 408)
		return BACKSTAGE_TRANSIENT;
	if (a->status >= 200 && a->status < 300)
		return BACKSTAGE_OK;
	if (a->status == 401 || a->status == 403)
		return BACKSTAGE_UNAUTHORIZED;
	if (a->status == 404)
		return is_not_found(a) ? BACKSTAGE_GONE : BACKSTAGE_TRANSIENT;
	return BACKSTAGE_REFUSED;
}

void backstage_describe(const struct httpc_answer *a, char *text, size_t max)
{
	CLEANUP(buf_release) struct buf words;
	struct json_object *root = NULL, *error;
	const char *name, *message;

	buf_init(&words, DESCRIPTION_MAX);
	if (a->result != HTTPC_ANSWERED) {
		IGNORE(buf_addf(&words, "%s: %s", httpc_result_str(a->result),
			a->error == NULL ? "no answer" : a->error));
		printable_copy(buf_span(&words), text, max);
		return;
	}
	error = error_of(a, &root);
	name = jdoc_text(jdoc_member(error, "name"));
	message = jdoc_text(jdoc_member(error, "message"));
	IGNORE(buf_addf(&words, "%d", a->status));
	if (a->status == 404 && name == NULL)
		IGNORE(buf_add_str(
			&words, " unexplained: plugin not installed, or not started yet"));
	if (name != NULL)
		IGNORE(buf_addf(&words, " %.100s: %.1000s", name, message == NULL ? "" : message));
	printable_copy(buf_span(&words), text, max);
	jdoc_free(root);
}
