/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/page_impl.h"
#include "model/catalog.h"
#include "relay/board.h"
#include "store/store.h"

/*
 * One request for the page:
 *
 *	waits for the index and for states --> reads its rows' builds --> reads what
 *	changed last --> is written
 *
 * It begins anew when the catalog changes meanwhile, a few times.
 */
#define LATE_MS      2000
#define RESTARTS_MAX 3

/* Builds looked at for what turned last. */
#define LOOK 300

static void view_read_rows(struct page_view *v);

/* --- builds and rows --- */

void page_build_read(const struct store_build *from, struct page_build *b)
{
	*b = (struct page_build){
		.known = true,
		.state = (unsigned)board_state(from) + 1,
		.transition = board_transition(from),
		.started = from->started,
		.finished = from->finished,
		.updated = from->updated,
	};
	build_init(&b->build);
	/* What does not read is shown by its state alone. */
	IGNORE(build_read(from->fact, &b->build) != ERR_OK);
}

void page_build_release(struct page_build *b)
{
	if (b->known)
		build_release(&b->build);
	*b = (struct page_build){ 0 };
}

static void row_set(struct page_row *r, const struct entity *e)
{
	*r = (struct page_row){
		.ref = xstrndup(e->ref.p, e->ref.n),
		.slug = xstrndup(e->slug.p, e->slug.n),
		.system = xstrndup(e->system.p, e->system.n),
		.owners = e->owners,
	};
	r->owner = e->owners == 0 ? xstrdup("") : xstrndup(e->owner[0].p, e->owner[0].n);
}

static void row_release(struct page_row *r)
{
	free(r->ref);
	free(r->slug);
	free(r->system);
	free(r->owner);
	page_build_release(&r->b);
}

static void view_forget(struct page_view *v)
{
	for (size_t i = 0; i < v->rows; i++)
		row_release(&v->row[i]);
	for (size_t i = 0; i < v->recents; i++)
		row_release(&v->recent[i]);
	v->rows = v->read = v->recents = 0;
}

/* --- the end --- */

void page_view_free(struct page_view *v)
{
	LIST_REMOVE(v, entry);
	view_forget(v);
	loop_timer_free(v->late);
	buf_release(&v->text);
	free(v);
}

static void view_finish(struct page_view *v)
{
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, PAGE_MAX);
	html_init(&h, &out);
	page_write(&h, v);
	page_reply(v->req, 200, &h);
	page_view_free(v);
}

/* The catalog has changed; true: it begins anew. */
static bool view_restart(struct page_view *v)
{
	if (++v->restarts > RESTARTS_MAX)
		return false;
	view_forget(v);
	v->begun = false;
	page_view_proceed(v);
	return true;
}

/* --- what changed last --- */

/* An entity of the build's repository that fits; where none is asked for, anybody. */
static bool find_fitting(const struct page_view *v, const struct catalog *c,
	const struct store_build *sb, struct page_row *row)
{
	struct page_pick pick = page_filter_pick(&v->filter, v->page->index, c);
	CLEANUP(freep) struct entity *e = NULL;
	size_t n, number;

	pick.state = -1;
	e = page_entities(c, sb->repository, &n);
	for (size_t i = 0; i < n; i++) {
		if (page_index_number(v->page->index, catalog_position(c, e[i].ref), &number) &&
			page_index_fits(v->page->index, &pick, number)) {
			row_set(row, &e[i]);
			return true;
		}
	}
	if (n > 0 || v->filter.system.n + v->filter.owner.n + v->filter.component.n > 0)
		return false;
	row_set(row, &(struct entity){ .slug = sb->repository });
	return true;
}

static void view_add_recent(
	struct page_view *v, const struct catalog *c, const struct store_build *sb)
{
	enum transition t = board_transition(sb);
	struct page_row *row = &v->recent[v->recents];

	if ((t != TRANSITION_FIXED && t != TRANSITION_BROKEN) || v->recents == PAGE_RECENT)
		return;
	if (!find_fitting(v, c, sb, row))
		return;
	page_build_read(sb, &row->b);
	v->recents++;
}

static void on_recent(void *ctx, enum err e, const struct store_builds *answer)
{
	struct page_view *v = ctx;
	const struct catalog *c;

	if (!page_is_current(v->page, &c)) {
		if (view_restart(v))
			return;
	} else if (e == ERR_OK) {
		for (size_t i = 0; i < answer->n; i++)
			view_add_recent(v, c, &answer->build[i]);
	}
	v->unread = v->unread || e != ERR_OK;
	view_finish(v);
}

static void view_read_recent(struct page_view *v)
{
	const struct store_builds_query q = {
		.states = 1U << BUILD_PASSED | 1U << BUILD_FAILED | 1U << BUILD_ERRORED,
		.limit = LOOK,
	};

	if (store_builds(v->page->d->store, &q, on_recent, v) == ERR_OK)
		return;
	v->unread = true;
	view_finish(v);
}

/* --- the rows' builds --- */

static void rows_take(struct page_view *v, const struct store_build *sb)
{
	for (size_t i = v->read; i < v->rows; i++) {
		struct page_row *r = &v->row[i];

		if (!r->b.known && span_is_nocase(sb->repository, r->slug))
			page_build_read(sb, &r->b);
	}
}

static void on_rows(void *ctx, enum err e, const struct store_builds *answer)
{
	struct page_view *v = ctx;

	if (e != ERR_OK) {
		v->unread = true;
		view_finish(v);
		return;
	}
	for (size_t i = 0; i < answer->n; i++)
		rows_take(v, &answer->build[i]);
	/* An answer has a ceiling: what it had no room for is asked for again. */
	v->read += answer->answered > 0 ? answer->answered : v->rows - v->read;
	view_read_rows(v);
}

static void view_read_rows(struct page_view *v)
{
	struct span slug[PAGE_ROWS];
	struct store_builds_query q = { .repository = slug, .limit = 1 };

	if (v->read >= v->rows) {
		view_read_recent(v);
		return;
	}
	for (size_t i = v->read; i < v->rows; i++)
		slug[q.repositories++] = span_of(v->row[i].slug);
	if (store_builds(v->page->d->store, &q, on_rows, v) == ERR_OK)
		return;
	v->unread = true;
	view_finish(v);
}

/* --- which rows --- */

static void view_choose(struct page_view *v, const struct catalog *c)
{
	const struct page_index *x = v->page->index;
	struct page_pick pick = page_filter_pick(&v->filter, x, c);
	size_t number[PAGE_ROWS + 1], n;
	struct entity e;

	n = page_index_choose(x, &pick, v->filter.by, (size_t)(v->filter.page - 1) * PAGE_ROWS,
		number, PAGE_ROWS + 1);
	v->more = n > PAGE_ROWS;
	for (size_t i = 0; i < n && i < PAGE_ROWS; i++) {
		if (catalog_at(c, page_index_place(x, number[i]), &e))
			row_set(&v->row[v->rows++], &e);
	}
	page_index_tally(x, &pick, v->tally);
	v->unsettled = page_unsettled(v->page);
}

void page_view_proceed(struct page_view *v)
{
	const struct catalog *c;

	if (v->begun)
		return;
	if (relay_catalog_now(v->page->d->relay) == NULL) {
		view_finish(v);
		return;
	}
	if (!page_is_current(v->page, &c)) {
		/* on_step() comes back here, unless the catalog changes faster than it is indexed. */
		v->unindexed = v->is_late;
		if (v->is_late)
			view_finish(v);
		return;
	}
	page_refresh(v->page);
	if (page_unsettled(v->page) > 0 && !v->is_late)
		return; /* on_states() does, or on_late() */
	v->begun = true;
	view_choose(v, c);
	view_read_rows(v);
}

static void on_late(void *ctx)
{
	struct page_view *v = ctx;

	v->is_late = true;
	page_view_proceed(v);
}

void page_view_begin(struct page *p, struct httpd_req *req)
{
	struct page_view *v = xcalloc(1, sizeof(*v));
	const char *what;

	v->page = p;
	v->req = req;
	v->late = loop_timer_new(p->d->loop, on_late, v);
	LIST_INSERT_HEAD(&p->views, v, entry);
	buf_init(&v->text, 1 << 18);
	if (page_filter_read(httpd_req_query(req), &v->filter, &v->text, &what) != ERR_OK) {
		char detail[96];

		snprintf(detail, sizeof(detail), "The query's %s is not one that there can be.",
			what);
		httpd_reply_problem(
			req, &(struct httpd_problem){
				     .status = 400, .type = "query", .detail = detail });
		page_view_free(v);
		return;
	}
	loop_timer_set(v->late, LATE_MS);
	page_view_proceed(v);
}
