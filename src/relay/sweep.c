/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sweep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/log.h"
#include "io/loop.h"
#include "relay/finding.h"
#include "relay/intake.h"
#include "relay/relay_impl.h"
#include "relay/source.h"

/* Of one reading. There is no end of a busy repository's past. */
#define HELD_MAX 2000
/* Of two pages: builds that are restarted meanwhile move to the front. */
#define OVERLAP        5
#define PATH_MAX_BYTES 2048

static void on_page(void *ctx, const struct travis_reply *r);

void sweep_init(struct sweep *s, struct relay *r,
	void (*on_end)(void *ctx, const struct sweep_end *end), void *ctx)
{
	*s = (struct sweep){ .relay = r, .on_end = on_end, .ctx = ctx };
	inquiry_init(&s->inquiry, r, on_page, s);
}

static void sweep_close(struct sweep *s)
{
	for (size_t i = s->fed; i < s->held_n; i++)
		build_release(&s->held[i].build);
	free(s->held);
	free(s->source);
	free(s->slug);
	s->held = NULL;
	s->source = s->slug = NULL;
	s->held_n = s->fed = s->offset = s->page_n = 0;
	s->hungry = s->moved = false;
}

void sweep_release(struct sweep *s)
{
	inquiry_release(&s->inquiry);
	sweep_close(s);
}

void sweep_halt(struct sweep *s)
{
	s->end.answer = TRAVIS_TRANSIENT;
	s->hungry = false;
}

bool sweep_is_open(const struct sweep *s)
{
	return s->slug != NULL;
}

bool sweep_is_hungry(const struct sweep *s)
{
	return s->hungry;
}

void sweep_begin(
	struct sweep *s, const char *source, struct span slug, struct wall from, struct wall oldest)
{
	s->source = xstrdup(source);
	s->slug = xstrndup(slug.p, slug.n);
	s->from = from;
	s->oldest = oldest;
	s->hungry = true;
	s->end = (struct sweep_end){ .answer = TRAVIS_OK, .why = "", .newest = WALL_NONE };
}

static void sweep_end(struct sweep *s)
{
	CLEANUP(freep) char *slug = TAKE(s->slug);
	struct sweep_end end = s->end;

	end.slug = slug;
	if (s->moved)
		end.newest = WALL_NONE;
	sweep_close(s);
	s->on_end(s->ctx, &end);
}

static void sweep_fail(struct sweep *s, enum travis_answer answer, const char *why)
{
	s->end.answer = answer;
	s->end.why = why;
	sweep_end(s);
}

/* --- taking in --- */

/* What is not over is newest. */
static int64_t order_time(const struct build *b)
{
	return build_is_final(b->state) ? b->finished_at.ms : INT64_MAX;
}

static int by_end(const void *a, const void *b)
{
	const struct build *x = &((const struct intake_order *)a)->build;
	const struct build *y = &((const struct intake_order *)b)->build;
	int64_t s = order_time(x), t = order_time(y);

	return s == t ? (x->id > y->id) - (x->id < y->id) : (s > t) - (s < t);
}

static void sweep_feed(struct sweep *s);

static void on_taken(void *ctx, enum intake_end end)
{
	struct sweep *s = ctx;

	switch (end) {
	case INTAKE_TOLD: s->end.told++; break;
	case INTAKE_OVER:
	case INTAKE_KNOWN: break;
	case INTAKE_LATER:
		s->end.answer = TRAVIS_TRANSIENT;
		s->end.why = "the store takes nothing now";
		break;
	}
	s->waiting = false;
	sweep_feed(s);
}

/* Most of them are known, and answered for at once: no recursion, then. */
static void sweep_feed(struct sweep *s)
{
	if (s->feeding)
		return;
	s->feeding = true;
	while (!s->waiting && s->fed < s->held_n && s->end.answer == TRAVIS_OK) {
		struct intake_order *order = &s->held[s->fed++];

		s->waiting = true;
		/* A reload may have changed the sources meanwhile. */
		order->source = relay_source(s->relay, span_of(s->source));
		if (order->source == NULL) {
			build_release(&order->build);
			on_taken(s, INTAKE_LATER);
		} else {
			intake_backfill(s->relay, order, on_taken, s);
		}
	}
	s->feeding = false;
	if (!s->waiting)
		sweep_end(s);
}

static void sweep_take_in(struct sweep *s)
{
	if (s->held_n > 0)
		qsort(s->held, s->held_n, sizeof(*s->held), by_end);
	sweep_feed(s);
}

/* --- reading --- */

/* When it ended or, if it did not, when it began; a canceled one may have neither. */
static struct wall time_of(const struct build *b)
{
	if (b->finished_at.ms != WALL_NONE.ms)
		return b->finished_at;
	return b->started_at;
}

static void sweep_hold(struct sweep *s, struct intake_order *order)
{
	if (s->held_n % TRAVIS_PAGE == 0)
		s->held = xrealloc(s->held, s->held_n + TRAVIS_PAGE, sizeof(*s->held));
	s->held[s->held_n++] = *order;
}

/* false: the answer is not to be believed. */
static bool take_found(struct sweep *s, struct source *source, const struct travis_found *f)
{
	struct intake_order order;
	const char *why = NULL;

	switch (finding_read(s->relay, source, span_of(s->slug), f, &order, &why)) {
	case ERR_OK: break;
	case ERR_AUTH: s->end.why = why; return false;
	case ERR_IO:
	case ERR_PARSE:
	case ERR_LIMIT:
	case ERR_NOTFOUND:
	case ERR_BUSY:
		log_warning("gap.unreadable",
			"source=%s repository=%s build=%" PRId64 " why=\"%s\"", s->source, s->slug,
			f->id, why);
		return true;
	}
	if (time_of(&order.build).ms >= (f->over ? s->from : s->oldest).ms)
		sweep_hold(s, &order);
	else
		build_release(&order.build);
	return true;
}

/* Was it on the page before? Pages overlap, so the first one of each was. */
static bool page_had(const struct sweep *s, int64_t id)
{
	for (size_t i = 0; i < s->page_n; i++) {
		if (s->page[i] == id)
			return true;
	}
	return false;
}

enum page_end {
	PAGE_FULL,  /* there may be more */
	PAGE_LAST,  /* the rest is too old, or there is none */
	PAGE_WRONG, /* it is no answer to the question */
};

/*
 * What ended since the reading began may stand on a page that was read before: it is
 * for the next reading.
 */
static void read_up_to(struct sweep *s, struct wall finished_at)
{
	int64_t took_ms = loop_now(s->relay->loop).ms - s->began.ms;

	if (finished_at.ms - took_ms > s->end.newest.ms)
		s->end.newest.ms = finished_at.ms - took_ms;
}

static enum page_end read_page(struct sweep *s, struct source *source, struct json_value body)
{
	struct travis_found f;
	struct json_value v;
	struct json_iter it;
	int64_t page[TRAVIS_PAGE];
	size_t n = 0;

	if (travis_builds_read(body, &it) != ERR_OK)
		return PAGE_WRONG;
	for (; json_next_element(&it, &v); n++) {
		if (travis_found_read(v, &f) != ERR_OK)
			return PAGE_WRONG;
		if (n == 0 && s->page_n > 0 && !page_had(s, f.id))
			s->moved = true;
		if (n < TRAVIS_PAGE)
			page[n] = f.id;
		if (f.over && f.finished_at.ms != WALL_NONE.ms) {
			if (f.finished_at.ms < s->from.ms)
				return PAGE_LAST;
			read_up_to(s, f.finished_at);
		}
		if (f.told && !take_found(s, source, &f))
			return PAGE_WRONG;
	}
	if (n < TRAVIS_PAGE)
		return PAGE_LAST;
	memcpy(s->page, page, sizeof(page));
	s->page_n = TRAVIS_PAGE;
	return PAGE_FULL;
}

static void on_page(void *ctx, const struct travis_reply *r)
{
	struct sweep *s = ctx;
	struct source *source = relay_source(s->relay, span_of(s->source));

	if (r->answer != TRAVIS_OK || source == NULL) {
		s->end.wait_ms = r->wait_ms;
		sweep_fail(s, r->answer == TRAVIS_OK ? TRAVIS_TRANSIENT : r->answer, r->why);
		return;
	}
	s->end.why = "Travis's answer cannot be read";
	switch (read_page(s, source, r->body)) {
	case PAGE_FULL:
		s->offset += TRAVIS_PAGE - OVERLAP;
		s->hungry = s->held_n < HELD_MAX;
		if (!s->hungry)
			log_warning("gap.deep", "source=%s repository=%s builds=%zu", s->source,
				s->slug, s->held_n);
		break;
	case PAGE_LAST: break;
	case PAGE_WRONG: sweep_fail(s, TRAVIS_REFUSED, s->end.why); return;
	}
	if (!s->hungry)
		sweep_take_in(s);
}

void sweep_ask(struct sweep *s, const struct source *source, struct span entity)
{
	CLEANUP(buf_release) struct buf path;

	buf_init(&path, PATH_MAX_BYTES);
	s->hungry = false;
	if (s->offset == 0)
		s->began = loop_now(s->relay->loop);
	if (travis_path_builds(span_of(s->slug), s->offset, &path) != ERR_OK)
		sweep_fail(s, TRAVIS_REFUSED, "its name is too long to be asked for");
	else
		inquiry_ask(&s->inquiry, source, entity, path.data);
}
