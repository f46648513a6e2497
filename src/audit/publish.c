/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/publish.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/publish_impl.h"
#include "audit/record.h"

#define AGAIN_MS   1000
#define TICK_MS    1000
#define RECORD_MAX ((size_t)16 * 1024)

const char *publisher_state_str(enum publisher_state s)
{
	switch (s) {
	case PUBLISHER_LOADING:
	case PUBLISHER_OPENING: return "opening";
	case PUBLISHER_BEGINNING: return "beginning";
	case PUBLISHER_COMPARING: return "comparing";
	case PUBLISHER_RUNNING: return "ok";
	case PUBLISHER_DOUBTFUL: break;
	}
	return "doubtful";
}

/* --- trouble --- */

/* Takes why; NULL: all is well. Said only where it is news. */
static void trouble_set(struct publisher *p, char *why)
{
	bool same = why == NULL ? p->trouble == NULL
				: p->trouble != NULL && strcmp(why, p->trouble) == 0;

	free(p->trouble);
	p->trouble = why;
	if (!same && p->on_trouble != NULL)
		p->on_trouble(p->ctx, why);
}

static void on_doubt_kept(void *ctx, enum claim_result r)
{
	(void)ctx;
	(void)r;
}

/* The log that comes after this one cannot trust how far it went. */
static void doubt_keep(struct publisher *p)
{
	if (p->closing || strcmp(p->ledger.origin, p->origin) != 0)
		return;
	p->ledger.doubtful = 1;
	publisher_keep_ledger(p, on_doubt_kept);
}

void publisher_doubt(struct publisher *p, const char *fmt, ...)
{
	va_list ap;
	char *why;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	p->state = PUBLISHER_DOUBTFUL;
	loop_timer_stop(p->timer);
	trouble_set(p, why);
	doubt_keep(p);
}

static void no_room(struct publisher *p)
{
	char *why;

	if (asprintf(&why, "%s cannot be written; it is tried again", p->directory) < 0)
		out_of_memory();
	trouble_set(p, why);
	publisher_step_later(p, AGAIN_MS);
}

/* --- entries of its own --- */

enum err publisher_entry(const char *action, const char *detail, struct buf *out)
{
	const struct audit_record r = {
		.at = clock_wall(),
		.action = action,
		.outcome = "success",
		.actor = SPAN("stagewired"),
		.detail = span_of(detail),
	};

	return audit_record_write(&r, out);
}

static void on_heartbeat_kept(void *ctx, const struct append_answer *a)
{
	struct publisher *p = ctx;

	if (a->result == APPEND_STORED)
		p->more = true;
}

/* Nothing happened: say so, so that silence cannot be mistaken for an end. */
static void heartbeat_append(struct publisher *p)
{
	CLEANUP(buf_release) struct buf record;
	struct store_append a = { .audit_n = 1 };
	struct span entry;

	buf_init(&record, RECORD_MAX);
	if (publisher_entry("audit.heartbeat", NULL, &record) != ERR_OK)
		return;
	entry = buf_span(&record);
	a.audit = &entry;
	IGNORE(store_append(p->store, &a, on_heartbeat_kept, p) != ERR_OK);
}

static void ship(struct publisher *p)
{
	if (!p->ship || p->note.len == 0)
		return;
	p->ship = false;
	if (p->on_checkpoint != NULL)
		p->on_checkpoint(p->ctx, buf_span(&p->note));
}

static void heartbeat(struct publisher *p)
{
	struct mono now = loop_now(p->loop);
	bool idle = p->size <= p->beat_size && p->size == p->published;

	if (p->finishing || now.ms - p->beat.ms < p->pace.heartbeat_ms)
		return;
	p->beat = now;
	p->ship = true;
	p->beat_size = p->size + (idle ? 1 : 0);
	if (idle)
		heartbeat_append(p);
	else if (p->size == p->published)
		ship(p);
}

/* --- running --- */

static void on_ledger_kept(void *ctx, enum claim_result r)
{
	struct publisher *p = ctx;

	/* Where it was not kept the next one is; until then the store remembers less. */
	(void)r;
	p->busy = false;
	publisher_step(p);
}

static void on_flushed(void *ctx, enum claim_result r)
{
	struct publisher *p = ctx;

	p->flushed = true;
	p->more = true;
	on_ledger_kept(p, r);
}

void publisher_keep_ledger(struct publisher *p, store_finish_cb on_kept)
{
	CLEANUP(buf_release) struct buf state;
	struct store_put put = { .ns = LEDGER_NS, .key = SPAN(LEDGER_KEY) };

	buf_init(&state, LEDGER_MAX);
	/* There is room for it: the longest checkpoint, with each byte escaped. */
	if (ledger_write(&p->ledger, &state) != ERR_OK)
		abort();
	put.value = buf_span(&state);
	p->busy = true;
	if (store_put(p->store, &put, 1, on_kept, p) == ERR_OK)
		return;
	p->busy = false;
	publisher_step_later(p, AGAIN_MS);
}

/* Those that follow on the log's end, in order and without a gap; 0 also where in doubt. */
static size_t page_gather(struct publisher *p, const struct store_entry *entries, size_t n,
	struct store_entry out[PUBLISH_PAGE])
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t expected = ledger_seq(&p->ledger, p->size + kept);

		if (entries[i].seq == p->ledger.open && p->size + kept > 0)
			continue;
		if (entries[i].seq != expected) {
			publisher_doubt(p, "the store has lost entry %" PRId64, expected);
			return 0;
		}
		out[kept++] = entries[i];
	}
	return kept;
}

static void on_page(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last)
{
	struct store_entry page[PUBLISH_PAGE];
	struct publisher *p = ctx;
	size_t kept;

	(void)first;
	(void)last;
	p->busy = false;
	if (e != ERR_OK) {
		publisher_step_later(p, AGAIN_MS);
		return;
	}
	p->more = n == PUBLISH_PAGE || (n > 0 && p->size == 0);
	kept = page_gather(p, entries, n, page);
	if (kept > 0) {
		struct publish_job *j = publish_job_new(PUBLISH_ADD);

		publish_job_fill(j, p->size, page, kept);
		publisher_submit(p, j);
	} else {
		publisher_step(p);
	}
}

static void read_on(struct publisher *p)
{
	unsigned limit = p->size == 0 ? 1 : PUBLISH_PAGE;
	int64_t after = ledger_seq(&p->ledger, p->size) - 1;

	p->busy = true;
	if (store_audit_read(p->store, after, limit, on_page, p) == ERR_OK)
		return;
	p->busy = false;
	publisher_step_later(p, AGAIN_MS);
}

static bool is_sign_due(const struct publisher *p)
{
	uint64_t pending = p->size - p->published;

	if (pending == 0)
		return false;
	if (pending >= (uint64_t)p->pace.sign_every)
		return true;
	if (p->finishing)
		return !p->more;
	return loop_now(p->loop).ms - p->oldest.ms >= p->pace.interval_ms;
}

static void publisher_run(struct publisher *p)
{
	heartbeat(p);
	if (is_sign_due(p))
		publisher_submit(p, publish_job_new(PUBLISH_SIGN));
	else if (p->finishing && !p->flushed)
		publisher_keep_ledger(p, on_flushed);
	else if (p->more)
		read_on(p);
	else
		publisher_step_later(
			p, p->pace.interval_ms < TICK_MS ? p->pace.interval_ms : TICK_MS);
}

static void on_timer(void *ctx)
{
	struct publisher *p = ctx;

	p->more = true;
	publisher_step(p);
}

void publisher_step_later(struct publisher *p, int64_t wait_ms)
{
	if (!p->closing && p->state != PUBLISHER_DOUBTFUL)
		loop_timer_set(p->timer, wait_ms);
}

void publisher_step(struct publisher *p)
{
	if (p->busy || p->closing)
		return;
	switch (p->state) {
	case PUBLISHER_LOADING: publisher_load(p); return;
	case PUBLISHER_OPENING: publisher_open(p); return;
	case PUBLISHER_BEGINNING: publisher_begin(p); return;
	case PUBLISHER_COMPARING: publisher_compare(p); return;
	case PUBLISHER_RUNNING: publisher_run(p); return;
	case PUBLISHER_DOUBTFUL: return;
	}
}

/* --- the thread --- */

void publisher_submit(struct publisher *p, struct publish_job *j)
{
	p->busy = true;
	worker_submit(p->worker, &j->job);
}

static void on_signed(struct publisher *p, const struct publish_job *j)
{
	buf_clear(&p->note);
	buf_clear(&p->ledger.checkpoint);
	IGNORE(buf_add_span(&p->note, buf_span(&j->note)) != ERR_OK);
	IGNORE(buf_add_span(&p->ledger.checkpoint, buf_span(&j->note)) != ERR_OK);
	p->published = j->size;
	p->published_at = clock_wall();
	p->checkpoints++;
	ship(p);
	publisher_keep_ledger(p, on_ledger_kept);
}

static void on_job_ok(struct publisher *p, const struct publish_job *j)
{
	if (p->trouble != NULL)
		trouble_set(p, NULL);
	switch (j->op) {
	case PUBLISH_OPEN:
		p->size = p->published = j->size;
		publisher_opened(p);
		return;
	case PUBLISH_COMPARE: publisher_step(p); return;
	case PUBLISH_ADD: publisher_step(p); return;
	case PUBLISH_SIGN: on_signed(p, j); return;
	}
}

static void do_jobs(void *ctx, struct worker_job *jobs)
{
	struct publisher *p = ctx;

	for (; jobs != NULL; jobs = jobs->next)
		publish_job_do(CONTAINER_OF(jobs, struct publish_job, job), p->writer);
}

static void on_job_done(void *ctx, struct worker_job *job)
{
	struct publish_job *j = CONTAINER_OF(job, struct publish_job, job);
	struct publisher *p = ctx;

	p->busy = false;
	if (j->op == PUBLISH_ADD && j->size > p->size) {
		if (p->size == p->published)
			p->oldest = loop_now(p->loop);
		p->size = j->size;
	}
	if (p->closing)
		;
	else if (j->err == ERR_OK)
		on_job_ok(p, j);
	else if (j->err == ERR_AUTH)
		publisher_doubt(p, "%s", j->why);
	else if (j->err == ERR_BUSY)
		no_room(p);
	else
		publisher_doubt(
			p, "entry %" PRIu64 " cannot be published: %s", j->size, err_str(j->err));
	publish_job_free(j);
}

/* --- life --- */

enum err publisher_new(struct loop *l, struct store *s, const struct publisher_conf *conf,
	struct signing_key *key, struct publisher **out)
{
	static const struct worker_ops ops = { .work = do_jobs, .done = on_job_done };
	struct publisher *p = xcalloc(1, sizeof(*p));

	*p = (struct publisher){
		.loop = l,
		.store = s,
		.writer = log_writer_new(conf->directory, conf->origin, key),
		.directory = xstrdup(conf->directory),
		.origin = xstrdup(conf->origin),
		.witness = conf->witness == NULL ? NULL : xstrdup(conf->witness),
		.pace = conf->pace,
		.on_trouble = conf->on_trouble,
		.on_checkpoint = conf->on_checkpoint,
		.ctx = conf->ctx,
		.published_at = WALL_NONE,
	};
	ledger_init(&p->ledger);
	ledger_init(&p->next);
	buf_init(&p->note, NOTE_MAX);
	p->timer = loop_timer_new(l, on_timer, p);
	if (worker_new(l, "audit-log", &ops, p, &p->worker) != ERR_OK) {
		publisher_free(p);
		return ERR_IO;
	}
	*out = p;
	publisher_step(p);
	return ERR_OK;
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	p->closing = true;
	worker_free(p->worker);
	loop_timer_free(p->timer);
	log_writer_free(p->writer);
	ledger_release(&p->ledger);
	ledger_release(&p->next);
	buf_release(&p->note);
	free(p->directory);
	free(p->origin);
	free(p->witness);
	free(p->trouble);
	free(p);
}

void publisher_set_pace(struct publisher *p, const struct publisher_pace *pace)
{
	p->pace = *pace;
}

void publisher_finish(struct publisher *p)
{
	if (p->finishing)
		return;
	p->finishing = true;
	publisher_step(p);
}

bool publisher_is_finished(const struct publisher *p)
{
	if (p->state == PUBLISHER_DOUBTFUL || p->trouble != NULL)
		return true;
	return p->state == PUBLISHER_RUNNING && !p->busy && p->flushed && !p->more &&
	       p->size == p->published;
}

struct publisher_stats publisher_stats(const struct publisher *p)
{
	bool trusted = p->state == PUBLISHER_RUNNING;

	return (struct publisher_stats){
		.state = p->state,
		.directory = p->directory,
		.origin = p->origin,
		.trouble = p->trouble == NULL ? "" : p->trouble,
		.size = p->size,
		.published = p->published,
		.published_seq = trusted ? ledger_unpublished(&p->ledger) - 1 : 0,
		.checkpoints = p->checkpoints,
		.published_at = p->published_at,
	};
}
