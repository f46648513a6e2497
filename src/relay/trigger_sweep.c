/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/trigger_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "io/loop.h"
#include "model/trigger.h"
#include "relay/triggers.h"
#include "store/store.h"

#define PAGE_ROWS 100
#define PAUSE_MS  50
#define KEY_MAX   2048

/* What a row says of how it goes on. */
enum row_age {
	ROW_OLD,   /* remove it */
	ROW_YOUNG, /* it stays */
	ROW_END,   /* it stays, as do those behind it */
};

struct kind {
	const char *ns;
	enum row_age (*age)(const struct store_row *row, struct wall before);
	size_t keep, removed; /* offsets */
};

struct trigger_sweep {
	struct store *store;
	struct loop_timer *timer;
	struct trigger_retention keep;
	struct trigger_removed removed;
	size_t kind;
	struct buf after;
	bool more; /* rows of the kind are left */
	size_t removing;
	void (*on_done)(void *ctx, const struct trigger_removed *n);
	void *ctx;
};

/* Ids are in the order of time: what follows one that began too late did so, too. */
static enum row_age trigger_age(const struct store_row *row, struct wall before)
{
	CLEANUP(trigger_release) struct trigger t;
	enum row_age age = ROW_YOUNG;

	trigger_init(&t);
	/* What nobody can read is of use to nobody, but it is no reason to lose it. */
	if (trigger_read(row->value, &t) != ERR_OK)
		return ROW_YOUNG;
	if (t.created.ms >= before.ms)
		age = ROW_END;
	else if (trigger_is_over(&t) && t.updated.ms < before.ms)
		age = ROW_OLD;
	return age;
}

/* "id:digest:time": in the order of those who asked. */
static enum row_age key_age(const struct store_row *row, struct wall before)
{
	const char *colon = memrchr(row->value.p, ':', row->value.n);
	char text[24] = "";
	size_t n;

	if (colon == NULL)
		return ROW_OLD;
	n = row->value.n - (size_t)(colon + 1 - row->value.p);
	if (n < sizeof(text))
		memcpy(text, colon + 1, n);
	return strtoll(text, NULL, 10) < before.ms ? ROW_OLD : ROW_YOUNG;
}

static const struct kind kinds[] = {
	{ NS_TRIGGER, trigger_age, offsetof(struct trigger_retention, triggers_ms),
		offsetof(struct trigger_removed, triggers) },
	{ NS_TRIGGER_KEY, key_age, offsetof(struct trigger_retention, keys_ms),
		offsetof(struct trigger_removed, keys) },
};

static int64_t kept_ms(const struct trigger_sweep *s)
{
	return *(const int64_t *)(const void *)((const char *)&s->keep + kinds[s->kind].keep);
}

static void sweep_end(struct trigger_sweep *s)
{
	s->kind = ARRAY_SIZE(kinds);
	s->on_done(s->ctx, &s->removed);
}

/* To the next page, or the next kind. */
static void sweep_go(struct trigger_sweep *s)
{
	if (!s->more) {
		s->kind++;
		buf_clear(&s->after);
	}
	if (s->kind < ARRAY_SIZE(kinds))
		loop_timer_set(s->timer, PAUSE_MS);
	else
		sweep_end(s);
}

static void on_removed(void *ctx, enum claim_result r)
{
	struct trigger_sweep *s = ctx;
	size_t *removed = (size_t *)(void *)((char *)&s->removed + kinds[s->kind].removed);

	if (r != CLAIM_OK) {
		sweep_end(s);
		return;
	}
	*removed += s->removing;
	sweep_go(s);
}

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct trigger_sweep *s = ctx;
	const struct kind *kind = &kinds[s->kind];
	const struct wall before = { clock_wall().ms - kept_ms(s) };
	struct store_put put[PAGE_ROWS];

	s->removing = 0;
	s->more = more;
	buf_clear(&s->after);
	if (e == ERR_OK && n > 0)
		e = buf_add_span(&s->after, rows[n - 1].key);
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		enum row_age age = kind->age(&rows[i], before);

		if (age == ROW_OLD)
			put[s->removing++] =
				(struct store_put){ .ns = kind->ns, .key = rows[i].key };
		s->more = s->more && age != ROW_END;
		if (age == ROW_END)
			break;
	}
	if (e == ERR_OK && s->removing > 0)
		e = store_put(s->store, put, s->removing, on_removed, s);
	else if (e == ERR_OK)
		sweep_go(s);
	if (e != ERR_OK)
		sweep_end(s);
}

static void on_due(void *ctx)
{
	struct trigger_sweep *s = ctx;

	if (kept_ms(s) == 0) {
		s->more = false;
		sweep_go(s);
	} else if (store_scan(s->store, kinds[s->kind].ns, buf_span(&s->after), PAGE_ROWS, on_rows,
			   s) != ERR_OK) {
		sweep_end(s);
	}
}

struct trigger_sweep *trigger_sweep_new(struct loop *l, struct store *store)
{
	struct trigger_sweep *s = xcalloc(1, sizeof(*s));

	s->store = store;
	s->kind = ARRAY_SIZE(kinds);
	s->timer = loop_timer_new(l, on_due, s);
	buf_init(&s->after, KEY_MAX);
	return s;
}

void trigger_sweep_free(struct trigger_sweep *s)
{
	if (s == NULL)
		return;
	loop_timer_free(s->timer);
	buf_release(&s->after);
	free(s);
}

void trigger_sweep_run(struct trigger_sweep *s, const struct trigger_retention *keep,
	void (*on_done)(void *ctx, const struct trigger_removed *n), void *ctx)
{
	s->keep = *keep;
	s->removed = (struct trigger_removed){ 0 };
	s->kind = 0;
	s->on_done = on_done;
	s->ctx = ctx;
	buf_clear(&s->after);
	loop_timer_set(s->timer, PAUSE_MS);
}
