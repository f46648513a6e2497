/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "io/secmem.h"
#include "secret/safe_impl.h"

/* A refusal that comes again so soon after an answer tells nothing new. */
#define DOUBT_PAUSE_MS 1000

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS (5 * 60 * 1000)

struct safe_entry *safe_entry_find(
	const struct safe *s, const char *provider, const char *path, const char *field)
{
	struct safe_entry *e;

	TAILQ_FOREACH (e, &s->entries, link) {
		if (strcmp(e->place->provider->name, provider) == 0 && strcmp(e->path, path) == 0 &&
			text_same(e->field, field))
			return e;
	}
	return NULL;
}

static const struct provider *provider_of(const struct safe_entry *e)
{
	return e->place->provider;
}

/* What one question less or more waits for shall not differ by much between relays. */
static int64_t wait_after_failure(struct safe_entry *e)
{
	int64_t ms = e->failures > 9 ? RETRY_MAX_MS : (int64_t)RETRY_MIN_MS << e->failures;

	e->failures++;
	return keyring_refresh_after((ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS) * 3 / 2, random_u64());
}

bool safe_entry_is_idle(const struct safe_entry *e)
{
	return TAILQ_EMPTY(&e->waits) && TAILQ_EMPTY(&e->watches);
}

/* The configuration has it, or somebody watches it. */
static bool is_kept(const struct safe_entry *e)
{
	return e->pinned || !TAILQ_EMPTY(&e->watches);
}

void safe_entry_tell(struct safe_entry *e, enum err err, const char *why)
{
	struct safe_watch *w;

	TAILQ_FOREACH (w, &e->watches, link)
		w->on_word(w->ctx, err, err == ERR_OK ? NULL : why);
}

static void news_owe(struct safe_entry *e)
{
	e->place->changes++;
	if (e->pinned)
		loop_defer(e->safe->needs.loop, &e->safe->news);
}

/* --- time --- */

static struct mono good_until(const struct safe_entry *e)
{
	const struct provider *p = provider_of(e);

	return (struct mono){ e->fetched.ms + p->refresh_ms + p->grace_ms };
}

bool safe_entry_is_fresh(const struct safe_entry *e)
{
	return e->ring.current != NULL &&
	       clock_mono().ms < e->fetched.ms + provider_of(e)->refresh_ms;
}

static void timer_pull(struct mono now, struct mono at, int64_t *wait_ms)
{
	if (at.ms - now.ms < *wait_ms)
		*wait_ms = at.ms > now.ms ? at.ms - now.ms : 0;
}

/* Ask again in wait_ms, or wake before that to forget what is over. */
static void timer_set(struct safe_entry *e, int64_t wait_ms)
{
	const struct mono now = clock_mono();

	e->due.ms = now.ms + wait_ms;
	if (e->ring.previous != NULL)
		timer_pull(now, e->ring.previous_until, &wait_ms);
	if (e->ring.current != NULL)
		timer_pull(now, good_until(e), &wait_ms);
	loop_timer_set(e->timer, wait_ms);
}

static int64_t refresh_in(const struct safe_entry *e)
{
	return keyring_refresh_after(provider_of(e)->refresh_ms, random_u64());
}

/* Forget what is over. */
static void ring_expire(struct safe_entry *e, struct mono now)
{
	const bool shrinks = keyring_expire(&e->ring, now);

	if (e->ring.current != NULL && now.ms >= good_until(e).ms) {
		keyring_release(&e->ring);
		news_owe(e);
		safe_entry_tell(e, ERR_NOTFOUND, "there is no value that is still good");
	} else if (shrinks) {
		news_owe(e);
		safe_entry_tell(e, ERR_OK, NULL);
	}
}

static void on_timer(void *ctx)
{
	struct safe_entry *e = ctx;
	const struct mono now = clock_mono();

	ring_expire(e, now);
	if (is_kept(e) && now.ms >= e->due.ms)
		safe_entry_ask(e);
	else if (is_kept(e) || e->ring.current != NULL)
		timer_set(e, e->due.ms > now.ms ? e->due.ms - now.ms : refresh_in(e));
	else if (TAILQ_EMPTY(&e->waits) && e->ask.state == ASK_IDLE)
		safe_entry_free(e);
}

/* --- questions --- */

static bool place_is_well(const struct safe *s, const struct safe_place *p)
{
	const struct safe_entry *e;

	TAILQ_FOREACH (e, &s->entries, link) {
		if (e->place == p && e->pinned && e->failures > 0)
			return false;
	}
	return true;
}

static void trouble_set(struct safe_place *p, const struct safe *s, const char *why)
{
	const bool was = p->trouble[0] != '\0';

	if (why == NULL && !place_is_well(s, p))
		return;
	snprintf(p->trouble, sizeof(p->trouble), "%s", why == NULL ? "" : why);
	if (was != (why != NULL))
		s->needs.on_trouble(s->needs.ctx, p->provider->name, why);
}

static void on_answer_before(void *ctx, struct secret_answer *a)
{
	struct safe_entry *e = ctx;
	const struct mono now = clock_mono();
	const struct mono until = e->ring.previous_until;

	if (a->err != ERR_OK)
		return;
	if (e->ring.current == NULL || e->ring.previous != NULL || until.ms <= now.ms) {
		secret_free(a->value);
		return;
	}
	keyring_put_previous(&e->ring, a->value, until);
	news_owe(e);
	timer_set(e, refresh_in(e));
	safe_entry_tell(e, ERR_OK, NULL);
}

/*
 * The first value that is fetched may have just taken over from another one, which
 * those on the other side may still go by.
 */
static void before_ask(struct safe_entry *e, const struct secret_answer *a)
{
	int64_t left_ms;

	if (a->made_at.ms == WALL_NONE.ms || a->version[0] == '\0')
		return;
	left_ms = a->made_at.ms + provider_of(e)->overlap_ms - clock_wall().ms;
	if (left_ms <= 0 || left_ms > provider_of(e)->overlap_ms)
		return;
	e->ring.previous_until.ms = clock_mono().ms + left_ms;
	e->ask_before.before = e->version;
	provider_ask(e->place->provider, &e->ask_before);
}

static void value_take(struct safe_entry *e, struct secret_answer *a)
{
	const bool first = e->ring.current == NULL;
	const struct mono now = clock_mono();

	e->fetched = now;
	e->failures = 0;
	snprintf(e->version, sizeof(e->version), "%s", a->version);
	if (keyring_put(&e->ring, a->value, now, provider_of(e)->overlap_ms)) {
		e->is_doubted = false;
		news_owe(e);
	}
	if (first)
		before_ask(e, a);
}

static void on_answer(void *ctx, struct secret_answer *a)
{
	struct safe_entry *e = ctx;
	struct safe_place *p = e->place;

	p->fetches++;
	if (a->err == ERR_OK) {
		p->word_at = clock_wall();
		value_take(e, a);
		timer_set(e, refresh_in(e));
		trouble_set(p, e->safe, NULL);
	} else {
		p->failures++;
		timer_set(e, wait_after_failure(e));
		/* That an entity has no secret is no trouble of the provider's. */
		if (e->pinned || a->err == ERR_IO || a->err == ERR_BUSY)
			trouble_set(p, e->safe, a->why);
	}
	safe_entry_answered(e, a->err, a->why);
}

void safe_entry_ask(struct safe_entry *e)
{
	if (e->ask.state != ASK_IDLE)
		return;
	loop_timer_stop(e->timer);
	provider_ask(e->place->provider, &e->ask);
}

void safe_entry_doubt(struct safe_entry *e)
{
	const struct mono now = clock_mono();

	if (e->is_doubted || e->ring.current == NULL || now.ms < e->fetched.ms + DOUBT_PAUSE_MS)
		return;
	e->is_doubted = true;
	safe_entry_ask(e);
}

/* --- life --- */

static void on_kick(struct loop_task *t)
{
	struct safe_entry *e = CONTAINER_OF(t, struct safe_entry, kick);

	safe_entry_answered(e, ERR_OK, NULL);
}

struct safe_entry *safe_entry_new(
	struct safe *s, struct safe_place *place, const char *path, const char *field)
{
	struct safe_entry *e = xcalloc(1, sizeof(*e));

	e->safe = s;
	e->place = place;
	e->path = xstrdup(path);
	e->field = field == NULL ? NULL : xstrdup(field);
	keyring_init(&e->ring);
	e->ask = (struct provider_ask){
		.path = e->path,
		.field = e->field,
		.on_answer = on_answer,
		.ctx = e,
	};
	e->ask_before = e->ask;
	e->ask_before.on_answer = on_answer_before;
	e->timer = loop_timer_new(s->needs.loop, on_timer, e);
	e->kick.run = on_kick;
	TAILQ_INIT(&e->waits);
	TAILQ_INIT(&e->watches);
	TAILQ_INSERT_TAIL(&s->entries, e, link);
	s->count++;
	return e;
}

void safe_entry_free(struct safe_entry *e)
{
	struct safe_watch *watch;
	struct safe_wait *w;

	TAILQ_REMOVE(&e->safe->entries, e, link);
	e->safe->count--;
	provider_cancel(&e->ask);
	provider_cancel(&e->ask_before);
	loop_timer_free(e->timer);
	loop_undefer(e->safe->needs.loop, &e->kick);
	while ((w = TAILQ_FIRST(&e->waits)) != NULL) {
		TAILQ_REMOVE(&e->waits, w, link);
		free(w);
	}
	while ((watch = TAILQ_FIRST(&e->watches)) != NULL)
		safe_unwatch(watch);
	keyring_release(&e->ring);
	free(e->path);
	free(e->field);
	free(e);
}
