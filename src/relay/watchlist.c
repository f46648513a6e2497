/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/watchlist.h"

#include <stdlib.h>

#include "base/defs.h"

/* Some megabytes. What is more is found by the list of its repository. */
#define WATCHES_MAX 20000

static struct span id_key(const int64_t *id)
{
	return (struct span){ (const char *)id, sizeof(*id) };
}

static void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	free(w->slug);
	free(w);
}

void watchlist_init(struct watchlist *l)
{
	*l = (struct watchlist){ 0 };
	map_init(&l->by_id);
}

void watchlist_release(struct watchlist *l)
{
	struct span key;
	size_t at = 0;
	void *w;

	while (map_next(&l->by_id, &at, &key, &w))
		watch_free(w);
	map_release(&l->by_id);
}

void watchlist_note(struct watchlist *l, int64_t id, struct span slug, struct mono news,
	const struct watchlist_rules *r)
{
	struct watch *w = map_get(&l->by_id, id_key(&id));

	if (w == NULL && l->by_id.count >= WATCHES_MAX) {
		l->dropped++;
		return;
	}
	if (w == NULL) {
		w = xcalloc(1, sizeof(*w));
		w->id = id;
		w->slug = xstrndup(slug.p, slug.n);
		IGNORE(map_put(&l->by_id, id_key(&id), w) != NULL);
	}
	w->news = news;
	w->due.ms = news.ms + r->after_ms;
}

void watchlist_forget(struct watchlist *l, int64_t id)
{
	watch_free(map_remove(&l->by_id, id_key(&id)));
}

void watchlist_defer(
	struct watchlist *l, int64_t id, struct mono now, const struct watchlist_rules *r)
{
	struct watch *w = map_get(&l->by_id, id_key(&id));
	int64_t wait_ms;

	if (w == NULL)
		return;
	wait_ms = (now.ms - w->news.ms) / 4;
	w->due.ms = now.ms + (wait_ms < r->after_ms ? r->after_ms : wait_ms);
}

const struct watch *watchlist_due(const struct watchlist *l, struct mono now)
{
	const struct watch *first = NULL;
	struct span key;
	size_t at = 0;
	void *p;

	while (map_next(&l->by_id, &at, &key, &p)) {
		const struct watch *w = p;

		if (w->due.ms <= now.ms && (first == NULL || w->due.ms < first->due.ms))
			first = w;
	}
	return first;
}

bool watch_is_hopeless(const struct watch *w, struct mono now, const struct watchlist_rules *r)
{
	return now.ms - w->news.ms >= r->window_ms;
}
