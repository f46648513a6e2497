/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/safe.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/secmem.h"
#include "secret/safe_impl.h"

/* Of entities, beside those of the configuration. */
#define ENTRIES_MAX 4096

static void on_news(struct loop_task *t)
{
	struct safe *s = CONTAINER_OF(t, struct safe, news);

	s->needs.on_change(s->needs.ctx);
}

static void on_ready(struct loop_task *t)
{
	struct safe *s = CONTAINER_OF(t, struct safe, ready);

	s->awaiting = false;
	s->on_ready(s->ready_ctx, s->ready_err, s->ready_why);
}

struct safe *safe_new(const struct safe_needs *needs)
{
	struct safe *s = xcalloc(1, sizeof(*s));

	s->needs = *needs;
	s->news.run = on_news;
	s->ready.run = on_ready;
	TAILQ_INIT(&s->entries);
	return s;
}

void safe_free(struct safe *s)
{
	struct safe_entry *e;

	if (s == NULL)
		return;
	loop_undefer(s->needs.loop, &s->news);
	loop_undefer(s->needs.loop, &s->ready);
	while ((e = TAILQ_FIRST(&s->entries)) != NULL)
		safe_entry_free(e);
	for (size_t i = 0; i < s->places; i++) {
		provider_free(s->place[i]->provider);
		free(s->place[i]);
	}
	free(s);
}

void safe_add_provider(struct safe *s, struct provider *p)
{
	struct safe_place *place = xcalloc(1, sizeof(*place));

	assert(s->places < SAFE_PLACES_MAX);
	*place = (struct safe_place){ .provider = p, .word_at = WALL_NONE };
	s->place[s->places++] = place;
}

static struct safe_place *place_find(const struct safe *s, const char *name)
{
	for (size_t i = 0; i < s->places; i++) {
		if (strcmp(s->place[i]->provider->name, name) == 0)
			return s->place[i];
	}
	return NULL;
}

/* --- secrets of the configuration --- */

static void await_end_one(struct safe_entry *e, enum err err, const char *why)
{
	struct safe *s = e->safe;

	if (!e->awaited)
		return;
	e->awaited = false;
	if (err != ERR_OK && e->ring.current == NULL && s->ready_err == ERR_OK) {
		s->ready_err = err;
		snprintf(s->ready_why, sizeof(s->ready_why), "secret '%.200s' of provider '%s': %s",
			e->path, e->place->provider->name, why);
	}
	if (--s->awaited == 0)
		loop_defer(s->needs.loop, &s->ready);
}

void safe_entry_answered(struct safe_entry *e, enum err err, const char *why)
{
	const enum err told = e->ring.current != NULL ? ERR_OK : err;
	struct safe_wait *w;

	await_end_one(e, err, why);
	while ((w = TAILQ_FIRST(&e->waits)) != NULL) {
		void (*on_secret)(void *, const struct secret *, enum err, const char *) =
			w->on_secret;
		void *ctx = w->ctx;

		TAILQ_REMOVE(&e->waits, w, link);
		free(w);
		on_secret(ctx, e->ring.current, told, told == ERR_OK ? NULL : why);
	}
	safe_entry_tell(e, err, why);
}

static void await_one(struct safe *s, const struct secret_ref *r)
{
	struct safe_entry *e = safe_entry_find(s, r->provider, r->name, r->field);

	if (e == NULL) {
		struct safe_place *place = place_find(s, r->provider);

		assert(place != NULL);
		e = safe_entry_new(s, place, r->name, r->field);
	}
	e->pinned = true;
	if (e->awaited)
		return;
	e->awaited = true;
	s->awaited++;
	safe_entry_ask(e);
}

void safe_await(struct safe *s, const struct secret_ref *const *refs, size_t n,
	void (*on_ready_fn)(void *ctx, enum err e, const char *why), void *ctx)
{
	struct safe_entry *e;

	TAILQ_FOREACH (e, &s->entries, link)
		e->awaited = false;
	loop_undefer(s->needs.loop, &s->ready);
	s->awaiting = true;
	s->awaited = 0;
	s->ready_err = ERR_OK;
	s->ready_why[0] = '\0';
	s->on_ready = on_ready_fn;
	s->ready_ctx = ctx;
	for (size_t i = 0; i < n; i++) {
		if (secret_ref_is_remote(refs[i]))
			await_one(s, refs[i]);
	}
	if (s->awaited == 0)
		loop_defer(s->needs.loop, &s->ready);
}

void safe_keep(struct safe *s, const struct secret_ref *const *refs, size_t n)
{
	struct safe_entry *e, *next;

	TAILQ_FOREACH (e, &s->entries, link)
		e->marked = false;
	for (size_t i = 0; i < n; i++) {
		if (!secret_ref_is_remote(refs[i]))
			continue;
		e = safe_entry_find(s, refs[i]->provider, refs[i]->name, refs[i]->field);
		if (e != NULL)
			e->marked = true;
	}
	for (e = TAILQ_FIRST(&s->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!e->pinned || e->marked)
			continue;
		if (safe_entry_is_idle(e))
			safe_entry_free(e);
		else
			e->pinned = false;
	}
}

static enum err read_remote(const struct safe *s, const struct secret_ref *r,
	struct secret **current, struct secret **previous, char **why)
{
	const struct safe_entry *e =
		s == NULL ? NULL : safe_entry_find(s, r->provider, r->name, r->field);
	const struct keyring *k = e == NULL ? NULL : &e->ring;

	if (k == NULL || k->current == NULL) {
		if (asprintf(why,
			    "secret '%s' of provider '%s': there is no value that is still good",
			    r->name, r->provider) < 0)
			out_of_memory();
		return ERR_NOTFOUND;
	}
	*current = secret_new(secret_text(k->current), secret_len(k->current));
	if (previous != NULL && k->previous != NULL)
		*previous = secret_new(secret_text(k->previous), secret_len(k->previous));
	return ERR_OK;
}

enum err safe_read(const struct safe *s, const struct secret_ref *r, struct secret **current,
	struct secret **previous, char **why)
{
	if (previous != NULL)
		*previous = NULL;
	if (secret_ref_is_remote(r))
		return read_remote(s, r, current, previous, why);
	return secret_fetch(r, current, why);
}

void safe_doubt(struct safe *s, const struct secret_ref *r)
{
	struct safe_entry *e;

	if (s == NULL || !secret_ref_is_remote(r))
		return;
	e = safe_entry_find(s, r->provider, r->name, r->field);
	if (e != NULL)
		safe_entry_doubt(e);
}

/* --- secrets of an entity --- */

/* Make room by forgetting what nobody waits for, the oldest first. */
static bool room_make(struct safe *s)
{
	struct safe_entry *e;

	if (s->count < ENTRIES_MAX)
		return true;
	TAILQ_FOREACH (e, &s->entries, link) {
		if (e->pinned || !safe_entry_is_idle(e))
			continue;
		safe_entry_free(e);
		return true;
	}
	return false;
}

static enum err entry_of_vars(struct safe *s, const struct secret_ref *r,
	const struct secret_vars *vars, bool make, struct safe_entry **out)
{
	CLEANUP(buf_release) struct buf path;
	struct safe_place *place;
	enum err e;

	buf_init(&path, 2 * SECRET_PATH_MAX);
	place = secret_ref_is_remote(r) ? place_find(s, r->provider) : NULL;
	if (place == NULL)
		return ERR_NOTFOUND;
	e = secret_path_fill(r->name, vars, &path);
	if (e != ERR_OK)
		return e;
	*out = safe_entry_find(s, r->provider, path.data, r->field);
	if (*out != NULL || !make)
		return *out != NULL ? ERR_OK : ERR_NOTFOUND;
	if (!room_make(s))
		return ERR_LIMIT;
	*out = safe_entry_new(s, place, path.data, r->field);
	return ERR_OK;
}

enum err safe_fetch(struct safe *s, const struct secret_ref *r, const struct secret_vars *vars,
	void (*on_secret)(void *ctx, const struct secret *secret, enum err e, const char *why),
	void *ctx, struct safe_wait **wait)
{
	struct safe_entry *entry = NULL;
	struct safe_wait *w;
	enum err e = entry_of_vars(s, r, vars, true, &entry);

	if (e != ERR_OK)
		return e;
	w = xcalloc(1, sizeof(*w));
	*w = (struct safe_wait){ .entry = entry, .on_secret = on_secret, .ctx = ctx };
	TAILQ_INSERT_TAIL(&entry->waits, w, link);
	if (safe_entry_is_fresh(entry))
		loop_defer(s->needs.loop, &entry->kick);
	else
		safe_entry_ask(entry);
	if (wait != NULL)
		*wait = w;
	return ERR_OK;
}

struct secret *safe_known(
	struct safe *s, const struct secret_ref *r, const struct secret_vars *vars)
{
	struct safe_entry *entry = NULL;

	if (entry_of_vars(s, r, vars, false, &entry) != ERR_OK || entry->ring.current == NULL)
		return NULL;
	return secret_new(secret_text(entry->ring.current), secret_len(entry->ring.current));
}

void safe_cancel(struct safe_wait *w)
{
	TAILQ_REMOVE(&w->entry->waits, w, link);
	free(w);
}

void safe_fetch_doubt(struct safe *s, const struct secret_ref *r, const struct secret_vars *vars)
{
	struct safe_entry *entry = NULL;

	if (entry_of_vars(s, r, vars, false, &entry) == ERR_OK)
		safe_entry_doubt(entry);
}

enum err safe_watch(struct safe *s, const struct secret_ref *r, const struct secret_vars *vars,
	void (*on_word)(void *ctx, enum err e, const char *why), void *ctx,
	struct safe_watch **watch)
{
	struct safe_entry *entry = NULL;
	enum err e = entry_of_vars(s, r, vars, true, &entry);

	if (e != ERR_OK)
		return e;
	*watch = xcalloc(1, sizeof(**watch));
	**watch = (struct safe_watch){ .entry = entry, .on_word = on_word, .ctx = ctx };
	TAILQ_INSERT_TAIL(&entry->watches, *watch, link);
	safe_entry_ask(entry);
	return ERR_OK;
}

/* What nobody watches any more is forgotten in its time. */
void safe_unwatch(struct safe_watch *w)
{
	if (w == NULL)
		return;
	TAILQ_REMOVE(&w->entry->watches, w, link);
	free(w);
}

struct safe_value safe_watched(const struct safe_watch *w)
{
	const struct safe_entry *e = w->entry;

	return (struct safe_value){
		.current = e->ring.current,
		.previous = e->ring.previous,
		.version = e->version,
	};
}

/* --- how it is --- */

size_t safe_providers(const struct safe *s)
{
	return s == NULL ? 0 : s->places;
}

struct safe_stats safe_stats(const struct safe *s, size_t i)
{
	const struct safe_place *p = s->place[i];
	struct safe_stats stats = {
		.provider = p->provider->name,
		.trouble = p->trouble,
		.fetches = p->fetches,
		.failures = p->failures,
		.changes = p->changes,
		.word_at = p->word_at,
	};
	const struct safe_entry *e;

	TAILQ_FOREACH (e, &s->entries, link) {
		if (e->place != p || e->ring.current == NULL)
			continue;
		stats.secrets++;
		stats.overlaps += e->ring.previous != NULL;
	}
	return stats;
}
