/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_reader.h"

#include <stdlib.h>

#include "backstage/catalog_rest.h"
#include "backstage/entity_json.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "io/worker.h"
#include "model/catalog.h"

/* Entities applied in a pass: together well below a millisecond. */
#define STEP 64

struct catalog_reader {
	struct loop *loop;
	struct worker *worker;
	struct catalog *catalog;
	struct buf room; /* the thread's */
	bool closing;    /* the thread has ended, or is about to */
};

/*
 * READ ----> APPLY ----> DISPOSE ----> freed
 * thread     loop        thread
 */
enum reading_phase {
	PHASE_READ,
	PHASE_APPLY, /* the task is deferred */
	PHASE_DISPOSE,
};

struct catalog_reading {
	struct worker_job job;
	struct loop_task task;
	struct catalog_reader *reader;
	enum reading_phase phase;
	bool cancelled;
	struct entity_rules rules;
	char *body;
	struct wall asked;
	size_t body_len;
	char *ref_text;
	struct span *ref; /* in ref_text; NULL: this is a page */
	enum catalog_fate *fate;
	size_t refs;
	struct catalog *found;
	size_t applied; /* of found, or of the refs */
	struct catalog_read read;
	catalog_read_cb on_read;
	void *ctx;
};

static struct catalog_reading *reading_of(struct worker_job *job)
{
	return CONTAINER_OF(job, struct catalog_reading, job);
}

/* On the thread. */
static void reading_read(struct catalog_reading *g)
{
	const struct span body = { g->body, g->body_len };
	struct catalog_page page = { 0 };

	g->found = catalog_new();
	if (g->ref == NULL)
		g->read.e = catalog_rest_page(body, &g->rules, &g->reader->room, g->found, &page);
	else
		g->read.e = catalog_rest_found(
			body, &g->rules, &g->reader->room, g->ref, g->refs, g->found, g->fate);
	g->read.items = page.items;
	g->read.skipped = page.skipped;
	g->read.cursor = page.cursor;
	free(TAKE(g->body));
}

/* On the thread too: what an answer took is much to free. */
static void reading_dispose(struct catalog_reading *g)
{
	catalog_free(TAKE(g->found));
	free(TAKE(g->body));
}

static void on_work(void *ctx, struct worker_job *jobs)
{
	(void)ctx;
	for (; jobs != NULL; jobs = jobs->next) {
		struct catalog_reading *g = reading_of(jobs);

		if (g->phase == PHASE_READ)
			reading_read(g);
		else
			reading_dispose(g);
	}
}

static void reading_free(struct catalog_reading *g)
{
	entity_rules_release(&g->rules);
	free(g->ref_text);
	free(g->ref);
	free(g->fate);
	free(g->read.cursor);
	free(g);
}

static void reading_end(struct catalog_reading *g)
{
	if (!g->cancelled)
		g->on_read(g->ctx, &g->read);
	g->phase = PHASE_DISPOSE;
	if (!g->reader->closing) {
		worker_submit(g->reader->worker, &g->job);
		return;
	}
	reading_dispose(g);
	reading_free(g);
}

static void on_done(void *ctx, struct worker_job *job)
{
	struct catalog_reading *g = reading_of(job);

	(void)ctx;
	if (g->phase == PHASE_DISPOSE) {
		reading_free(g);
	} else if (g->cancelled || g->read.e != ERR_OK) {
		reading_end(g);
	} else {
		g->phase = PHASE_APPLY;
		loop_defer(g->reader->loop, &g->task);
	}
}

static const struct worker_ops ops = { .work = on_work, .done = on_done };

/* The next entity of a page; false if there is none. */
static bool apply_item(struct catalog_reading *g)
{
	struct catalog *c = g->reader->catalog;
	struct entity e;

	if (!catalog_at(g->found, g->applied, &e))
		return false;
	if (!catalog_is_seen(c, e.ref))
		IGNORE(catalog_put(c, &e)); /* found has checked it */
	return true;
}

/* The fate of the next ref; false if there is none. */
static bool apply_ref(struct catalog_reading *g)
{
	struct catalog *c = g->reader->catalog;
	struct entity e;
	struct span ref;

	if (g->applied == g->refs)
		return false;
	ref = g->ref[g->applied];
	switch (g->fate[g->applied]) {
	case CATALOG_GONE:
		g->read.gone++;
		IGNORE(catalog_remove(c, ref));
		break;
	case CATALOG_FOUND:
		if (catalog_get(g->found, ref, &e))
			IGNORE(catalog_put(c, &e));
		break;
	case CATALOG_GARBLED: catalog_see(c, ref); break;
	}
	return true;
}

static void on_step(struct loop_task *t)
{
	struct catalog_reading *g = CONTAINER_OF(t, struct catalog_reading, task);
	uint64_t before = catalog_changes(g->reader->catalog);
	bool more = true;

	catalog_asked(g->reader->catalog, g->asked);
	for (int i = 0; i < STEP && more; i++) {
		more = g->ref == NULL ? apply_item(g) : apply_ref(g);
		g->applied += more;
	}
	g->read.changes += (size_t)(catalog_changes(g->reader->catalog) - before);
	if (more)
		loop_defer(g->reader->loop, &g->task);
	else
		reading_end(g);
}

static struct catalog_reading *reading_new(struct catalog_reader *r, const struct catalog_answer *a,
	catalog_read_cb on_read, void *ctx)
{
	struct catalog_reading *g = xcalloc(1, sizeof(*g));

	*g = (struct catalog_reading){ .reader = r, .on_read = on_read, .ctx = ctx };
	g->task.run = on_step;
	g->rules = entity_rules_copy(a->rules);
	g->asked = a->asked;
	g->body_len = a->answer->body.n;
	g->body = httpc_answer_take(a->answer);
	return g;
}

struct catalog_reading *catalog_reader_page(struct catalog_reader *r,
	const struct catalog_answer *a, catalog_read_cb on_read, void *ctx)
{
	struct catalog_reading *g = reading_new(r, a, on_read, ctx);

	worker_submit(r->worker, &g->job);
	return g;
}

struct catalog_reading *catalog_reader_found(struct catalog_reader *r,
	const struct catalog_answer *a, const struct span *refs, size_t n, catalog_read_cb on_read,
	void *ctx)
{
	struct catalog_reading *g = reading_new(r, a, on_read, ctx);
	size_t bytes = 0;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += refs[i].n;
	g->refs = n;
	g->ref = xcalloc(n + 1, sizeof(*g->ref));
	g->fate = xcalloc(n + 1, sizeof(*g->fate));
	text = g->ref_text = xcalloc(1, bytes + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(text, refs[i].p, refs[i].n);
		g->ref[i] = (struct span){ text, refs[i].n };
		text += refs[i].n;
	}
	worker_submit(r->worker, &g->job);
	return g;
}

void catalog_reading_cancel(struct catalog_reading *g)
{
	if (g == NULL)
		return;
	g->cancelled = true;
	if (g->phase != PHASE_APPLY)
		return;
	loop_undefer(g->reader->loop, &g->task);
	reading_end(g);
}

enum err catalog_reader_new(struct loop *l, struct catalog *catalog, struct catalog_reader **out)
{
	struct catalog_reader *r = xcalloc(1, sizeof(*r));
	enum err e;

	*r = (struct catalog_reader){ .loop = l, .catalog = catalog };
	buf_init(&r->room, ENTITY_ROOM);
	e = worker_new(l, "catalog", &ops, r, &r->worker);
	if (e != ERR_OK) {
		buf_release(&r->room);
		free(r);
		return e;
	}
	*out = r;
	return ERR_OK;
}

void catalog_reader_free(struct catalog_reader *r)
{
	if (r == NULL)
		return;
	r->closing = true;
	worker_free(r->worker);
	buf_release(&r->room);
	free(r);
}

struct catalog *catalog_reader_catalog(const struct catalog_reader *r)
{
	return r->catalog;
}
