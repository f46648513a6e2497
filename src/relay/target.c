/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/pseudonym.h"
#include "io/secmem.h"
#include "relay/token.h"
#include "relay/variables_impl.h"
#include "secret/safe.h"
#include "travis/api.h"

_Static_assert(PUSHED_DIGEST_MAX >= PSEUDONYM_MAX, "a digest fits");
_Static_assert(PUSHED_ID_MAX >= TRAVIS_ENV_VAR_ID_MAX, "an id fits");

#define LOAD_AGAIN_MS 1000
/* A call that another run left under way has ended by then. */
#define SETTLE_MS 5000

/* --- the value --- */

/* Of what is on this host there is no previous value. */
static void want_local(const struct target *t, struct wanted *w)
{
	CLEANUP(freep) char *why = NULL;

	if (t->is_previous)
		return;
	w->known = secret_fetch(&t->entry->value, &w->own, &why) == ERR_OK;
	w->value = w->own;
}

static void want_watched(const struct target *t, struct wanted *w)
{
	const struct safe_value v = safe_watched(t->watch);

	w->known = v.current != NULL;
	w->value = t->is_previous ? v.previous : v.current;
	w->version = t->is_previous ? "" : v.version;
}

void target_want(const struct target *t, struct wanted *w)
{
	*w = (struct wanted){ .version = "" };
	if (t->watch != NULL)
		want_watched(t, w);
	else if (t->entry != NULL && !secret_ref_is_remote(&t->entry->value))
		want_local(t, w);
	if (w->value != NULL)
		pseudonym_of_secret(t->all->relay->setup.author.names,
			(struct span){ secret_text(w->value), secret_len(w->value) }, w->digest);
}

void wanted_release(struct wanted *w)
{
	secret_free(w->own);
	w->own = NULL;
	w->value = NULL;
}

static void on_word(void *ctx, enum err e, const char *why)
{
	struct target *t = ctx;
	struct wanted w;

	target_want(t, &w);
	if (e != ERR_OK && !w.known) {
		t->lacking = true;
		target_set_trouble(t, why);
	} else if (t->lacking) {
		t->lacking = false;
		target_set_trouble(t, NULL);
	}
	/* Another value may fare better than the one that failed. */
	if (w.known && strcmp(w.digest, t->tried) != 0 && t->state == TARGET_RESTING &&
		t->tries > 0) {
		t->tries = 0;
		loop_timer_stop(t->timer);
	}
	wanted_release(&w);
	target_look(t);
}

void target_watch(struct target *t)
{
	struct relay *r = t->all->relay;
	const struct secret_vars vars = token_vars(r, span_of(t->entity));
	enum err e;

	if (t->rival || t->watch != NULL || !secret_ref_is_remote(&t->entry->value))
		return;
	e = r->setup.safe == NULL
		    ? ERR_NOTFOUND
		    : safe_watch(r->setup.safe, &t->entry->value, &vars, on_word, t, &t->watch);
	if (e == ERR_OK)
		return;
	t->lacking = true;
	target_set_trouble(t, "no secret can be kept for this entity");
}

void target_unwatch(struct target *t)
{
	safe_unwatch(TAKE(t->watch));
}

/* --- is there something to do? --- */

static bool is_checked(const struct target *t)
{
	const struct mono now = loop_now(t->all->relay->loop);

	/* What is not there need not be looked for. */
	if (t->known.digest[0] == '\0')
		return true;
	return t->checked.ms != 0 && now.ms - t->checked.ms < t->entry->check_ms;
}

static bool is_as_wanted(const struct target *t, const struct wanted *w)
{
	return !t->known.asking && strcmp(t->known.digest, w->digest) == 0;
}

bool target_is_settled(const struct target *t)
{
	struct wanted w;
	bool is;

	target_want(t, &w);
	is = t->state == TARGET_RESTING && w.known && is_as_wanted(t, &w);
	wanted_release(&w);
	return is;
}

/* A value goes on as the previous one before another takes its place. */
static bool waits_for_previous(const struct target *t)
{
	return !t->is_previous && t->pair != NULL && !target_is_settled(t->pair);
}

/* Look again when it is to be checked, or read again what nobody tells of. */
static void rest(struct target *t)
{
	int64_t ms = t->entry->check_ms;

	if (t->checked.ms != 0)
		ms -= loop_now(t->all->relay->loop).ms - t->checked.ms;
	loop_timer_set(t->timer, ms > 0 ? ms : 1);
}

void target_look(struct target *t)
{
	struct wanted w;
	bool idle;

	if (t->state != TARGET_RESTING || t->entry == NULL || t->rival)
		return;
	/* It waits to be tried again. */
	if (t->settling || (t->tries > 0 && loop_timer_is_set(t->timer)))
		return;
	target_want(t, &w);
	idle = !w.known || (is_as_wanted(t, &w) && is_checked(t));
	if (idle || waits_for_previous(t)) {
		rest(t);
	} else {
		snprintf(t->tried, sizeof(t->tried), "%s", w.digest);
		target_enqueue(t);
	}
	wanted_release(&w);
	if (idle && t->is_previous && t->pair != NULL)
		target_look(t->pair);
}

static void on_due(void *ctx)
{
	struct target *t = ctx;

	t->settling = false;
	switch (t->state) {
	case TARGET_LOADING: target_load(t); return;
	case TARGET_RESTING: target_look(t); return;
	case TARGET_PUSHING: target_push(t); return;
	case TARGET_DUE: return;
	}
}

/* --- what the store knows --- */

void target_reap(struct target *t)
{
	if (t->entry == NULL && t->owed == 0 && t->state != TARGET_PUSHING)
		target_free(t);
}

static void on_loaded(void *ctx, enum err e, int64_t version, struct span value)
{
	struct target *t = ctx;

	t->owed--;
	if (t->entry == NULL) {
		target_reap(t);
		return;
	}
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		loop_timer_set(t->timer, LOAD_AGAIN_MS);
		return;
	}
	t->version = version;
	if (e == ERR_OK && pushed_read(value, &t->known) != ERR_OK)
		log_err("variable.unreadable", "variable=\"%s\"", t->key);
	t->state = TARGET_RESTING;
	t->settling = t->known.asking;
	if (t->settling)
		loop_timer_set(t->timer, SETTLE_MS);
	target_look(t);
}

void target_load(struct target *t)
{
	if (store_get(t->all->relay->store, NS_VARIABLE, span_of(t->key), on_loaded, t) == ERR_OK)
		t->owed++;
	else
		loop_timer_set(t->timer, LOAD_AGAIN_MS);
}

/* --- life --- */

struct target *target_new(struct variables *v, const struct variable *entry, const char *key)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->all = v;
	t->entry = entry;
	t->name = xstrdup(entry->name);
	t->key = xstrdup(key);
	t->branch = entry->branch == NULL ? NULL : xstrdup(entry->branch);
	t->timer = loop_timer_new(v->relay->loop, on_due, t);
	pushed_init(&t->known);
	IGNORE(map_put(&v->target, span_of(t->key), t) != NULL);
	v->stats.known++;
	return t;
}

void target_free(struct target *t)
{
	struct variables *v = t->all;

	IGNORE(map_remove(&v->target, span_of(t->key)) != NULL);
	v->stats.known--;
	if (t->pair != NULL)
		t->pair->pair = NULL;
	target_unwatch(t);
	if (t->wait != NULL)
		safe_cancel(t->wait);
	travis_api_cancel(t->call);
	budget_return(v->relay->budget, &t->turn);
	loop_timer_free(t->timer);
	free(t->key);
	free(t->name);
	free(t->entity);
	free(t->slug);
	free(t->source);
	free(t->variable);
	free(t->branch);
	free(t);
}

void target_drop(struct target *t)
{
	target_tell_left(t);
	target_set_trouble(t, NULL);
	target_unwatch(t);
	t->entry = NULL;
	if (t->state == TARGET_DUE)
		target_dequeue(t);
	if (t->state == TARGET_RESTING)
		loop_timer_stop(t->timer);
	target_reap(t);
}
