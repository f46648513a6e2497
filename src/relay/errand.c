/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/errand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/record.h"
#include "base/codec.h"
#include "base/json_write.h"
#include "base/log.h"
#include "io/loop.h"
#include "model/entity.h"
#include "relay/errand_impl.h"
#include "relay/quota.h"
#include "relay/relay_impl.h"
#include "relay/triggers.h"
#include "secret/safe.h"
#include "travis/api.h"

#define VALUE_MAX      (128 * 1024)
#define RECORD_MAX     (16 * 1024)
#define PATH_MAX_BYTES 2048
#define BUILD_NAME_MAX 512

#define SAVE_AGAIN_MS 1000
#define LOOK_FIRST_MS 1000
#define LOOK_MAX_MS   30000

static void on_saved(void *ctx, const struct append_answer *a);

/* --- what is written down --- */

static const char *audit_reason(const struct trigger *t)
{
	return t->rule.n > 0 && t->state == TRIGGER_ACCEPTED ? "allowed"
							     : trigger_state_str(t->state);
}

enum err errand_audit(const struct trigger *t, struct buf *out)
{
	struct audit_record r = {
		.at = t->updated,
		.action = access_action_str(t->action),
		.outcome = t->state > TRIGGER_BUILT ? "failure" : "success",
		.reason = audit_reason(t),
		.actor = t->principal,
		.event = t->id,
		.source = t->source,
		.repository = t->repository,
		.entity = &t->entity,
		.entities = 1,
		.rule = t->rule,
		.token = t->token,
		.detail = t->note,
	};
	char build[BUILD_NAME_MAX];

	if (t->access != NULL) {
		r.inputs = t->access;
		r.owner = t->access->entity->owner;
		r.owners = t->access->entity->owners;
	}
	/* As the entries of its webhooks name it. */
	if (t->builds > 0) {
		snprintf(build, sizeof(build), "%.*s/%" PRId64, SPAN_ARGS(t->host), t->build[0]);
		r.build = span_of(build);
	}
	return audit_record_write(&r, out);
}

static void errand_save(struct errand *e)
{
	CLEANUP(buf_release) struct buf value, audit;
	struct span entry;
	struct store_put put;
	struct store_append append;
	enum err err;

	buf_init(&value, VALUE_MAX);
	buf_init(&audit, RECORD_MAX);
	e->t.updated = clock_wall();
	err = trigger_write(&e->t, &value);
	if (err == ERR_OK)
		err = errand_audit(&e->t, &audit);
	entry = buf_span(&audit);
	put = (struct store_put){ NS_TRIGGER, e->t.id, e->version, buf_span(&value) };
	append = (struct store_append){ .puts = &put, .puts_n = 1, .audit = &entry, .audit_n = 1 };
	if (err == ERR_OK)
		err = store_append(e->relay->store, &append, on_saved, e);
	e->unsaved = err != ERR_OK;
	if (err != ERR_OK)
		loop_timer_set(e->timer, SAVE_AGAIN_MS);
}

/* A new build counts from when it was asked for last; one that will not be made does not. */
static void errand_count(const struct errand *e)
{
	struct quota *q = e->relay->quota;
	const struct trigger *t = &e->t;

	if (t->action != ACCESS_TRIGGER)
		return;
	if (!trigger_counts(t))
		quota_drop(q, t->host, t->repository, t->id);
	else if (!trigger_is_over(t))
		quota_count(q, t->host, t->repository, t->id, loop_now(e->relay->loop));
}

void errand_enter(struct errand *e, enum trigger_state state, const char *note)
{
	snprintf(e->note, sizeof(e->note), "%s", note);
	e->t.state = state;
	e->t.note = span_of(e->note);
	e->tries = 0;
	e->doubted = false;
	e->since = loop_now(e->relay->loop);
	errand_count(e);
	log_info("trigger.state", "trigger=%.*s state=%s repository=%.*s note=\"%s\"",
		SPAN_ARGS(e->t.id), trigger_state_str(state), SPAN_ARGS(e->t.repository), note);
	errand_save(e);
}

static void on_saved(void *ctx, const struct append_answer *a)
{
	struct errand *e = ctx;

	switch (a->result) {
	case APPEND_STORED:
		e->version++;
		errand_go(e);
		return;
	case APPEND_CONFLICT:
		/* It was written and the answer was lost: the store holds what we hold. */
		e->version = a->held[0].version;
		break;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: break;
	}
	e->unsaved = true;
	loop_timer_set(e->timer, SAVE_AGAIN_MS);
}

static bool slug_is_ours(const struct errand *e, struct span slug)
{
	return span_eq_nocase(slug, e->t.repository);
}

/* --- a new build --- */

static void take_request(struct errand *e, const struct travis_request *r, const char *note)
{
	e->t.request = r->id;
	e->t.builds = r->builds;
	for (size_t i = 0; i < r->builds; i++)
		e->t.build[i] = r->build[i];
	switch (r->state) {
	case TRAVIS_REQUEST_PENDING: break;
	case TRAVIS_REQUEST_APPROVED:
		/* Approved is not built: the build may come a moment later. */
		if (r->builds > 0) {
			errand_enter(e, TRIGGER_BUILT, "");
			return;
		}
		break;
	case TRAVIS_REQUEST_REJECTED: errand_enter(e, TRIGGER_REFUSED, note); return;
	}
	if (e->t.state != TRIGGER_REQUESTED)
		errand_enter(e, TRIGGER_REQUESTED, "");
	else if (errand_is_late(e))
		errand_enter(e, TRIGGER_UNCERTAIN, "Travis did not say what came of it");
	else
		errand_retry(e, LOOK_FIRST_MS, LOOK_MAX_MS);
}

/* The repository has had its builds of this hour: others will be told before Travis is asked. */
static void errand_exhaust(struct errand *e, int64_t builds, int64_t per_ms)
{
	quota_full(e->relay->quota, e->t.host, e->t.repository, builds, per_ms,
		loop_now(e->relay->loop));
}

static void on_requested(void *ctx, const struct travis_reply *reply)
{
	struct errand *e = ctx;
	struct travis_request r;
	struct travis_limit limit;

	if (reply->answer == TRAVIS_OK && travis_request_read(reply->body, &r) == ERR_OK) {
		if (r.remaining >= 0 && r.remaining <= 1)
			errand_exhaust(e, QUOTA_DEFAULT, QUOTA_MS);
		take_request(e, &r, "");
	} else if (travis_limit_read(reply, &limit) == ERR_OK) {
		errand_exhaust(e, limit.builds, limit.per_ms);
		errand_enter(e, TRIGGER_REFUSED, reply->why);
	} else if (reply->answer == TRAVIS_OK) {
		errand_enter(e, TRIGGER_UNCERTAIN, "Travis's answer cannot be read");
	} else if (reply->answer == TRAVIS_LIMITED || (errand_may_pass(reply) && !reply->sent)) {
		errand_again(e, reply, TRIGGER_FAILED);
	} else {
		errand_enter(
			e, errand_may_pass(reply) ? TRIGGER_UNCERTAIN : TRIGGER_FAILED, reply->why);
	}
}

static enum err request_write(const struct trigger *t, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_key(&w, "request");
	json_object_begin(&w);
	json_member_opt(&w, "branch", t->branch);
	json_member_opt(&w, "message", t->message);
	json_member_opt(&w, "merge_mode", t->merge_mode);
	if (t->variables.n > 0) {
		json_key(&w, "config");
		json_object_begin(&w);
		json_key(&w, "env");
		json_object_begin(&w);
		json_key(&w, "global");
		json_put_raw(&w, t->variables);
		json_object_end(&w);
		json_object_end(&w);
	}
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

static void ask_for_build(struct errand *e)
{
	CLEANUP(buf_release) struct buf path, body;

	buf_init(&path, PATH_MAX_BYTES);
	buf_init(&body, ERRAND_BODY_MAX);
	if (travis_path_repo(e->t.repository, "/requests", &path) != ERR_OK ||
		request_write(&e->t, &body) != ERR_OK)
		errand_enter(e, TRIGGER_FAILED, "it is too long to be asked for");
	else
		errand_send(e, "POST", path.data, buf_span(&body), on_requested);
}

static void on_looked(void *ctx, const struct travis_reply *reply)
{
	struct errand *e = ctx;
	struct travis_request r;
	char note[ERRAND_NOTE_MAX];

	if (reply->answer != TRAVIS_OK) {
		/* Not to be seen yet is not gone: the request was taken. */
		errand_again(e, reply, TRIGGER_UNCERTAIN);
	} else if (travis_request_read(reply->body, &r) != ERR_OK || r.id != e->t.request ||
		   !slug_is_ours(e, r.slug)) {
		errand_enter(e, TRIGGER_UNCERTAIN, "Travis answered about another repository");
	} else {
		snprintf(note, sizeof(note), "%.*s",
			SPAN_ARGS(utf8_cut(r.message, ERRAND_NOTE_MAX - 1)));
		take_request(e, &r, note);
	}
}

static void look_at_request(struct errand *e)
{
	CLEANUP(buf_release) struct buf path;
	char rest[64];

	buf_init(&path, PATH_MAX_BYTES);
	snprintf(rest, sizeof(rest), "/request/%" PRId64, e->t.request);
	if (travis_path_repo(e->t.repository, rest, &path) == ERR_OK)
		errand_send(e, "GET", path.data, (struct span){ 0 }, on_looked);
}

/* --- a build there is --- */

static void on_ordered(void *ctx, const struct travis_reply *reply)
{
	struct errand *e = ctx;

	/* 409: it is running already, or over already. */
	if (reply->answer == TRAVIS_OK)
		errand_enter(e, TRIGGER_BUILT, "");
	else if (reply->status == 409)
		errand_enter(e, TRIGGER_REFUSED, reply->why);
	else if (errand_may_pass(reply))
		errand_again(e, reply, TRIGGER_FAILED);
	else
		errand_enter(e, TRIGGER_FAILED, reply->why);
}

static void on_checked(void *ctx, const struct travis_reply *reply)
{
	struct errand *e = ctx;
	struct travis_build b;

	if (errand_may_pass(reply)) {
		errand_again(e, reply, TRIGGER_FAILED);
		return;
	}
	if (reply->answer != TRAVIS_OK) {
		errand_enter(e, TRIGGER_FAILED, reply->why);
		return;
	}
	e->checked = travis_build_read(reply->body, &b) == ERR_OK && b.id == e->t.build[0] &&
		     slug_is_ours(e, b.slug);
	if (e->checked)
		errand_go(e);
	else
		errand_enter(e, TRIGGER_FAILED, "this build is of another repository");
}

/* Travis looks a build up by its number alone, so whose it is comes first. */
static void order_build(struct errand *e)
{
	const char *verb = e->t.action == ACCESS_RESTART ? "/restart" : "/cancel";
	char path[64];

	snprintf(path, sizeof(path), "/build/%" PRId64 "%s", e->t.build[0], e->checked ? verb : "");
	if (e->checked)
		errand_send(e, "POST", path, (struct span){ 0 }, on_ordered);
	else
		errand_send(e, "GET", path, (struct span){ 0 }, on_checked);
}

/* --- one step after the other --- */

void errand_go(struct errand *e)
{
	switch (e->t.state) {
	case TRIGGER_ACCEPTED: errand_enter(e, TRIGGER_ASKED, ""); return;
	case TRIGGER_ASKED:
		if (e->t.action == ACCESS_TRIGGER)
			ask_for_build(e);
		else
			order_build(e);
		return;
	case TRIGGER_REQUESTED: look_at_request(e); return;
	case TRIGGER_BUILT:
	case TRIGGER_REFUSED:
	case TRIGGER_FAILED:
	case TRIGGER_UNCERTAIN: break;
	}
	e->on_over(e->ctx, e);
}

void errand_resume(struct errand *e)
{
	if (e->t.state == TRIGGER_ASKED && e->t.action == ACCESS_TRIGGER)
		errand_enter(e, TRIGGER_UNCERTAIN,
			"the relay stopped while it asked; Travis may have heard it");
	else
		errand_go(e);
}

static void on_due(void *ctx)
{
	struct errand *e = ctx;

	if (e->unsaved)
		errand_save(e);
	else
		errand_go(e);
}

void errand_give_turn(struct errand *e, struct budget_turn *turn)
{
	e->turn = *turn;
	turn->held = false;
}

struct errand *errand_new(struct relay *r, const struct trigger *t, int64_t version,
	void (*on_over)(void *ctx, struct errand *e), void *ctx)
{
	CLEANUP(buf_release) struct buf copy;
	struct errand *e = xcalloc(1, sizeof(*e));
	enum err err;

	e->relay = r;
	e->version = version;
	e->on_over = on_over;
	e->ctx = ctx;
	e->since = loop_now(r->loop);
	e->timer = loop_timer_new(r->loop, on_due, e);
	trigger_init(&e->t);
	buf_init(&e->asking.body, ERRAND_BODY_MAX);
	buf_init(&copy, VALUE_MAX);
	err = trigger_write(t, &copy);
	if (err == ERR_OK)
		err = trigger_read(buf_span(&copy), &e->t);
	if (err == ERR_OK)
		return e;
	errand_free(e);
	return NULL;
}

void errand_free(struct errand *e)
{
	if (e == NULL)
		return;
	travis_api_cancel(e->call);
	budget_return(e->relay->budget, &e->turn);
	if (e->wait != NULL)
		safe_cancel(e->wait);
	free(e->asking.path);
	buf_release(&e->asking.body);
	loop_timer_free(e->timer);
	trigger_release(&e->t);
	free(e);
}

const struct trigger *errand_trigger(const struct errand *e)
{
	return &e->t;
}
