/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "daemon/page_impl.h"
#include "model/catalog.h"
#include "store/store.h"

/* Entities whose states are asked for at once; a storm of news is told as one. */
#define BATCH    64
#define TOLD_MAX 16
#define AGAIN_MS 500

/* A question to the store, and what it is about. */
struct refresh {
	struct page *page;
	uint64_t catalogs;
	size_t number[BATCH];
	size_t n;
	char *slug[BATCH]; /* each once */
	size_t slugs;
	bool news; /* all had a state before */
};

static void refresh_free(struct refresh *r)
{
	for (size_t i = 0; i < r->slugs; i++)
		free(r->slug[i]);
	free(r);
}

/* --- the index --- */

static void wake(struct page *p)
{
	struct page_view *v = LIST_FIRST(&p->views), *next;

	for (; v != NULL; v = next) {
		next = LIST_NEXT(v, entry);
		page_view_proceed(v);
	}
}

static void on_step(struct loop_task *task)
{
	struct page *p = CONTAINER_OF(task, struct page, step);

	if (relay_stats(p->d->relay).catalogs != p->catalogs) {
		IGNORE(page_is_current(p, &(const struct catalog *){ NULL }));
		return;
	}
	if (!page_index_step(p->index, relay_catalog_now(p->d->relay))) {
		loop_defer(p->d->loop, &p->step);
		return;
	}
	p->built = true;
	page_refresh(p);
	wake(p);
}

static void index_begin(struct page *p, uint64_t catalogs)
{
	page_index_free(p->index);
	p->index = page_index_new();
	p->catalogs = catalogs;
	p->built = false;
	p->step.run = on_step;
	loop_defer(p->d->loop, &p->step);
}

bool page_is_current(struct page *p, const struct catalog **c)
{
	uint64_t catalogs = relay_stats(p->d->relay).catalogs;

	*c = relay_catalog_now(p->d->relay);
	if (*c == NULL)
		return false;
	if (p->index == NULL || p->catalogs != catalogs)
		index_begin(p, catalogs);
	return p->built;
}

/* --- states --- */

static bool has_slug(const struct refresh *r, struct span slug)
{
	for (size_t i = 0; i < r->slugs; i++) {
		if (span_is(slug, r->slug[i]))
			return true;
	}
	return false;
}

static struct refresh *refresh_new(struct page *p, const struct catalog *c)
{
	struct refresh *r = xcalloc(1, sizeof(*r));

	*r = (struct refresh){ .page = p, .catalogs = p->catalogs };
	r->news = page_index_is_read(p->index);
	r->n = page_index_take_stale(p->index, r->number, BATCH);
	for (size_t i = 0; i < r->n; i++) {
		struct entity e;

		if (catalog_at(c, page_index_place(p->index, r->number[i]), &e) &&
			!has_slug(r, e.slug))
			r->slug[r->slugs++] = xstrndup(e.slug.p, e.slug.n);
	}
	return r;
}

/* Ask again later for what was not answered. */
static void refresh_return(const struct refresh *r)
{
	for (size_t i = 0; i < r->n; i++)
		page_index_set_stale(r->page->index, r->number[i]);
	loop_timer_set(r->page->again, AGAIN_MS);
}

static const struct store_build *build_of(const struct store_builds *b, const struct entity *e)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct store_build *sb = &b->build[i];

		if (span_eq_nocase(sb->repository, e->slug))
			return sb;
	}
	return NULL;
}

static bool is_answered(const struct refresh *r, const struct entity *e, size_t answered)
{
	for (size_t i = 0; i < answered && i < r->slugs; i++) {
		if (span_is(e->slug, r->slug[i]))
			return true;
	}
	return false;
}

static void refresh_one(struct refresh *r, const struct store_builds *answer, size_t number)
{
	struct page *p = r->page;
	struct page_build b = { 0 };
	const struct store_build *found;
	struct entity e;

	if (!catalog_at(relay_catalog_now(p->d->relay), page_index_place(p->index, number), &e))
		return;
	if (!is_answered(r, &e, answer->answered)) {
		page_index_set_stale(p->index, number);
		return;
	}
	found = build_of(answer, &e);
	if (found != NULL)
		page_build_read(found, &b);
	page_index_set_state(p->index, number, b.state);
	if (r->news && r->n <= TOLD_MAX)
		page_tell_row(p, e.ref, &b);
	page_build_release(&b);
}

static void on_states(void *ctx, enum err e, const struct store_builds *answer)
{
	struct refresh *r = ctx;
	struct page *p = r->page;

	p->refresh = NULL;
	if (r->catalogs != p->catalogs || relay_stats(p->d->relay).catalogs != p->catalogs) {
		refresh_free(r);
		return;
	}
	if (e != ERR_OK) {
		refresh_return(r);
		refresh_free(r);
		wake(p);
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		refresh_one(r, answer, r->number[i]);
	if (r->news && r->n > TOLD_MAX)
		page_tell_many(p, r->n);
	refresh_free(r);
	page_refresh(p);
	if (page_unsettled(p) == 0)
		wake(p);
}

static void refresh_ask(struct page *p, const struct catalog *c)
{
	struct refresh *r = refresh_new(p, c);
	struct span slug[BATCH];
	struct store_builds_query q = { .repository = slug, .repositories = r->slugs, .limit = 1 };

	for (size_t i = 0; i < r->slugs; i++)
		slug[i] = span_of(r->slug[i]);
	if (store_builds(p->d->store, &q, on_states, r) == ERR_OK) {
		p->refresh = r;
		return;
	}
	refresh_return(r);
	refresh_free(r);
}

size_t page_unsettled(const struct page *p)
{
	return page_index_stale(p->index) + (p->refresh == NULL ? 0 : p->refresh->n);
}

void page_refresh(struct page *p)
{
	bool somebody_looks = page_has_clients(p) || !LIST_EMPTY(&p->views);
	const struct catalog *c;

	if (!somebody_looks || p->refresh != NULL || loop_timer_is_set(p->again))
		return;
	if (page_is_current(p, &c) && page_index_stale(p->index) > 0)
		refresh_ask(p, c);
}

struct entity *page_entities(const struct catalog *c, struct span repository, size_t *n)
{
	struct entity *e;

	*n = catalog_find(c, repository, NULL, 0);
	e = xcalloc(*n, sizeof(*e));
	IGNORE(catalog_find(c, repository, e, *n) != *n);
	return e;
}

static void set_stale(struct page *p, const struct catalog *c, struct span repository)
{
	CLEANUP(freep) struct entity *e = NULL;
	size_t n, number;

	e = page_entities(c, repository, &n);
	for (size_t i = 0; i < n; i++) {
		if (page_index_number(p->index, catalog_position(c, e[i].ref), &number))
			page_index_set_stale(p->index, number);
	}
}

/* Nothing is done for a page that nobody has looked at since the catalog changed. */
void page_on_build(void *ctx, struct span repository)
{
	struct page *p = ctx;
	struct relay_stats s = relay_stats(p->d->relay);

	if (!p->built || p->catalogs != s.catalogs || s.catalogs == 0)
		return;
	set_stale(p, relay_catalog_now(p->d->relay), repository);
	page_refresh(p);
}
