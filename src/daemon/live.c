/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backstage/hint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "conf/conf.h"
#include "daemon/author_key.h"
#include "daemon/hint_book.h"
#include "daemon/pushes.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "store/store.h"

#define LEASE_TTL_MS   30000
#define LEASE_RENEW_MS 10000
#define LEASE_RETRY_MS 1000
/* How soon after hints were followed their lines are removed. */
#define SETTLE_MS      100
#define SETTLE_MORE_MS 10
/* Repositories that wait for a look; more pushes than that ask for a whole read. */
#define PUSHES_MAX 4096
/* Entities of one repository that a push has read again. */
#define ENTITIES_MAX 256

/*
 * Lines of the book: a canonical ref with no value; a push with the repository
 * behind a word that no ref begins with; and a whole read.
 */
#define LINE_REF   "-"
#define LINE_WHOLE "*"
#define LINE_PUSH  "push "
#define PUSH_NAMED "named"
#define PUSH_OTHER "other"

/* Where the configuration names no topics. */
static const char *const default_topics[] = {
	"stagewire.catalog",
	"experimental.catalog.conflict",
	"experimental.catalog.errors",
	NULL,
};

struct live {
	struct live_needs needs;
	struct backstage_client *client;
	char id[160];
	const char *const *topics; /* the configuration's, or ours */
	struct catalog_patch *patch;
	struct pushes *pushes;
	struct hint_book *book; /* what was told and is not followed yet */
	struct bus *bus;        /* NULL: not wanted, or another instance has the lease */
	struct map told; /* refs that a repeating topic has hinted at since the last whole read */
	struct loop_timer *timer, *settle;
	bool leasing;     /* the store was asked and has not answered */
	bool reading;     /* the book is being read */
	unsigned writing; /* of the book, under way */
	unsigned owed;    /* whole reads that must end before none is owed */
	bool refused;     /* the bus does not let us, which was told */
	struct live_status status;
	char trouble[256];
};

/* --- what is to be read again --- */

/* A read under way may have seen an entity before it changed. */
static void live_owe(struct live *l)
{
	l->status.whole++;
	l->owed = l->needs.is_reading(l->needs.ctx) ? 2 : 1;
	IGNORE(hint_book_add(l->book, SPAN(LINE_WHOLE), SPAN(LINE_WHOLE), true) != ERR_OK);
	l->needs.on_owed(l->needs.ctx);
}

/* What does not fit into the book is not worth following one by one. */
static void live_note(struct live *l, struct span key, struct span value, bool pinned)
{
	if (hint_book_add(l->book, key, value, pinned) != ERR_OK)
		live_owe(l);
}

static void live_look_up(struct live *l, struct span ref)
{
	l->status.hints++;
	live_note(l, ref, SPAN(LINE_REF), false);
	catalog_patch_hint(l->patch, ref);
}

static void on_ref(void *ctx, struct span ref, bool repeats)
{
	struct live *l = ctx;

	if (repeats && map_put(&l->told, ref, l) != NULL)
		l->status.repeats++;
	else
		live_look_up(l, ref);
}

/* A slug is never too long: entity_slug_is_valid() has let it pass. */
static void push_key(struct span slug, struct buf *key)
{
	buf_init(key, sizeof(LINE_PUSH) + ENTITY_TEXT_MAX);
	IGNORE(buf_add_str(key, LINE_PUSH) != ERR_OK);
	IGNORE(buf_add_span(key, slug) != ERR_OK);
}

static void on_push(void *ctx, struct span slug, bool named)
{
	struct live *l = ctx;
	CLEANUP(buf_release) struct buf key;

	l->status.pushes++;
	push_key(slug, &key);
	if (pushes_count(l->pushes) >= PUSHES_MAX) {
		live_owe(l);
		return;
	}
	live_note(l, buf_span(&key), named ? SPAN(PUSH_NAMED) : SPAN(PUSH_OTHER), true);
	pushes_add(l->pushes, slug, named);
}

/* The repository's entities are read again; one without any may have its first now. */
static void on_push_due(void *ctx, struct span slug, bool named, bool last)
{
	struct live *l = ctx;
	const struct catalog *known = l->needs.known(l->needs.ctx);
	CLEANUP(buf_release) struct buf key;
	struct entity *found = xcalloc(ENTITIES_MAX, sizeof(*found));
	size_t n = known == NULL ? 0 : catalog_find(known, slug, found, ENTITIES_MAX);

	push_key(slug, &key);
	/* The push is in the book; they need no lines of their own. */
	for (size_t i = 0; i < n && i < ENTITIES_MAX; i++) {
		l->status.hints++;
		catalog_patch_hint(l->patch, found[i].ref);
	}
	free(found);
	if ((n == 0 && named) || n > ENTITIES_MAX)
		live_owe(l);
	if (last)
		hint_book_unpin(l->book, buf_span(&key));
}

/* --- the book --- */

/* Everything that was told has been looked up, or is part of a whole read that has ended. */
static bool live_is_settled(const struct live *l)
{
	return l->bus != NULL && l->owed == 0 && catalog_patch_status(l->patch).pending == 0;
}

static void on_settle(void *ctx)
{
	struct live *l = ctx;
	bool more = live_is_settled(l) && hint_book_settle(l->book);

	if (l->bus != NULL && hint_book_lines(l->book) > 0)
		loop_timer_set(l->settle, more ? SETTLE_MORE_MS : SETTLE_MS);
}

/* The bus is asked for more only now that what it told is safe, or covered by a whole read. */
static void on_written(void *ctx, bool kept)
{
	struct live *l = ctx;

	l->writing--;
	if (!kept) {
		log_warning("bus.unkept", "lines=%zu reason=storage", hint_book_lines(l->book));
		live_owe(l);
	}
	if (l->writing == 0 && l->bus != NULL)
		bus_resume(l->bus);
	if (!loop_timer_is_set(l->settle))
		loop_timer_set(l->settle, SETTLE_MS);
}

static void live_write(struct live *l)
{
	l->writing++;
	hint_book_write(l->book, on_written, l);
}

static void on_line(void *ctx, struct span key, struct span value)
{
	struct live *l = ctx;

	if (!l->status.wanted)
		return;
	l->status.resumed++;
	if (span_is(key, LINE_WHOLE))
		live_owe(l);
	else if (span_starts(key, LINE_PUSH))
		on_push(l, (struct span){ key.p + strlen(LINE_PUSH), key.n - strlen(LINE_PUSH) },
			span_is(value, PUSH_NAMED));
	else
		live_look_up(l, key);
}

/* --- the bus --- */

static void on_events(void *ctx, struct span answer)
{
	struct live *l = ctx;
	const struct hint_taker taker = { .on_ref = on_ref, .on_push = on_push, .ctx = l };
	struct hint_tally tally = { 0 };
	enum err e = hint_read(answer, &taker, &tally);

	if (e != ERR_OK)
		log_warning("bus.unreadable", "bytes=%zu error=\"%s\"", answer.n, err_str(e));
	l->status.events += tally.events;
	if (e != ERR_OK || tally.whole)
		live_owe(l);
	live_write(l);
}

/* It is told once, however often the bus is asked in vain. */
static void live_alarm(struct live *l, bool refused)
{
	if (refused == l->refused)
		return;
	l->refused = refused;
	l->needs.on_alarm(l->needs.ctx, refused ? l->trouble : NULL);
}

static void on_gap(void *ctx)
{
	struct live *l = ctx;

	log_info("bus.subscribed", "id=%s", l->id);
	live_alarm(l, false);
	live_owe(l);
	live_write(l);
}

static void on_trouble(void *ctx, const char *why, bool refused)
{
	struct live *l = ctx;

	if (why == NULL) {
		log_notice("bus.recovered", "was=\"%s\"", l->trouble);
		l->trouble[0] = '\0';
		live_alarm(l, false);
		return;
	}
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	log_warning("bus.trouble", "why=\"%s\"", why);
	if (refused)
		live_alarm(l, true);
}

/* Only what the bus told is in the book. */
static void on_owed(void *ctx)
{
	struct live *l = ctx;

	if (!l->status.wanted) {
		live_hint_whole(l);
		return;
	}
	live_owe(l);
	live_write(l);
}

static void on_patched(void *ctx, struct wall began)
{
	struct live *l = ctx;

	l->needs.on_patched(l->needs.ctx, began);
}

static void live_subscribe(struct live *l)
{
	const struct bus_conf conf = {
		.id = l->id,
		.topics = l->topics,
		.renew_ms = BUS_RENEW_MS,
		.retry = BUS_RETRY,
		.refused = BUS_REFUSED,
		.on_events = on_events,
		.on_gap = on_gap,
		.on_trouble = on_trouble,
		.ctx = l,
	};

	l->bus = bus_new(l->needs.loop, l->client, &conf);
}

/* What an earlier run, or holder of the lease, was told comes first. */
static void on_read(void *ctx, enum err e)
{
	struct live *l = ctx;

	l->reading = false;
	if (!l->status.wanted || !l->status.held)
		return;
	if (e != ERR_OK) {
		log_err("bus.hints-unreadable", "error=\"%s\"", err_str(e));
		live_owe(l);
	}
	live_subscribe(l);
	loop_timer_set(l->settle, SETTLE_MS);
}

static void live_begin(struct live *l)
{
	const struct hint_book_reader reader = { on_line, on_read, l };

	if (l->bus != NULL || l->reading)
		return;
	l->reading = true;
	if (hint_book_read(l->book, &reader) != ERR_OK)
		on_read(l, ERR_BUSY);
}

static void live_unsubscribe(struct live *l)
{
	bus_free(l->bus);
	l->bus = NULL;
	l->trouble[0] = '\0';
}

static void on_lease(void *ctx, bool held, int64_t token)
{
	struct live *l = ctx;

	(void)token;
	l->leasing = false;
	if (!l->status.wanted)
		return;
	l->status.held = held;
	if (held)
		live_begin(l);
	else
		live_unsubscribe(l);
	loop_timer_set(l->timer, LEASE_RENEW_MS);
}

static void on_due(void *ctx)
{
	struct live *l = ctx;

	if (l->leasing)
		return;
	l->leasing = store_lease(l->needs.store, "bus", LEASE_TTL_MS, on_lease, l) == ERR_OK;
	if (!l->leasing)
		loop_timer_set(l->timer, LEASE_RETRY_MS);
}

/* The same over restarts, so that what is published meanwhile waits; another for another store. */
static void live_name(struct live *l, const struct conf *c)
{
	static const struct hash_key key = { 0 };
	char host[65] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		snprintf(host, sizeof(host), "unnamed");
	snprintf(l->id, sizeof(l->id), "external.stagewire.%s.%08" PRIx32, host,
		(uint32_t)hash_bytes(&key, span_of(c->store_path)));
}

struct live *live_new(const struct live_needs *needs)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->needs = *needs;
	map_init(&l->told);
	l->book = hint_book_new(needs->store);
	l->timer = loop_timer_new(needs->loop, on_due, l);
	l->settle = loop_timer_new(needs->loop, on_settle, l);
	return l;
}

void live_stop(struct live *l)
{
	if (l == NULL)
		return;
	loop_timer_stop(l->timer);
	live_unsubscribe(l);
	catalog_patch_free(l->patch);
	l->patch = NULL;
	pushes_free(l->pushes);
	l->pushes = NULL;
	l->status.wanted = false;
	l->status.held = false;
}

void live_free(struct live *l)
{
	if (l == NULL)
		return;
	live_stop(l);
	loop_timer_free(l->timer);
	loop_timer_free(l->settle);
	hint_book_free(l->book);
	map_release(&l->told);
	free(l);
}

void live_follow(struct live *l, struct backstage_client *client, const struct conf *c)
{
	const struct pushes_conf pushes = {
		.wait_ms = c->backstage_settle_ms,
		.on_due = on_push_due,
		.ctx = l,
	};
	const struct catalog_patch_conf conf = {
		.rules = author_rules(c, l->needs.names),
		.reader = l->needs.reader,
		.on_patched = on_patched,
		.on_owed = on_owed,
		.ctx = l,
	};

	live_stop(l);
	if (client == NULL || c->catalog_file != NULL)
		return;
	l->patch = catalog_patch_new(l->needs.loop, client, &conf);
	if (!c->backstage_subscribe)
		return;
	l->status.wanted = true;
	l->client = client;
	l->topics = default_topics;
	if (c->backstage_topics != NULL && c->backstage_topics[0] != NULL)
		l->topics = (const char *const *)c->backstage_topics;
	live_name(l, c);
	l->pushes = pushes_new(l->needs.loop, &pushes);
	loop_timer_set(l->timer, 0);
}

void live_hint(struct live *l, struct span ref)
{
	if (l->patch == NULL)
		return;
	l->status.hints++;
	catalog_patch_hint(l->patch, ref);
}

void live_hint_whole(struct live *l)
{
	if (l->patch == NULL)
		return;
	l->status.whole++;
	l->needs.on_owed(l->needs.ctx);
}

void live_refreshed(struct live *l)
{
	map_release(&l->told);
	map_init(&l->told);
	if (l->owed > 0 && --l->owed == 0)
		hint_book_unpin(l->book, SPAN(LINE_WHOLE));
}

void live_read_failed(struct live *l)
{
	if (l->owed > 1)
		l->owed--;
}

struct live_status live_status(const struct live *l)
{
	struct live_status s = l->status;

	s.bus.last_event = WALL_NONE;
	if (l->bus != NULL)
		s.bus = bus_status(l->bus);
	if (l->patch != NULL)
		s.patch = catalog_patch_status(l->patch);
	s.kept = hint_book_lines(l->book);
	s.trouble = l->trouble;
	return s;
}
