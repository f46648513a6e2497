/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_triggers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/api_outcome.h"
#include "daemon/api_ruling.h"
#include "daemon/api_wish.h"
#include "daemon/daemon.h"
#include "daemon/visitors.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "relay/relay.h"
#include "relay/source.h"
#include "relay/triggers.h"
#include "store/store.h"

#define BODY_MAX      (64 * 1024)
#define VARIABLES_MAX 64
#define MESSAGE_MAX   1000
#define BRANCH_MAX    1024
#define KEY_MAX       255
#define REF_MAX       1024
#define BUILDS_SHOWN  25
#define HOSTS_MOST    16

/* What the body of a POST says. Texts are NULL if they are not there. */
struct order {
	const char *branch, *message, *merge_mode, *behalf, *source;
	struct span variables;
};

/* A request from when its path is read until it is answered. */
struct asking {
	struct daemon *daemon;
	struct httpd_req *req;
	struct api_wish wish;
	char *principal, *token;
	int64_t token_age_ms;
	struct order order;
	struct span key;         /* Idempotency-Key; in the request */
	struct buf text, behalf; /* what order points at; a ref made canonical */
	char *message;
};

static void asking_free(struct asking *a)
{
	api_wish_release(&a->wish);
	buf_release(&a->text);
	buf_release(&a->behalf);
	free(a->principal);
	free(a->token);
	free(a->message);
	free(a);
}

static void asking_refuse(struct asking *a, int status, const char *type, const char *detail)
{
	reply_problem(a->req, status, type, detail);
	asking_free(a);
}

static void asking_unread(struct asking *a)
{
	reply_storage(a->req);
	asking_free(a);
}

/* Decide, or answer 403. */
static bool is_allowed(struct asking *a, enum access_action action, const struct entity *e,
	struct span branch, struct api_ruling *ruling)
{
	const struct api_plea plea = {
		.action = action,
		.principal = span_of(a->principal),
		.behalf = buf_span(&a->behalf),
		.token = span_of(a->token),
		.token_age_ms = a->token_age_ms,
		.branch = branch,
		.overrides = a->order.variables.n > 0,
	};

	if (api_rule(a->daemon, a->req, &plea, e, 1, ruling))
		return true;
	asking_refuse(a, 403, "access-denied", api_denial_words(ruling->decision.reason));
	return false;
}

/* The entity, or 404 or 503. */
static bool entity_is_known(struct asking *a, struct entity *e)
{
	const struct catalog *c = relay_catalog_now(a->daemon->relay);

	if (c == NULL)
		asking_refuse(a, 503, "catalog-missing", "The catalog is not known yet.");
	else if (!catalog_get(c, buf_span(&a->wish.entity), e))
		asking_refuse(a, 404, "entity-unknown", "The catalog has no such entity.");
	else if (e->slug.n == 0)
		asking_refuse(a, 422, "no-repository", "This entity names no repository.");
	else
		return true;
	return false;
}

static const struct source *source_of(const struct asking *a, struct span slug)
{
	return api_source_of(a->daemon, slug, a->order.source, (struct span){ 0 });
}

/* --- what is ordered --- */

static void reply_taken(struct asking *a, const struct trigger_answer *answer)
{
	char body[240], location[96];
	struct httpd_answer reply = { .status = 202, .content_type = "application/json" };

	snprintf(location, sizeof(location), "Location: /v1/triggers/%.*s\r\n",
		SPAN_ARGS(answer->id));
	/* In the body too: Backstage's proxy keeps fields of answers to itself. */
	snprintf(body, sizeof(body),
		"{\"trigger\":\"%.*s\",\"location\":\"/v1/triggers/%.*s\",\"repeated\":%s}\n",
		SPAN_ARGS(answer->id), SPAN_ARGS(answer->id),
		answer->taken == TRIGGER_REPEATED ? "true" : "false");
	reply.fields = location;
	reply.body = span_of(body);
	httpd_reply(a->req, &reply);
	asking_free(a);
}

static void reply_limited(struct asking *a, const struct trigger_answer *answer)
{
	const struct httpd_problem limited = {
		.status = 429,
		.type = "too-many",
		.detail = answer->why,
		.retry_after_s = (unsigned)((answer->wait_ms + 999) / 1000),
	};

	httpd_reply_problem(a->req, &limited);
	asking_free(a);
}

static void on_taken(void *ctx, const struct trigger_answer *answer)
{
	struct asking *a = ctx;

	switch (answer->taken) {
	case TRIGGER_TAKEN:
	case TRIGGER_REPEATED: reply_taken(a, answer); return;
	case TRIGGER_DIFFERS:
		asking_refuse(
			a, 422, "key-reused", "This Idempotency-Key was used for something else.");
		return;
	case TRIGGER_LIMITED: reply_limited(a, answer); return;
	case TRIGGER_UNSTORED: break;
	}
	asking_refuse(a, 503, "storage", "This cannot be written down now.");
}

/* What Travis shows as the reason of the build. */
static struct span message_of(struct asking *a)
{
	if (a->order.message != NULL)
		return span_of(a->order.message);
	free(a->message);
	if (asprintf(&a->message, "Started by %s", a->principal) < 0)
		out_of_memory();
	return span_of(a->message);
}

static void take(struct asking *a, const struct api_ruling *ruling)
{
	struct trigger t = api_trigger_of(ruling);
	const struct source *s = source_of(a, t.repository);

	if (s == NULL) {
		api_note_undone(a->daemon, a->req, ruling, "no-source");
		asking_refuse(a, 422, "no-source",
			"No source with an API builds the repository of this entity.");
		return;
	}
	t.source = span_of(s->name);
	t.host = span_of(s->host);
	t.variables = a->order.variables;
	if (t.action == ACCESS_TRIGGER) {
		t.message = message_of(a);
		t.merge_mode = span_of(
			a->order.merge_mode == NULL ? "deep_merge_append" : a->order.merge_mode);
	} else {
		t.build[0] = a->wish.build;
		t.builds = 1;
	}
	triggers_take(relay_triggers(a->daemon->relay), &t, a->key, on_taken, a);
}

static void order_build(struct asking *a)
{
	struct span branch =
		a->order.branch == NULL ? (struct span){ 0 } : span_of(a->order.branch);
	struct api_ruling ruling;
	struct entity e;

	if (entity_is_known(a, &e) && is_allowed(a, ACCESS_TRIGGER, &e, branch, &ruling))
		take(a, &ruling);
}

/* --- a build there is --- */

static const struct store_build *build_choose(
	const struct asking *a, const struct entity *e, const struct store_builds *found)
{
	const struct source *s = source_of(a, e->slug);

	for (size_t i = 0; i < found->n; i++) {
		if (span_eq_nocase(found->build[i].repository, e->slug) &&
			(s == NULL || span_is(found->build[i].host, s->host)))
			return &found->build[i];
	}
	return NULL;
}

static void reply_build(struct asking *a, const struct store_build *b)
{
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	api_put_build(&w, b);
	reply_page(a->req, &w, &page);
	asking_free(a);
}

static void on_build(void *ctx, enum err e, const struct store_builds *found)
{
	struct asking *a = ctx;
	const struct store_build *b;
	enum access_action action = a->wish.what == WISH_ACT ? a->wish.action : ACCESS_READ;
	struct api_ruling ruling;
	struct entity entity;

	if (e != ERR_OK) {
		asking_unread(a);
		return;
	}
	if (!entity_is_known(a, &entity))
		return;
	b = build_choose(a, &entity, found);
	if (b == NULL) {
		asking_refuse(a, 404, "build-unknown", "This entity has no such build.");
		return;
	}
	if (!is_allowed(a, action, &entity, b->branch, &ruling))
		return;
	if (action == ACCESS_READ)
		reply_build(a, b);
	else
		take(a, &ruling);
}

static void ask_builds(
	struct asking *a, const struct store_builds_query *q, store_builds_cb on_done)
{
	if (store_builds(a->daemon->store, q, on_done, a) != ERR_OK)
		asking_unread(a);
}

static void ask_build(struct asking *a)
{
	const struct store_builds_query q = { .id = a->wish.build, .limit = HOSTS_MOST };

	ask_builds(a, &q, on_build);
}

static void on_builds(void *ctx, enum err e, const struct store_builds *found)
{
	struct asking *a = ctx;
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	if (e != ERR_OK) {
		asking_unread(a);
		return;
	}
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_key(&w, "builds");
	json_array_begin(&w);
	for (size_t i = 0; i < found->n; i++)
		api_put_build(&w, &found->build[i]);
	json_array_end(&w);
	json_member_int(&w, "total", found->total);
	json_object_end(&w);
	reply_page(a->req, &w, &page);
	asking_free(a);
}

static void list_builds(struct asking *a)
{
	struct store_builds_query q = { .repositories = 1, .limit = BUILDS_SHOWN, .count = true };
	struct api_ruling ruling;
	struct entity e;

	if (!entity_is_known(a, &e) || !is_allowed(a, ACCESS_READ, &e, (struct span){ 0 }, &ruling))
		return;
	q.repository = &e.slug;
	ask_builds(a, &q, on_builds);
}

static void show_trigger(struct asking *a)
{
	api_show_trigger(a->daemon, a->req, a->wish.trigger, span_of(a->principal));
	asking_free(a);
}

/* --- requests --- */

/* Those of a restart or a cancel are the first. */
static const struct order_field order_fields[] = {
	{ "on_behalf_of", ORDER_TEXT, offsetof(struct order, behalf), 0 },
	{ "source", ORDER_TEXT, offsetof(struct order, source), 0 },
	{ "branch", ORDER_TEXT, offsetof(struct order, branch), BRANCH_MAX },
	{ "message", ORDER_TEXT, offsetof(struct order, message), MESSAGE_MAX },
	{ "merge_mode", ORDER_TEXT, offsetof(struct order, merge_mode), 0 },
	{ "variables", ORDER_TEXTS, offsetof(struct order, variables), VARIABLES_MAX },
};
#define ACT_FIELDS 2

static bool merge_mode_is_known(const char *mode)
{
	static const char *const modes[] = { "deep_merge_append", "deep_merge_prepend",
		"deep_merge", "merge", "replace" };

	for (size_t i = 0; mode != NULL && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(mode, modes[i]) == 0)
			return true;
	}
	return mode == NULL;
}

/* The Idempotency-Key, or the request is answered. */
static bool key_read(struct asking *a)
{
	if (!httpd_req_field(a->req, "Idempotency-Key", &a->key))
		return true;
	if (httpd_req_field_count(a->req, "Idempotency-Key") == 1 && a->key.n > 0 &&
		a->key.n <= KEY_MAX)
		return true;
	asking_refuse(a, 400, "key", "Idempotency-Key must be one text of 1 to 255 bytes.");
	return false;
}

/* The body, or the request is answered. An empty one orders with what is usual. */
static bool order_read(struct asking *a)
{
	size_t n = a->wish.what == WISH_ACT ? ACT_FIELDS : ARRAY_SIZE(order_fields);

	if (httpd_req_body(a->req).n > 0 &&
		!order_read_body(a->req, order_fields, n, &a->order, &a->text)) {
		asking_free(a);
		return false;
	}
	if (!merge_mode_is_known(a->order.merge_mode)) {
		asking_refuse(a, 400, "body",
			"merge_mode is deep_merge_append, deep_merge_prepend, deep_merge, merge "
			"or replace.");
		return false;
	}
	if (a->order.behalf != NULL &&
		(entity_ref_parse(span_of(a->order.behalf), "user", &a->behalf) != ERR_OK ||
			!span_is(entity_ref_kind(buf_span(&a->behalf)), "user"))) {
		asking_refuse(a, 400, "body", "on_behalf_of is a user such as user:default/alice.");
		return false;
	}
	return true;
}

static void on_known(void *ctx, struct httpd_req *req, const struct visitor *who)
{
	struct asking *a = xcalloc(1, sizeof(*a));

	a->daemon = ctx;
	a->req = req;
	a->principal = xstrndup(who->principal.p, who->principal.n);
	a->token = xstrndup(who->token.p, who->token.n);
	a->token_age_ms = who->token_age_ms;
	buf_init(&a->text, BODY_MAX);
	buf_init(&a->behalf, REF_MAX);
	api_wish_read(httpd_req_path(req), &a->wish);
	if (httpd_req_is_post(req) && (!key_read(a) || !order_read(a)))
		return;
	switch (a->wish.what) {
	case WISH_BUILDS:
		if (httpd_req_is_post(req))
			order_build(a);
		else
			list_builds(a);
		return;
	case WISH_BUILD:
	case WISH_ACT: ask_build(a); return;
	case WISH_TRIGGER: show_trigger(a); return;
	case WISH_NOTHING: break;
	}
	asking_refuse(a, 404, "not-found", "There is nothing here.");
}

struct httpd_verdict api_triggers_head(struct daemon *d, struct httpd_req *req)
{
	struct httpd_problem method = { .status = 405, .type = "method" };
	bool post = httpd_req_is_post(req), fits;
	struct api_wish w;

	(void)d;
	api_wish_read(httpd_req_path(req), &w);
	fits = w.what == WISH_NOTHING || (post ? api_wish_posts(&w) : api_wish_gets(&w));
	api_wish_release(&w);
	if (fits)
		return (struct httpd_verdict){ .body_max = post ? BODY_MAX : 0 };
	method.detail = post ? "This is read with GET." : "This is ordered with POST.";
	method.fields = post ? "Allow: GET\r\n" : "Allow: POST\r\n";
	httpd_reply_problem(req, &method);
	return (struct httpd_verdict){ .refused = true };
}

void api_triggers_request(struct daemon *d, struct httpd_req *req)
{
	visitors_ask(d->visitors, req, on_known, d);
}
