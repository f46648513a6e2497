/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/healer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_read.h"
#include "base/log.h"
#include "model/build.h"
#include "model/trigger.h"
#include "relay/board.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/tour.h"

#define KEY_MAX     2048
#define SCAN_ROWS   500
#define SCAN_BUILDS 500

struct healer {
	struct relay *relay;
	struct tour **tour;
	size_t tours;
	struct buf after; /* of the scan */
	bool restored;    /* all that an earlier run left was read */
};

struct healer *healer_new(struct relay *r)
{
	struct healer *h = xcalloc(1, sizeof(*h));

	h->relay = r;
	buf_init(&h->after, KEY_MAX);
	return h;
}

void healer_free(struct healer *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->tours; i++)
		tour_free(h->tour[i]);
	free(h->tour);
	buf_release(&h->after);
	free(h);
}

static struct tour *tour_of(const struct healer *h, struct span source)
{
	for (size_t i = 0; i < h->tours; i++) {
		if (span_is(source, h->tour[i]->source))
			return h->tour[i];
	}
	return NULL;
}

/* --- what an earlier run left --- */

static struct tour *tour_at_host(const struct healer *h, struct span host)
{
	for (size_t i = 0; i < h->tours; i++) {
		const struct source *s = relay_source(h->relay, span_of(h->tour[i]->source));

		if (s != NULL && span_is(host, s->host))
			return h->tour[i];
	}
	return NULL;
}

/* The longest time that a source looks back. */
static int64_t window_ms(const struct healer *h)
{
	int64_t most = 0;

	for (size_t i = 0; i < h->tours; i++) {
		const struct source *s = relay_source(h->relay, span_of(h->tour[i]->source));

		if (s != NULL && s->heal.window_ms > most)
			most = s->heal.window_ms;
	}
	return most;
}

static void healer_begin(struct healer *h)
{
	h->restored = true;
	for (size_t i = 0; i < h->tours; i++)
		tour_go(h->tour[i]);
}

static void restore_builds(struct healer *h, int64_t before_seq);

/* false: it is too old, and so are those after it. */
static bool build_restore(struct healer *h, const struct store_build *b, struct wall now)
{
	struct tour *t = tour_at_host(h, b->host);
	int64_t age_ms = now.ms - b->updated.ms;

	if (age_ms >= window_ms(h))
		return false;
	if (t != NULL)
		tour_restore_build(t, b->id, b->repository, build_is_final(board_state(b)),
			age_ms < 0 ? 0 : age_ms);
	return true;
}

static void on_builds(void *ctx, enum err e, const struct store_builds *b)
{
	struct healer *h = ctx;
	struct wall now = clock_wall();
	bool more = e == ERR_OK;

	if (e != ERR_OK)
		log_err("gap.unrestored", "error=\"%s\"", err_str(e));
	for (size_t i = 0; more && i < b->n; i++)
		more = build_restore(h, &b->build[i], now);
	if (more && b->next_seq != 0)
		restore_builds(h, b->next_seq);
	else
		healer_begin(h);
}

static void restore_builds(struct healer *h, int64_t before_seq)
{
	const struct store_builds_query q = { .before_seq = before_seq, .limit = SCAN_BUILDS };

	if (store_builds(h->relay->store, &q, on_builds, h) != ERR_OK) {
		log_err("gap.unrestored", "error=\"%s\"", err_str(ERR_BUSY));
		healer_begin(h);
	}
}

static void row_restore(struct healer *h, const struct store_row *row)
{
	const char *blank = memchr(row->key.p, ' ', row->key.n);
	size_t n = blank == NULL ? row->key.n : (size_t)(blank - row->key.p);
	struct tour *t = tour_of(h, (struct span){ row->key.p, n });
	struct span slug = { NULL, 0 };
	int64_t value;

	if (t == NULL)
		return;
	if (blank != NULL)
		slug = (struct span){ blank + 1, row->key.n - n - 1 };
	if (json_int((struct json_value){ JSON_NUMBER, row->value }, &value) == ERR_OK)
		tour_restore(t, slug, value);
	else
		log_err("state.unreadable", "ns=%s", NS_HEAL);
}

static void restore_rows(struct healer *h);

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct healer *h = ctx;

	if (e != ERR_OK)
		log_err("gap.unrestored", "error=\"%s\"", err_str(e));
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		row_restore(h, &rows[i]);
	buf_clear(&h->after);
	if (e == ERR_OK && more && buf_add_span(&h->after, rows[n - 1].key) == ERR_OK)
		restore_rows(h);
	else
		restore_builds(h, 0);
}

static void restore_rows(struct healer *h)
{
	if (store_scan(h->relay->store, NS_HEAL, buf_span(&h->after), SCAN_ROWS, on_rows, h) !=
		ERR_OK)
		restore_builds(h, 0);
}

void healer_start(struct healer *h)
{
	h->restored = false;
	if (h->tours > 0)
		restore_rows(h);
	else
		healer_begin(h);
}

/* --- while it runs --- */

void healer_apply(struct healer *h)
{
	const struct relay_setup *setup = &h->relay->setup;
	size_t before = h->tours;

	for (size_t i = 0; i < setup->sources; i++) {
		const struct source *s = setup->source[i];

		if (!s->heal.enabled || tour_of(h, span_of(s->name)) != NULL)
			continue;
		h->tour = xrealloc(h->tour, h->tours + 1, sizeof(struct tour *));
		h->tour[h->tours++] = tour_new(h->relay, s->name);
	}
	if (!h->restored)
		return;
	/* Of a source that is healed anew, what was kept is read first. */
	if (h->tours > before)
		healer_start(h);
	else
		healer_begin(h);
}

void healer_halt(struct healer *h)
{
	for (size_t i = 0; i < h->tours; i++)
		tour_halt(h->tour[i]);
}

void healer_rekey(struct healer *h)
{
	for (size_t i = 0; i < h->tours; i++)
		tour_rekey(h->tour[i]);
}

void healer_note(struct healer *h, const char *source, const struct build *b)
{
	CLEANUP(buf_release) struct buf slug;
	struct tour *t = tour_of(h, span_of(source));

	buf_init(&slug, KEY_MAX);
	if (t == NULL)
		return;
	IGNORE(build_slug(b, &slug) != ERR_OK);
	tour_note(t, b->id, buf_span(&slug), build_is_final(b->state));
}

void healer_expect(struct healer *h, const struct trigger *trigger)
{
	struct tour *t = tour_of(h, trigger->source);

	if (t == NULL || trigger->state != TRIGGER_BUILT)
		return;
	for (size_t i = 0; i < trigger->builds; i++)
		tour_note(t, trigger->build[i], trigger->repository, false);
}

size_t healer_sources(const struct healer *h)
{
	return h->tours;
}

struct healer_stats healer_stats(const struct healer *h, size_t i)
{
	const struct tour *t = h->tour[i];
	const struct source *s = relay_source(h->relay, span_of(t->source));

	return (struct healer_stats){
		.source = t->source,
		.found = s == NULL ? 0 : s->backfilled,
		.repositories = t->repos.by_slug.count,
		.unfinished = t->watch.by_id.count,
		.asked = t->asked,
		.failures = t->failures,
		.abandoned = t->abandoned,
		.swept_at = t->swept_at,
		.trouble = t->trouble,
	};
}
