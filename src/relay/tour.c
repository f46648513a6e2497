/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tour.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "relay/announce.h"
#include "relay/finding.h"
#include "relay/intake.h"
#include "relay/journal.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "travis/reconcile.h"

#define KEY_MAX 2048
/* Between two looks whether something is due, at most. */
#define IDLE_MS 1000
/* A repository that cannot be seen is looked at so many times less often. */
#define SELDOM    12
#define MINUTE_MS 60000

static void on_step(void *ctx);
static void on_looked(void *ctx, const struct travis_reply *r);
static void on_swept(void *ctx, const struct sweep_end *end);

struct tour *tour_new(struct relay *r, const char *source)
{
	struct tour *t = xcalloc(1, sizeof(*t));

	t->relay = r;
	t->source = xstrdup(source);
	t->timer = loop_timer_new(r->loop, on_step, t);
	t->since = t->swept_at = WALL_NONE;
	repos_init(&t->repos);
	watchlist_init(&t->watch);
	inquiry_init(&t->look, r, on_looked, t);
	sweep_init(&t->sweep, r, on_swept, t);
	return t;
}

void tour_free(struct tour *t)
{
	if (t == NULL)
		return;
	repos_release(&t->repos);
	inquiry_release(&t->look);
	sweep_release(&t->sweep);
	watchlist_release(&t->watch);
	loop_timer_free(t->timer);
	free(t->looked_slug);
	free(t->refused);
	free(t->trouble);
	free(t->source);
	free(t);
}

/* NULL while there is nothing to be asked. */
static struct source *source_of(const struct tour *t)
{
	struct source *s = relay_source(t->relay, span_of(t->source));

	return s == NULL || s->api == NULL || !s->heal.enabled ? NULL : s;
}

static struct watchlist_rules rules_of(const struct source *s)
{
	return (struct watchlist_rules){ s->heal.unfinished_ms, s->heal.window_ms };
}

/* --- repositories --- */

/* An entity that claims it, so that its owner's token is used; empty if none does. */
static struct span claimed_by(const struct tour *t, struct span slug)
{
	struct entity e;

	return catalog_find(t->relay->catalog, slug, &e, 1) > 0 ? e.ref : (struct span){ NULL, 0 };
}

/* --- what is kept --- */

static void on_kept(void *ctx, enum claim_result r)
{
	(void)ctx;
	if (r != CLAIM_OK)
		log_warning("gap.unkept", "result=%d", (int)r);
}

static void tour_keep(struct tour *t, struct span slug, struct wall value)
{
	CLEANUP(buf_release) struct buf key;
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRId64, value.ms);
	struct store_put put = { .ns = NS_HEAL, .value = { text, (size_t)n } };

	buf_init(&key, KEY_MAX);
	IGNORE(buf_addf(&key, "%s%s%.*s", t->source, slug.n > 0 ? " " : "", SPAN_ARGS(slug)));
	put.key = buf_span(&key);
	if (store_put(t->relay->store, &put, 1, on_kept, NULL) != ERR_OK)
		on_kept(NULL, CLAIM_RETRY);
}

void tour_restore(struct tour *t, struct span slug, int64_t value)
{
	if (t->going)
		return;
	if (slug.n == 0)
		t->since.ms = value;
	else
		repos_get(&t->repos, slug, loop_now(t->relay->loop))->through.ms = value;
}

void tour_restore_build(struct tour *t, int64_t id, struct span slug, bool over, int64_t age_ms)
{
	const struct source *s = source_of(t);
	struct mono now = loop_now(t->relay->loop);
	struct watchlist_rules rules;

	if (s == NULL || t->going)
		return;
	/* Where something happened last, most is likely to have been missed. */
	repos_get(&t->repos, slug, now)->due.ms = now.ms - s->heal.window_ms + age_ms;
	rules = rules_of(s);
	if (!over)
		watchlist_note(&t->watch, id, slug, (struct mono){ now.ms - age_ms }, &rules);
}

/* --- troubles --- */

static void tour_fails(struct tour *t, const struct source *s, const char *slug, const char *why)
{
	t->failures++;
	log_warning("gap.unasked", "source=%s repository=%s why=\"%s\"", s->name, slug, why);
	free(t->trouble);
	t->trouble = xstrdup(why);
}

/* Operators hear of it once, until the same repository's token is taken again. */
static void tour_is_refused(struct tour *t, const char *slug, const char *why)
{
	if (t->refused != NULL)
		return;
	t->refused = xstrdup(slug);
	log_err("gap.refused", "source=%s why=\"%s\"", t->source, why);
	announce_trouble(t->relay->announcer, TROUBLE_GAPS, t->source, why);
}

static void tour_is_answered(struct tour *t, const char *slug)
{
	free(TAKE(t->trouble));
	if (t->refused == NULL || strcmp(t->refused, slug) != 0)
		return;
	free(TAKE(t->refused));
	log_notice("gap.recover", "source=%s", t->source);
	announce_trouble(t->relay->announcer, TROUBLE_GAPS, t->source, NULL);
}

/* What an answer that is none means for the source. Returns how many times as long to wait. */
static int tour_heed(struct tour *t, struct source *s, const char *slug, enum travis_answer answer,
	const char *why, int64_t wait_ms)
{
	switch (answer) {
	case TRAVIS_OK: tour_is_answered(t, slug); return 1;
	case TRAVIS_TRANSIENT: tour_fails(t, s, slug, why); return 1;
	case TRAVIS_LIMITED:
		tour_fails(t, s, slug, why);
		source_hush(s, loop_now(t->relay->loop), wait_ms);
		return 1;
	case TRAVIS_UNAUTHORIZED: tour_is_refused(t, slug, why); break;
	case TRAVIS_FORBIDDEN:
	case TRAVIS_NOT_FOUND:
	case TRAVIS_REFUSED: break;
	}
	tour_fails(t, s, slug, why);
	return SELDOM;
}

/* --- builds that are not over --- */

static void tour_abandon(struct tour *t, const struct watch *w)
{
	char build[32];
	int n = snprintf(build, sizeof(build), "%" PRId64, w->id);
	struct audit_record r = {
		.action = "build.abandon",
		.outcome = "failure",
		.reason = "unfinished",
		.actor = SPAN("stagewired"),
		.source = span_of(t->source),
		.repository = span_of(w->slug),
		.build = { build, (size_t)n },
		.detail =
			SPAN("there was no news of it for too long; it is not asked for any more"),
	};

	t->abandoned++;
	log_warning(
		"gap.abandon", "source=%s repository=%s build=%" PRId64, t->source, w->slug, w->id);
	journal_write(t->relay->journal, &r);
	watchlist_forget(&t->watch, w->id);
}

/* Whatever was found out of a build, the next one may be asked for. */
static void looked_end(struct tour *t)
{
	free(TAKE(t->looked_slug));
	t->looked = 0;
	loop_timer_set(t->timer, 0);
}

static void on_taken(void *ctx, enum intake_end end)
{
	struct tour *t = ctx;

	/* Of what was told, tour_note() was told too. */
	if (end == INTAKE_OVER)
		watchlist_forget(&t->watch, t->looked);
	looked_end(t);
}

/* Take in what was answered. *why stays NULL if it is only too early for that. */
static bool looked_take(struct tour *t, struct source *s, struct json_value body, const char **why)
{
	struct intake_order order;
	struct travis_found f;

	if (travis_found_read(body, &f) != ERR_OK) {
		*why = "Travis's answer cannot be read";
		return false;
	}
	if (f.id != t->looked) {
		*why = "Travis answered about another build";
		return false;
	}
	if (!f.told ||
		finding_read(t->relay, s, span_of(t->looked_slug), &f, &order, why) != ERR_OK)
		return false;
	intake_backfill(t->relay, &order, on_taken, t);
	return true;
}

static void on_looked(void *ctx, const struct travis_reply *r)
{
	struct tour *t = ctx;
	struct source *s = source_of(t);
	const char *why = NULL;

	if (s != NULL) {
		const struct watchlist_rules rules = rules_of(s);

		watchlist_defer(&t->watch, t->looked, loop_now(t->relay->loop), &rules);
		IGNORE(tour_heed(t, s, t->looked_slug, r->answer, r->why, r->wait_ms) == 0);
		if (r->answer == TRAVIS_OK && looked_take(t, s, r->body, &why))
			return;
	}
	if (why != NULL)
		tour_fails(t, s, t->looked_slug, why);
	looked_end(t);
}

/* Ask for the build that is due; false if none is, or one is being asked for. */
static bool tour_look(struct tour *t, const struct source *s, struct mono now)
{
	const struct watchlist_rules rules = rules_of(s);
	const struct watch *w;
	char path[64];

	if (t->looked != 0)
		return false;
	while ((w = watchlist_due(&t->watch, now)) != NULL && watch_is_hopeless(w, now, &rules))
		tour_abandon(t, w);
	if (w == NULL)
		return false;
	t->looked = w->id;
	t->looked_slug = xstrdup(w->slug);
	snprintf(path, sizeof(path), "/build/%" PRId64, w->id);
	t->asked++;
	inquiry_ask(&t->look, s, claimed_by(t, span_of(t->looked_slug)), path);
	return true;
}

/* --- lists --- */

static void on_swept(void *ctx, const struct sweep_end *end)
{
	struct tour *t = ctx;
	struct source *s = source_of(t);
	struct repo *repo = repos_find(&t->repos, span_of(end->slug));
	int times;

	loop_timer_set(t->timer, 0);
	if (s == NULL || repo == NULL || t->halted)
		return;
	times = tour_heed(t, s, end->slug, end->answer, end->why, end->wait_ms);
	repo->due.ms = loop_now(t->relay->loop).ms + s->heal.every_ms * times;
	if (end->told > 0)
		log_notice("gap.healed", "source=%s repository=%s builds=%zu", t->source, end->slug,
			end->told);
	if (end->answer != TRAVIS_OK)
		return;
	t->swept_at = clock_wall();
	if (end->newest.ms > repo->through.ms) {
		repo->through = end->newest;
		tour_keep(t, span_of(end->slug), repo->through);
	}
}

/*
 * What ended before is told. Travis shows an end some time after it, and a webhook
 * that was known when we looked may have failed to be stored: hence once more.
 */
static struct wall sweep_from(const struct tour *t, const struct source *s, const struct repo *repo)
{
	int64_t known_ms = repo->through.ms != WALL_NONE.ms ? repo->through.ms : t->since.ms;
	int64_t from_ms = known_ms - 2 * s->heal.every_ms;
	int64_t oldest_ms = clock_wall().ms - s->heal.window_ms;

	return (struct wall){ from_ms > oldest_ms ? from_ms : oldest_ms };
}

/* Begin with the repository that is due for the longest time. */
static bool sweep_next(struct tour *t, const struct source *s, struct mono now)
{
	struct wall oldest = { clock_wall().ms - s->heal.window_ms };
	const struct repo *repo;
	struct span slug;

	while ((repo = repos_due(&t->repos, now, &slug)) != NULL) {
		if (claimed_by(t, slug).n > 0) {
			sweep_begin(&t->sweep, t->source, slug, sweep_from(t, s, repo), oldest);
			return true;
		}
		repos_drop(&t->repos, slug);
	}
	return false;
}

/* Ask for the next page; false if there is none to be asked for now. */
static bool tour_page(struct tour *t, const struct source *s, struct mono now)
{
	if (!sweep_is_open(&t->sweep) && !sweep_next(t, s, now))
		return false;
	if (!sweep_is_hungry(&t->sweep))
		return false;
	t->asked++;
	sweep_ask(&t->sweep, s, claimed_by(t, span_of(t->sweep.slug)));
	return true;
}

/* --- step by step --- */

/* Begin a call if there is one to begin and it may; returns when to look again. */
static int64_t tour_step(struct tour *t, const struct source *s, struct mono now)
{
	int64_t pace_ms = (MINUTE_MS + s->heal.rate - 1) / s->heal.rate;
	int64_t hush_ms = source_hush_wait(s, now);

	if (t->next_call.ms > now.ms + hush_ms)
		return t->next_call.ms - now.ms;
	if (hush_ms > 0)
		return hush_ms;
	if (now.ms - t->gathered.ms >= IDLE_MS) {
		repos_gather(&t->repos, t->relay->catalog, s, now);
		t->gathered = now;
	}
	if (!tour_look(t, s, now) && !tour_page(t, s, now))
		return IDLE_MS;
	t->next_call.ms = now.ms + pace_ms;
	return pace_ms;
}

static void on_step(void *ctx)
{
	struct tour *t = ctx;
	const struct source *s = source_of(t);

	if (s == NULL || t->halted)
		return;
	/* Nobody knows whose builds they are before there is a catalog. */
	if (t->relay->catalog == NULL)
		loop_timer_set(t->timer, IDLE_MS);
	else
		loop_timer_set(t->timer, tour_step(t, s, loop_now(t->relay->loop)));
}

void tour_go(struct tour *t)
{
	if (source_of(t) == NULL || t->halted)
		return;
	t->going = true;
	if (t->since.ms == WALL_NONE.ms) {
		t->since = clock_wall();
		tour_keep(t, (struct span){ 0 }, t->since);
	}
	loop_timer_set(t->timer, 0);
}

void tour_halt(struct tour *t)
{
	t->halted = true;
	loop_timer_stop(t->timer);
	sweep_halt(&t->sweep);
}

void tour_rekey(struct tour *t)
{
	inquiry_rekey(&t->look);
	inquiry_rekey(&t->sweep.inquiry);
}

void tour_note(struct tour *t, int64_t id, struct span slug, bool over)
{
	const struct source *s = source_of(t);
	struct watchlist_rules rules;

	if (over || s == NULL) {
		watchlist_forget(&t->watch, id);
		return;
	}
	rules = rules_of(s);
	watchlist_note(&t->watch, id, slug, loop_now(t->relay->loop), &rules);
}
