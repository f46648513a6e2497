/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/chronicle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/loop.h"
#include "model/catalog.h"
#include "relay/chronicle_entry.h"
#include "relay/journal.h"
#include "store/store.h"

#define NS_OWNERSHIP "ownership"
#define KEY_READ     SPAN("read")

#define BATCH_ROWS 64 /* in one transaction, which webhooks may wait for */
#define PAGE_ROWS  256
#define PAGE_STEPS 4096 /* entities compared in one turn */
#define QUEUE_ROWS 20000
#define AGAIN_MS   2000
#define OWNERS_MAX (ENTITY_LINKS_MAX * (ENTITY_TEXT_MAX + 1))

struct chronicle {
	struct store *store;
	struct journal *journal;
	const struct catalog *catalog;
	struct loop_timer *timer; /* set while the store takes nothing */
	struct entry *queue, **queue_last;
	size_t queued;
	bool busy;             /* a call of the store is under way */
	size_t writing;        /* rows of the queue that it has */
	bool recalled;         /* what an earlier run confirmed is known */
	bool due;              /* no whole reading was compared with the record yet */
	bool missed;           /* a change found no room: the record is compared again */
	struct wall confirmed; /* the newest whole reading began */
	struct wall kept;      /* what of it the store has */
	struct wall hinted;    /* the newest reading for a hint ended */

	bool comparing;      /* the record itself is being compared */
	struct buf cursor;   /* up to this ref */
	struct entry_time t; /* of what is found so */
	size_t begun;        /* entities with which the record begins */
	struct buf was_text, is_text;
};

static void pump(struct chronicle *c);

static void on_timer(void *ctx)
{
	pump(ctx);
}

struct chronicle *chronicle_new(
	struct loop *l, struct store *store, struct journal *journal, const struct catalog *catalog)
{
	struct chronicle *c = xcalloc(1, sizeof(*c));

	c->store = store;
	c->journal = journal;
	c->catalog = catalog;
	c->timer = loop_timer_new(l, on_timer, c);
	c->queue_last = &c->queue;
	c->due = true;
	c->confirmed = c->kept = c->hinted = WALL_NONE;
	buf_init(&c->cursor, ENTITY_TEXT_MAX);
	buf_init(&c->was_text, OWNERS_MAX);
	buf_init(&c->is_text, OWNERS_MAX);
	return c;
}

static void queue_drop(struct chronicle *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = c->queue;

		c->queue = e->next;
		free(e);
	}
	c->queued -= n;
	if (c->queue == NULL)
		c->queue_last = &c->queue;
}

void chronicle_free(struct chronicle *c)
{
	if (c == NULL)
		return;
	queue_drop(c, c->queued);
	loop_timer_free(c->timer);
	buf_release(&c->cursor);
	buf_release(&c->was_text);
	buf_release(&c->is_text);
	free(c);
}

struct wall chronicle_confirmed(const struct chronicle *c)
{
	return c->confirmed;
}

/* --- differences --- */

static void enqueue(struct chronicle *c, struct entry *e)
{
	*c->queue_last = e;
	c->queue_last = &e->next;
	c->queued++;
}

/* A state with which the record begins has no entry of its own in the audit trail. */
static void enqueue_change(struct chronicle *c, const struct ownership *was,
	const struct ownership *is, const struct entry_time *t)
{
	bool begins = was == NULL && t->not_before.ms == WALL_NONE.ms;

	c->begun += begins;
	enqueue(c, entry_new(was, is, t, !begins));
}

/* Has what is compared been passed already? If not, the state before goes first. */
static bool is_ahead(const struct chronicle *c, struct span ref)
{
	return c->comparing && span_order(ref, buf_span(&c->cursor)) > 0;
}

static void note_change(struct chronicle *c, const struct ownership *was,
	const struct ownership *is, const struct entry_time *t)
{
	if (was != NULL && is_ahead(c, was->ref))
		enqueue_change(c, NULL, was, &c->t);
	enqueue_change(c, was, is, t);
}

static void note_both(struct chronicle *c, const struct entity *a, const struct entity *b,
	const struct entry_time *t)
{
	struct ownership was, is;

	if (!ownership_is_of(b->ref) || ownership_of(a, &c->was_text, &was) != ERR_OK ||
		ownership_of(b, &c->is_text, &is) != ERR_OK || ownership_is_same(&was, &is))
		return;
	note_change(c, &was, &is, t);
}

static void note_gone(struct chronicle *c, const struct entity *a, const struct entry_time *t)
{
	struct ownership was, is = { .ref = a->ref, .gone = true };

	if (ownership_is_of(a->ref) && ownership_of(a, &c->was_text, &was) == ERR_OK)
		note_change(c, &was, &is, t);
}

static void note_added(struct chronicle *c, const struct entity *b, const struct entry_time *t)
{
	struct ownership is;

	if (ownership_is_of(b->ref) && ownership_of(b, &c->is_text, &is) == ERR_OK)
		note_change(c, NULL, &is, t);
}

void chronicle_change(struct chronicle *c, const struct catalog_change *change, struct wall now)
{
	const struct entry_time t = { c->confirmed, change->asked, now };

	/* Before a whole reading was compared, there is nothing to tell a change from. */
	if (c->due)
		return;
	if (c->queued >= QUEUE_ROWS)
		c->missed = true;
	else if (change->before == NULL)
		note_added(c, change->now, &t);
	else if (change->now == NULL)
		note_gone(c, change->before, &t);
	else
		note_both(c, change->before, change->now, &t);
	pump(c);
}

/* --- comparing with the record --- */

static void compare_begin(struct chronicle *c, const struct entry_time *t)
{
	c->due = c->missed = false;
	c->comparing = true;
	c->t = *t;
	buf_clear(&c->cursor);
}

static void compare_end(struct chronicle *c)
{
	char detail[48];
	struct audit_record r = {
		.action = "ownership.begin",
		.outcome = "success",
		.actor = SPAN("stagewired"),
	};
	int n = snprintf(detail, sizeof(detail), "entities=%zu", c->begun);

	c->comparing = false;
	if (c->begun == 0)
		return;
	c->begun = 0;
	r.detail = (struct span){ detail, (size_t)n };
	log_info("ownership.begin", "%s", detail);
	journal_write(c->journal, &r);
}

/* The row is of this entity, or NULL; the entity is in the catalog, or NULL. */
static void compare_one(
	struct chronicle *c, const struct store_ownership *row, const struct entity *e)
{
	struct ownership was, is = { .gone = true };

	if (row != NULL) {
		was = entry_state(row);
		is.ref = row->ref;
	}
	if (e != NULL && (!ownership_is_of(e->ref) || ownership_of(e, &c->is_text, &is) != ERR_OK))
		return;
	if (row == NULL)
		enqueue_change(c, NULL, &is, &c->t);
	else if (!ownership_is_same(&was, &is))
		enqueue_change(c, &was, &is, &c->t);
}

/*
 * Go through a page of the record and the catalog beside it. What lies behind
 * the page's last row waits for the next page, if there is one.
 */
static void compare_page(
	struct chronicle *c, const struct store_ownership *rows, size_t n, bool more)
{
	size_t at = catalog_after(c->catalog, buf_span(&c->cursor)), k = 0, steps = 0;
	struct entity e;

	while (c->queued < BATCH_ROWS && steps++ < PAGE_STEPS) {
		bool in = catalog_at(c->catalog, at, &e), on = k < n;
		int order = in && on ? span_order(e.ref, rows[k].ref) : on - in;

		if (!on && (more || !in)) {
			if (!more)
				compare_end(c);
			return;
		}
		compare_one(c, order >= 0 ? &rows[k] : NULL, order <= 0 ? &e : NULL);
		buf_clear(&c->cursor);
		IGNORE(buf_add_span(&c->cursor, order <= 0 ? e.ref : rows[k].ref));
		at += order <= 0;
		k += order >= 0;
	}
}

static void on_page(void *ctx, enum err e, const struct store_ownership *rows, size_t n, bool more,
	struct wall begins)
{
	struct chronicle *c = ctx;

	(void)begins;
	c->busy = false;
	if (e != ERR_OK) {
		loop_timer_set(c->timer, AGAIN_MS);
		return;
	}
	if (c->comparing)
		compare_page(c, rows, n, more);
	pump(c);
}

static enum err compare_more(struct chronicle *c)
{
	const struct store_ownership_query q = {
		.which = OWNERSHIP_NEWEST,
		.ref = buf_span(&c->cursor),
		.limit = PAGE_ROWS,
	};

	return store_ownership(c->store, &q, on_page, c);
}

/* --- the store --- */

static void on_added(void *ctx, enum claim_result r, size_t added)
{
	struct chronicle *c = ctx;

	(void)added;
	c->busy = false;
	if (r != CLAIM_OK) {
		log_warning("ownership.unkept", "rows=%zu reason=storage", c->writing);
		loop_timer_set(c->timer, AGAIN_MS);
		return;
	}
	queue_drop(c, c->writing);
	pump(c);
}

static enum err write_batch(struct chronicle *c)
{
	struct store_ownership row[BATCH_ROWS];
	size_t n = 0;

	for (const struct entry *e = c->queue; e != NULL && n < BATCH_ROWS; e = e->next)
		row[n++] = e->row;
	c->writing = n;
	return store_ownership_add(c->store, row, n, on_added, c);
}

static void on_recalled(void *ctx, enum err e, int64_t version, struct span value)
{
	struct chronicle *c = ctx;
	char text[24];

	(void)version;
	c->busy = false;
	if (e == ERR_OK && value.n < sizeof(text)) {
		snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(value));
		c->kept.ms = strtoll(text, NULL, 10);
	}
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		loop_timer_set(c->timer, AGAIN_MS);
		return;
	}
	c->recalled = true;
	/* The first reading of this start is compared as what came after the last one of before. */
	if (c->t.not_before.ms == WALL_NONE.ms)
		c->t.not_before = c->kept;
	pump(c);
}

static void on_kept(void *ctx, enum claim_result r)
{
	struct chronicle *c = ctx;

	c->busy = false;
	if (r != CLAIM_OK)
		loop_timer_set(c->timer, AGAIN_MS);
	else
		pump(c);
}

/* Only when all that was found till then is written: it must not be taken for unchanged. */
static enum err keep_confirmed(struct chronicle *c)
{
	char text[24];
	struct store_put put = { .ns = NS_OWNERSHIP, .key = KEY_READ };
	int n = snprintf(text, sizeof(text), "%" PRId64, c->confirmed.ms);

	put.value = (struct span){ text, (size_t)n };
	c->kept = c->confirmed;
	return store_put(c->store, &put, 1, on_kept, c);
}

/* Do the next thing that there is to do, if nothing is under way. */
static void pump(struct chronicle *c)
{
	enum err e;

	if (c->busy)
		return;
	if (!c->recalled)
		e = store_get(c->store, NS_OWNERSHIP, KEY_READ, on_recalled, c);
	else if (c->queue != NULL)
		e = write_batch(c);
	else if (c->comparing)
		e = compare_more(c);
	else if (c->kept.ms != c->confirmed.ms && c->confirmed.ms != WALL_NONE.ms)
		e = keep_confirmed(c);
	else
		return;
	c->busy = e == ERR_OK;
	if (!c->busy)
		loop_timer_set(c->timer, AGAIN_MS);
}

/* --- readings --- */

void chronicle_read(struct chronicle *c, const struct chronicle_reading *r)
{
	const struct entry_time t = { c->confirmed, r->began, r->ended };
	/* Part of a whole reading may be older than what a hint has told since it began. */
	bool whole = r->whole && r->began.ms >= c->hinted.ms;

	if (!r->whole)
		c->hinted = r->ended;
	if ((c->due && whole) || c->missed)
		compare_begin(c, &t);
	if (whole)
		c->confirmed = r->began;
	pump(c);
}

size_t chronicle_behind(const struct chronicle *c)
{
	return c->queued + c->comparing;
}
