/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/walk.h"

#include <stdlib.h>
#include <string.h>

#include "model/pattern.h"

#define PAGE 128

struct walk {
	struct store *store;
	struct store_select select; /* what it points at is ours */
	uint8_t event_id[UUID_BYTES];
	char *sink, *owner, *repository;
	const struct walk_ops *ops;
	void *ctx;
};

static char *copy(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

struct walk *walk_new(
	struct store *s, const struct walk_filter *f, const struct walk_ops *ops, void *ctx)
{
	struct walk *w = xcalloc(1, sizeof(*w));

	*w = (struct walk){ .store = s, .ops = ops, .ctx = ctx };
	w->sink = copy(f->sink);
	w->owner = copy(f->owner);
	w->repository = copy(f->repository);
	w->select = (struct store_select){
		.from = f->from,
		.since = f->since,
		.until = f->until,
		.sink = w->sink,
		.after_seq = f->after_seq,
		.limit = PAGE,
	};
	if (f->event_id != NULL) {
		memcpy(w->event_id, f->event_id, UUID_BYTES);
		w->select.event_id = w->event_id;
	}
	/* The store knows names, not patterns. */
	if (f->repository != NULL && strchr(f->repository, '*') == NULL)
		w->select.repository = span_of(w->repository);
	return w;
}

void walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	free(w->sink);
	free(w->owner);
	free(w->repository);
	free(w);
}

static bool owner_fits(const struct walk *w, const struct cloudevent_facts *facts)
{
	if (w->owner == NULL)
		return true;
	for (size_t i = 0; facts != NULL && i < facts->owners; i++) {
		if (pattern_matches(w->owner, facts->owner[i], true))
			return true;
	}
	return false;
}

static bool walk_event(struct walk *w, const struct store_found *found)
{
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts facts;
	bool readable = cloudevent_read(found->body, &facts) == ERR_OK;

	if (w->repository != NULL && !pattern_matches(w->repository, found->repository, true))
		return true;
	if (!owner_fits(w, readable ? &facts : NULL))
		return true;
	return w->ops->on_event(w->ctx, found, readable ? &facts : NULL);
}

static void on_found(void *ctx, enum err e, const struct store_found *found, size_t n, int64_t next)
{
	struct walk *w = ctx;

	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		if (walk_event(w, &found[i]))
			continue;
		next = i + 1 < n ? found[i].event_seq : next;
		break;
	}
	w->select.after_seq = next;
	w->ops->on_page(w->ctx, e, next);
}

enum err walk_page(struct walk *w)
{
	return store_select(w->store, &w->select, on_found, w);
}
