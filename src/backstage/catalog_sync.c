/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_sync.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "backstage/catalog_reader.h"
#include "backstage/catalog_rest.h"
#include "backstage/client.h"
#include "base/map.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "model/backoff.h"
#include "model/catalog.h"

#define ANSWER_MAX     (32 << 20)
#define PATH_MAX_BYTES 32768
#define BODY_MAX       100000
#define WHY_MAX        512
#define BACKOFF_FIRST  1000
/* Until it is asked again whether the next page may come. */
#define BEHIND_MS 20

/*
 *	        due, hint             last page is in
 *	  IDLE ----------> LISTING ------------------> CONFIRMING --+
 *	   ^ ^                | a page failed,           |          | what was not seen is
 *	   | +----------------+ or is nonsense           |          | looked up, a chunk
 *	   +---------------------------------------------+ <--------+ at a time
 *	                 the catalog is whole
 *
 * A chunk whose look-up fails stays as it was known: the read is whole all the
 * same, but counts as a failure and is soon repeated.
 */
enum sync_state {
	SYNC_IDLE,       /* the timer is set */
	SYNC_LISTING,    /* a page is asked for or applied, or waits, with the timer set */
	SYNC_CONFIRMING, /* a look-up is asked for or applied */
};

/* What belongs to one read only. */
struct progress {
	char *cursor;       /* of the page asked for; NULL: the first */
	struct map cursors; /* those seen in this read */
	struct mono started;
	struct wall began;
	size_t entities, skipped;
	size_t gone;         /* looked up with success and not there or not wanted */
	char doubt[WHY_MAX]; /* why a look-up failed; empty if none did */
};

struct catalog_sync {
	struct backstage_client *client;
	struct catalog_sync_conf conf;
	struct catalog *catalog;   /* the reader's */
	struct entity_rules rules; /* of the texts, copies */
	struct loop_timer *timer;
	enum sync_state state;
	struct httpc_call *call;         /* or NULL */
	struct catalog_reading *reading; /* or NULL; one of both while not idle */
	struct progress progress;
	char why[WHY_MAX]; /* of the answer being read, if it turns out to be none */
	struct span asked[CATALOG_REST_REFS_MAX]; /* refs being looked up, in asked_text */
	size_t asked_count;
	struct buf asked_text;
	unsigned page_size; /* shrinks when a page is too large to take */
	unsigned tries;     /* reads that failed in a row */
	bool again;         /* a hint came while reading */
	bool troubled;      /* on_trouble() was told */
	struct mono ended;  /* the last read */
	struct catalog_sync_status status;
};

static void on_due(void *ctx);
static void on_page(void *ctx, const struct httpc_answer *a);
static void on_found(void *ctx, const struct httpc_answer *a);

struct catalog_sync *catalog_sync_new(
	struct loop *l, struct backstage_client *client, const struct catalog_sync_conf *conf)
{
	struct catalog_sync *s = xcalloc(1, sizeof(*s));

	s->client = client;
	s->conf = *conf;
	s->rules = entity_rules_copy(&conf->rules);
	s->catalog = catalog_reader_catalog(conf->reader);
	s->status.last_ok = WALL_NONE;
	buf_init(&s->asked_text, CATALOG_REST_REFS_BYTES);
	s->timer = loop_timer_new(l, on_due, s);
	loop_timer_set(s->timer, 0);
	return s;
}

static void progress_release(struct progress *p)
{
	free(p->cursor);
	map_release(&p->cursors);
	*p = (struct progress){ 0 };
}

void catalog_sync_free(struct catalog_sync *s)
{
	if (s == NULL)
		return;
	if (s->call != NULL)
		httpc_cancel(s->call);
	catalog_reading_cancel(s->reading);
	loop_timer_free(s->timer);
	progress_release(&s->progress);
	buf_release(&s->asked_text);
	entity_rules_release(&s->rules);
	free(s);
}

/* The only way back to idle: the read is over, the next is due in wait_ms. */
static void sync_rest(struct catalog_sync *s, int64_t wait_ms)
{
	s->ended = clock_mono();
	s->status.took_ms = s->ended.ms - s->progress.started.ms;
	progress_release(&s->progress);
	s->asked_count = 0;
	s->state = SYNC_IDLE;
	loop_timer_set(s->timer, wait_ms);
	if (s->again)
		catalog_sync_hint(s);
}

static int64_t sync_backoff(struct catalog_sync *s)
{
	struct backoff b = { .first_ms = BACKOFF_FIRST, .max_ms = s->conf.refresh_ms };

	return backoff_wait(&b, ++s->tries, random_u64());
}

/* Tell of a failure and come back later. */
static void sync_trouble(struct catalog_sync *s, const char *why)
{
	s->status.failures++;
	s->troubled = true;
	s->conf.on_trouble(s->conf.ctx, why);
}

static PRINTF(2, 3) void sync_fail(struct catalog_sync *s, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	s->again = false; /* the next read is soon enough for any hint */
	sync_rest(s, sync_backoff(s));
	sync_trouble(s, why);
}

/* Say what an answer means for the catalog. */
static void answer_explain(const struct httpc_answer *a, char why[WHY_MAX])
{
	const char *lead = "";
	char what[WHY_MAX / 2];

	switch (backstage_classify(a)) {
	case BACKSTAGE_OK: lead = "Backstage's answer for the catalog is unusable"; break;
	case BACKSTAGE_GONE: lead = "Backstage has no such catalog API"; break;
	case BACKSTAGE_TRANSIENT: lead = "Backstage's catalog does not answer"; break;
	case BACKSTAGE_UNAUTHORIZED:
		lead = "Backstage does not let the relay read the catalog";
		break;
	case BACKSTAGE_REFUSED: lead = "Backstage refuses to list its catalog"; break;
	}
	backstage_describe(a, what, sizeof(what));
	snprintf(why, WHY_MAX, "%s: %s", lead, what);
}

static void sync_list(struct catalog_sync *s)
{
	CLEANUP(buf_release) struct buf path;
	enum err e;

	buf_init(&path, PATH_MAX_BYTES);
	e = catalog_rest_list(&s->rules, s->page_size, s->progress.cursor, &path);
	if (e == ERR_OK)
		e = backstage_call(s->client, "GET", path.data, (struct span){ 0 }, ANSWER_MAX,
			on_page, s, &s->call);
	if (e != ERR_OK)
		sync_fail(s, "cannot ask Backstage for its catalog: %s", err_str(e));
}

static void sync_begin(struct catalog_sync *s)
{
	s->again = false;
	s->state = SYNC_LISTING;
	s->page_size = s->conf.page_size == 0 ? 1 : s->conf.page_size;
	s->progress = (struct progress){ .started = clock_mono(), .began = clock_wall() };
	map_init(&s->progress.cursors);
	catalog_begin(s->catalog);
}

static void on_due(void *ctx)
{
	struct catalog_sync *s = ctx;

	if (s->state == SYNC_IDLE)
		sync_begin(s);
	if (s->conf.may_go_on(s->conf.ctx))
		sync_list(s);
	else
		loop_timer_set(s->timer, BEHIND_MS);
}

/* The read is whole. */
static void sync_finish(struct catalog_sync *s)
{
	bool doubtful = s->progress.doubt[0] != '\0';
	struct wall began = s->progress.began;
	char doubt[WHY_MAX];

	memcpy(doubt, s->progress.doubt, sizeof(doubt));
	s->status.last_ok = clock_wall();
	s->status.reads++;
	s->status.entities = s->progress.entities;
	s->status.skipped = s->progress.skipped;
	s->status.gone = s->progress.gone;
	if (!doubtful)
		s->tries = 0;
	sync_rest(s, doubtful ? sync_backoff(s) : s->conf.refresh_ms);
	s->conf.on_whole(s->conf.ctx, began);
	if (doubtful) {
		sync_trouble(s, doubt);
	} else if (s->troubled) {
		s->troubled = false;
		s->conf.on_trouble(s->conf.ctx, NULL);
	}
}

/* Collect refs that have not come this time. */
static void sync_miss(struct catalog_sync *s)
{
	struct span unseen[CATALOG_REST_REFS_MAX];
	size_t n = catalog_unseen(s->catalog, unseen, ARRAY_SIZE(unseen));
	struct buf *text = &s->asked_text;

	s->asked_count = 0;
	buf_clear(text);
	/* All of it now: spans into it must not move. */
	if (buf_room(text, CATALOG_REST_REFS_BYTES) == NULL)
		return;
	while (s->asked_count < n) {
		struct span ref = unseen[s->asked_count];

		s->asked[s->asked_count] = (struct span){ text->data + text->len, ref.n };
		if (buf_add_span(text, ref) != ERR_OK)
			return;
		s->asked_count++;
	}
}

/* Keep those looked up as they were known. */
static void sync_keep(struct catalog_sync *s)
{
	for (size_t i = 0; i < s->asked_count; i++)
		catalog_see(s->catalog, s->asked[i]);
}

static enum err sync_lookup(struct catalog_sync *s)
{
	CLEANUP(buf_release) struct buf body;
	enum err e;

	buf_init(&body, BODY_MAX);
	e = catalog_rest_lookup(s->asked, s->asked_count, &s->rules, &body);
	if (e != ERR_OK)
		return e;
	return backstage_call(s->client, "POST", CATALOG_REST_LOOKUP, buf_span(&body), ANSWER_MAX,
		on_found, s, &s->call);
}

static void sync_confirm(struct catalog_sync *s)
{
	s->state = SYNC_CONFIRMING;
	for (;;) {
		sync_miss(s);
		if (s->asked_count == 0) {
			sync_finish(s);
			return;
		}
		if (sync_lookup(s) == ERR_OK)
			return;
		sync_keep(s);
		snprintf(s->progress.doubt, WHY_MAX, "cannot ask Backstage what has vanished");
	}
}

/* What was looked up is not known after all. */
static void sync_doubt(struct catalog_sync *s)
{
	memcpy(s->progress.doubt, s->why, WHY_MAX);
	sync_keep(s);
	sync_confirm(s);
}

static void on_confirmed(void *ctx, struct catalog_read *read)
{
	struct catalog_sync *s = ctx;

	s->reading = NULL;
	if (read->e != ERR_OK) {
		sync_doubt(s);
		return;
	}
	s->progress.gone += read->gone;
	s->progress.entities += read->items - read->gone;
	sync_confirm(s);
}

static struct catalog_answer sync_answer(const struct catalog_sync *s, const struct httpc_answer *a)
{
	return (struct catalog_answer){ &s->rules, s->progress.began, a };
}

static void on_found(void *ctx, const struct httpc_answer *a)
{
	struct catalog_sync *s = ctx;
	const struct catalog_answer answer = sync_answer(s, a);

	s->call = NULL;
	answer_explain(a, s->why);
	if (backstage_classify(a) == BACKSTAGE_OK)
		s->reading = catalog_reader_found(
			s->conf.reader, &answer, s->asked, s->asked_count, on_confirmed, s);
	else
		sync_doubt(s);
}

/* Go on with the next page, or what comes after the last. */
static void sync_turn(struct catalog_sync *s, struct catalog_read *read)
{
	struct progress *p = &s->progress;

	p->entities += read->items - read->skipped;
	p->skipped += read->skipped;
	free(p->cursor);
	p->cursor = TAKE(read->cursor);
	if (p->cursor == NULL) {
		sync_confirm(s);
		return;
	}
	if (read->items == 0 || map_put(&p->cursors, span_of(p->cursor), s) != NULL) {
		sync_fail(s, "Backstage's pages of the catalog do not come to an end");
		return;
	}
	on_due(s);
}

/* Ask for less if a page is too large to take; a single entity cannot be cut. */
static bool sync_shrink(struct catalog_sync *s)
{
	if (s->page_size == 1)
		return false;
	s->page_size /= 2;
	return true;
}

static void on_applied(void *ctx, struct catalog_read *read)
{
	struct catalog_sync *s = ctx;

	s->reading = NULL;
	if (read->e == ERR_OK)
		sync_turn(s, read);
	else if (read->e == ERR_LIMIT && sync_shrink(s))
		sync_list(s);
	else
		sync_fail(s, "%s", s->why);
}

static void on_page(void *ctx, const struct httpc_answer *a)
{
	struct catalog_sync *s = ctx;
	const struct catalog_answer answer = sync_answer(s, a);

	s->call = NULL;
	answer_explain(a, s->why);
	if (a->result == HTTPC_TOO_LARGE && sync_shrink(s))
		sync_list(s);
	else if (backstage_classify(a) == BACKSTAGE_OK)
		s->reading = catalog_reader_page(s->conf.reader, &answer, on_applied, s);
	else
		sync_fail(s, "%s", s->why);
}

void catalog_sync_hint(struct catalog_sync *s)
{
	int64_t rested = clock_mono().ms - s->ended.ms;

	s->again = true;
	if (s->state != SYNC_IDLE)
		return;
	loop_timer_set(s->timer, s->status.took_ms > rested ? s->status.took_ms - rested : 0);
}

struct catalog_sync_status catalog_sync_status(const struct catalog_sync *s)
{
	struct catalog_sync_status status = s->status;

	status.syncing = s->state != SYNC_IDLE;
	return status;
}
