/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "model/backoff.h"
#include "model/catalog.h"
#include "relay/journal.h"
#include "relay/source.h"
#include "relay/token.h"
#include "relay/variables_impl.h"
#include "secret/safe.h"
#include "travis/api.h"

#define PATH_MAX_BYTES 2048
#define VALUE_MAX      1024
#define RECORD_MAX     (16 * 1024)

#define SAVE_AGAIN_MS 1000
/* What may pass is tried again sooner than what somebody has to see to. */
#define PASSING_FIRST_MS INT64_C(5000)
#define PASSING_MAX_MS   INT64_C(300000)
#define LASTING_FIRST_MS INT64_C(60000)
#define LASTING_MAX_MS   INT64_C(3600000)
/* Failures in a row before one that may pass is trouble. */
#define PATIENCE 3
/* Lists of one push: what is in one may be gone or there when it is acted upon. */
#define ROUNDS_MAX 3

static void on_recorded(void *ctx, const struct append_answer *a);

/* --- how it ends --- */

static void push_end(struct target *t)
{
	t->rounds = 0;
	t->state = TARGET_RESTING;
	target_leave(t);
	if (t->entry != NULL)
		target_look(t);
	else
		target_reap(t);
}

/* Its token may not be used now: others go on meanwhile (variables.c). */
static void push_postpone(struct target *t)
{
	t->rounds = 0;
	target_leave(t);
	target_enqueue(t);
}

static void push_succeeded(struct target *t)
{
	t->tries = 0;
	t->checked = loop_now(t->all->relay->loop);
	if (!t->lacking)
		target_set_trouble(t, NULL);
	push_end(t);
}

static void push_failed(struct target *t, const char *why, bool may_pass, int64_t wait_ms)
{
	const struct backoff pace = may_pass ? (struct backoff){ PASSING_FIRST_MS, PASSING_MAX_MS }
					     : (struct backoff){ LASTING_FIRST_MS, LASTING_MAX_MS };

	t->all->stats.failures++;
	t->tries++;
	if (wait_ms == 0)
		wait_ms = backoff_wait(&pace, t->tries, random_u64());
	log_warning("variable.fail",
		"name=%s repository=%s variable=%s tries=%u wait_ms=%" PRId64 " why=\"%s\"",
		t->name, t->slug, t->variable, t->tries, wait_ms, why);
	if (!may_pass || t->tries >= PATIENCE)
		target_set_trouble(t, why);
	loop_timer_set(t->timer, wait_ms);
	push_end(t);
}

static void push_refused(struct target *t, const struct travis_reply *r)
{
	bool may_pass = r->answer == TRAVIS_TRANSIENT || r->answer == TRAVIS_LIMITED;
	const struct source *s = relay_source(t->all->relay, span_of(t->source));

	/* There may be a newer token, which takes a while to be known. */
	if (r->answer == TRAVIS_UNAUTHORIZED && s != NULL)
		may_pass = token_doubt(t->all->relay, s, span_of(t->entity)) && t->tries < PATIENCE;
	push_failed(t, r->why, may_pass, r->answer == TRAVIS_LIMITED ? r->wait_ms : 0);
}

/* --- what is written down --- */

static const char *audit_reason(const struct target *t)
{
	if (t->next.digest[0] == '\0')
		return t->at.id[0] == '\0' ? "gone" : "overlap-over";
	return t->at.id[0] == '\0' ? "created" : "replaced";
}

static void audit_write(const struct target *t, struct buf *out)
{
	const struct pushed *p = t->next.digest[0] != '\0' ? &t->next : &t->known;
	const struct span entity = span_of(t->entity);
	char detail[TARGET_DETAIL_MAX];
	struct entity e;
	struct audit_record r = target_record(t, &entity);

	r.at = clock_wall();
	r.action = t->next.digest[0] != '\0' ? "variable.push" : "variable.remove";
	r.outcome = "success";
	r.reason = audit_reason(t);
	r.detail = target_detail(t, p, detail);
	if (t->all->relay->catalog != NULL && catalog_get(t->all->relay->catalog, entity, &e)) {
		r.owner = e.owner;
		r.owners = e.owners;
	}
	IGNORE(audit_record_write(&r, out) != ERR_OK);
}

/* Write down p; what removes the record is the one that has no digest and asks nothing. */
static void record(struct target *t, const struct pushed *p, bool audited)
{
	CLEANUP(buf_release) struct buf value, audit;
	struct store_put put;
	struct store_append append = { .puts = &put, .puts_n = 1 };
	struct span entry;
	enum err e = ERR_OK;

	buf_init(&value, VALUE_MAX);
	buf_init(&audit, RECORD_MAX);
	if (p->digest[0] != '\0' || p->asking)
		e = pushed_write(p, &value);
	if (audited)
		audit_write(t, &audit);
	put = (struct store_put){ NS_VARIABLE, span_of(t->key), t->version, buf_span(&value) };
	entry = buf_span(&audit);
	append.audit = &entry;
	append.audit_n = entry.n > 0;
	if (e == ERR_OK)
		e = store_append(t->all->relay->store, &append, on_recorded, t);
	t->unsaved = e != ERR_OK;
	if (e == ERR_OK)
		t->owed++;
	else
		loop_timer_set(t->timer, SAVE_AGAIN_MS);
}

/* Before: that it is being written. After: what is there now, with its audit entry. */
static void record_step(struct target *t)
{
	struct pushed asking = t->known;

	asking.asking = true;
	if (t->step == STEP_MARK)
		record(t, &asking, false);
	else
		record(t, &t->next, true);
}

static void took(struct target *t)
{
	const bool removed = t->step == STEP_RECORD && t->next.digest[0] == '\0';

	t->version = removed ? 0 : t->version + 1;
	if (t->step == STEP_MARK) {
		t->known.asking = true;
		t->step = STEP_WRITE;
		target_push(t);
		return;
	}
	t->known = t->next;
	t->all->stats.pushes++;
	log_notice(removed ? "variable.remove" : "variable.push",
		"name=%s entity=%s repository=%s variable=%s version=%s digest=%s", t->name,
		t->entity, t->slug, t->variable, t->known.version, t->known.digest);
	push_succeeded(t);
}

static void on_recorded(void *ctx, const struct append_answer *a)
{
	struct target *t = ctx;

	t->owed--;
	switch (a->result) {
	case APPEND_STORED: took(t); return;
	case APPEND_CONFLICT:
		/* Another instance was faster, or our own answer was lost. */
		t->version = a->held[0].version;
		break;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: break;
	}
	t->unsaved = true;
	loop_timer_set(t->timer, SAVE_AGAIN_MS);
}

/* --- what Travis has --- */

/* Begin anew where what we looked at has changed meanwhile. */
static void look_again(struct target *t, const struct travis_reply *r)
{
	if (t->rounds >= ROUNDS_MAX) {
		push_failed(t, r->why, false, 0);
		return;
	}
	t->step = STEP_LIST;
	target_push(t);
}

/* It is not as it should be: say what will be, and write down that it is about to be. */
static void change(struct target *t, const struct wanted *w)
{
	pushed_init(&t->next);
	if (w->value != NULL) {
		snprintf(t->next.digest, sizeof(t->next.digest), "%s", w->digest);
		snprintf(t->next.version, sizeof(t->next.version), "%s", w->version);
	}
	t->step = STEP_MARK;
	target_push(t);
}

/* The one that is there is what we wrote, and nobody can read it. */
static bool is_ours(const struct target *t, bool found)
{
	return found && !t->at.is_public && !t->known.asking && strcmp(t->at.id, t->known.id) == 0;
}

/* There shall be none. What others wrote under this name is theirs. */
static void remove_or_forget(struct target *t, bool found)
{
	pushed_init(&t->next);
	if (found && (t->known.asking || strcmp(t->at.id, t->known.id) == 0)) {
		t->step = STEP_WRITE;
		target_push(t);
		return;
	}
	t->step = STEP_RECORD;
	target_push(t);
}

static void compare(struct target *t, bool found)
{
	struct wanted w;

	target_want(t, &w);
	if (!w.known || t->entry == NULL)
		push_end(t);
	else if (w.value == NULL)
		remove_or_forget(t, found);
	else if (is_ours(t, found) && strcmp(w.digest, t->known.digest) == 0)
		push_succeeded(t);
	else
		change(t, &w);
	wanted_release(&w);
}

static void answered(struct target *t, const struct travis_reply *r)
{
	t->call = NULL;
	token_heed(t->all->relay, &t->token, span_of(t->source), span_of(t->entity), r);
}

static void on_listed(void *ctx, const struct travis_reply *r)
{
	struct target *t = ctx;
	enum err e;

	answered(t, r);
	if (r->answer != TRAVIS_OK) {
		push_refused(t, r);
		return;
	}
	t->rounds++;
	t->at = (struct travis_env_var){ 0 };
	e = travis_env_vars_find(r->body, span_of(t->variable), span_of(t->branch), &t->at);
	if (e == ERR_OK || e == ERR_NOTFOUND)
		compare(t, e == ERR_OK);
	else
		push_failed(t, "Travis's list of variables cannot be read", true, 0);
}

static void on_written(void *ctx, const struct travis_reply *r)
{
	struct target *t = ctx;
	struct travis_env_var v;

	answered(t, r);
	if (r->status == 409 || (r->answer == TRAVIS_NOT_FOUND && t->at.id[0] != '\0')) {
		look_again(t, r);
		return;
	}
	if (r->answer != TRAVIS_OK) {
		push_refused(t, r);
		return;
	}
	if (t->next.digest[0] != '\0') {
		if (travis_env_var_read(r->body, span_of(t->variable), &v) != ERR_OK) {
			push_failed(t, "Travis's answer cannot be read", true, 0);
			return;
		}
		snprintf(t->next.id, sizeof(t->next.id), "%s", v.id);
		t->next.at = clock_wall();
	}
	t->step = STEP_RECORD;
	target_push(t);
}

/* --- asking it --- */

static enum err path_write(const struct target *t, struct buf *out)
{
	char rest[TRAVIS_ENV_VAR_ID_MAX + 16] = "/env_vars";

	if (t->step == STEP_WRITE && t->at.id[0] != '\0')
		snprintf(rest, sizeof(rest), "/env_var/%s", t->at.id);
	return travis_path_repo(span_of(t->slug), rest, out);
}

static const char *method_of(const struct target *t)
{
	if (t->step == STEP_LIST)
		return "GET";
	if (t->next.digest[0] == '\0')
		return "DELETE";
	return t->at.id[0] == '\0' ? "POST" : "PATCH";
}

/* The value may be another one than when it was marked: what is sent is what is said. */
static enum err body_write(struct target *t, struct secret **out)
{
	struct wanted w;
	enum err e;

	target_want(t, &w);
	if (w.value == NULL) {
		wanted_release(&w);
		return ERR_NOTFOUND;
	}
	snprintf(t->next.digest, sizeof(t->next.digest), "%s", w.digest);
	snprintf(t->next.version, sizeof(t->next.version), "%s", w.version);
	e = travis_env_var_write(span_of(t->variable), span_of(t->branch), w.value, out);
	wanted_release(&w);
	return e;
}

static enum err send(struct target *t, struct source *s, const struct secret *token)
{
	CLEANUP(buf_release) struct buf path;
	struct secret *body = NULL;
	const bool lists = t->step == STEP_LIST;
	enum err e;

	buf_init(&path, PATH_MAX_BYTES);
	e = path_write(t, &path);
	if (e == ERR_OK && !lists && t->next.digest[0] != '\0')
		e = body_write(t, &body);
	if (e == ERR_OK)
		e = travis_api_send_secret(s->api, method_of(t), path.data, token, body,
			lists ? on_listed : on_written, t, &t->call);
	secret_free(body);
	return e;
}

static void send_with(struct target *t, struct source *s, const struct secret *token)
{
	struct relay *r = t->all->relay;
	enum err e;

	t->token = budget_name(r->budget, span_of(s->host), token);
	if (budget_admit_spare(r->budget, &t->token, t->step == STEP_WRITE, loop_now(r->loop)) >
		0) {
		push_postpone(t);
		return;
	}
	e = send(t, s, token);
	if (e == ERR_PARSE)
		push_failed(t, "the value or the token is no text that can be sent", false, 0);
	else if (e != ERR_OK)
		push_failed(t, "it cannot be asked for now", true, 0);
}

static void on_token(void *ctx, const struct secret *token, enum err err, const char *why)
{
	struct target *t = ctx;
	struct source *s = relay_source(t->all->relay, span_of(t->source));

	(void)err;
	t->wait = NULL;
	if (token == NULL)
		push_failed(t, why, true, 0);
	else if (s == NULL || s->api == NULL)
		push_failed(t, "this source has no API any more", false, 0);
	else
		send_with(t, s, token);
}

static void ask(struct target *t)
{
	CLEANUP(freep) char *why = NULL;
	struct relay *r = t->all->relay;
	struct source *s = relay_source(r, span_of(t->source));

	if (s == NULL || s->api == NULL)
		push_failed(t, "this source has no API any more", false, 0);
	else if (token_fetch(r, s, span_of(t->entity), on_token, t, &t->wait, &why) != ERR_OK)
		push_failed(t, why, false, 0);
}

/*
 * Who is not wanted any more has no token fetched and writes nothing. What was
 * written is put on record whatever has changed.
 */
static bool may_go_on(struct target *t)
{
	if (t->step == STEP_RECORD)
		return true;
	if (t->entry == NULL || !target_is_wanted(t)) {
		variables_scan_soon(t->all);
		target_drop(t);
		return false;
	}
	return variables_hold(t->all);
}

void target_push(struct target *t)
{
	if (!may_go_on(t)) {
		push_end(t);
		return;
	}
	switch (t->step) {
	case STEP_LIST:
	case STEP_WRITE: ask(t); return;
	case STEP_MARK:
	case STEP_RECORD: record_step(t); return;
	}
}

void target_push_rekey(struct target *t)
{
	if (t->wait == NULL)
		return;
	safe_cancel(TAKE(t->wait));
	target_push(t);
}
