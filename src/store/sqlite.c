/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdlib.h>

/*
 * From so many pages the log is brought into the file, which the reader does
 * while commits go on. A longer log makes for fewer writes, a shorter one for
 * a quicker start after a crash.
 */
#define CHECKPOINT_PAGES 4000

/* How often to see whether there is room again. */
#define PROBE_MS 1000

static struct store *store_of(struct loop_task *t)
{
	return CONTAINER_OF(t, struct store, hand_over);
}

static void hand_over_writes(struct store *s)
{
	struct write_batch *b;

	if (s->writes == NULL)
		return;
	b = xcalloc(1, sizeof(*b));
	b->first = TAKE(s->writes);
	s->writes_last = &s->writes;
	worker_submit(s->write_worker, &b->job);
}

static void hand_over_reads(struct store *s)
{
	struct read_batch *b;

	if (s->reads == NULL)
		return;
	b = xcalloc(1, sizeof(*b));
	b->first = TAKE(s->reads);
	s->reads_last = &s->reads;
	worker_submit(s->read_worker, &b->job);
}

/* There is one owner, who holds the file's lock, so every lease is granted. */
static void answer_leases(struct store *s)
{
	struct lease_item *it = TAKE(s->leases), *next;

	s->leases_last = &s->leases;
	for (; it != NULL; it = next) {
		next = it->next;
		it->on_done(it->ctx, true, s->token);
		free(it);
	}
}

static void on_pass_end(struct loop_task *t)
{
	struct store *s = store_of(t);

	hand_over_writes(s);
	hand_over_reads(s);
	answer_leases(s);
}

void store_queue_write(struct store *s, struct write_item *it)
{
	*s->writes_last = it;
	s->writes_last = &it->next;
	loop_defer(s->loop, &s->hand_over);
}

void store_queue_read(struct store *s, struct read_item *it)
{
	*s->reads_last = it;
	s->reads_last = &it->next;
	loop_defer(s->loop, &s->hand_over);
}

void store_queue_lease(struct store *s, struct lease_item *it)
{
	*s->leases_last = it;
	s->leases_last = &it->next;
	loop_defer(s->loop, &s->hand_over);
}

static void ask_write(struct store *s, enum write_op op)
{
	struct write_item *it = xcalloc(1, sizeof(*it));

	it->op = op;
	store_queue_write(s, it);
}

static void ask_read(struct store *s, enum read_op op)
{
	struct read_item *it = xcalloc(1, sizeof(*it));

	it->op = op;
	store_queue_read(s, it);
}

static void on_probe_due(void *ctx)
{
	ask_write(ctx, WRITE_PROBE);
}

static void health_set(struct store *s, enum store_health health)
{
	if (s->health == health)
		return;
	s->health = health;
	if (s->on_health != NULL)
		s->on_health(s->on_health_ctx, health);
}

static void counts_add(struct store_counts *c, const struct write_batch *b)
{
	c->events += b->tally.events;
	c->quarantined += b->tally.quarantined;
	c->waiting += b->tally.waiting;
	c->pending += b->tally.pending;
	c->dead += b->tally.dead;
	c->audit += b->tally.audit;
	if (b->commit_us < 0)
		return;
	c->commits++;
	c->commit_us_total += (uint64_t)b->commit_us;
	if ((uint64_t)b->commit_us > c->commit_us_max)
		c->commit_us_max = (uint64_t)b->commit_us;
}

static void take_notice(struct store *s, const struct write_batch *b)
{
	counts_add(&s->counts, b);
	s->oldest_ms = b->oldest_ms;
	if (s->closing)
		return;
	health_set(s, b->full ? STORE_READONLY : STORE_OK);
	if (b->full && !loop_timer_is_set(s->probe))
		loop_timer_set(s->probe, PROBE_MS);
	if (b->commit_us >= 0 && b->log_pages >= CHECKPOINT_PAGES && !s->checkpointing) {
		s->checkpointing = true;
		ask_read(s, READ_CHECKPOINT);
	}
}

static void write_answer(struct store *s, struct write_item *it)
{
	s->counts.inflight -= it->inflight;
	switch (it->op) {
	case WRITE_APPEND: it->on_append(it->ctx, &it->answer); break;
	case WRITE_REPLAY: it->on_replay(it->ctx, it->result, it->made); break;
	case WRITE_OWNERSHIP: it->on_added(it->ctx, it->result, it->made); break;
	case WRITE_RETAIN: it->on_retain(it->ctx, it->result, &it->removed, it->more); break;
	case WRITE_REROUTE:
	case WRITE_FINISH:
	case WRITE_PUT:
	case WRITE_MAINTAIN: it->on_done(it->ctx, it->result); break;
	case WRITE_CHECKPOINT: s->checkpointing = false; break;
	case WRITE_PROBE: break;
	}
	arena_release(&it->mem);
	free(it);
}

static void on_writes_done(void *ctx, struct worker_job *job)
{
	struct write_batch *b = CONTAINER_OF(job, struct write_batch, job);
	struct write_item *next;
	struct store *s = ctx;

	take_notice(s, b);
	for (struct write_item *it = b->first; it != NULL; it = next) {
		next = it->next;
		write_answer(s, it);
	}
	free(b);
}

static void claim_answer(const struct read_item *it)
{
	enum claim_result r = CLAIM_OK;

	if (it->stale)
		r = CLAIM_STALE;
	else if (it->err != ERR_OK)
		r = CLAIM_RETRY;
	it->on_claim(it->ctx, r, it->rows, r == CLAIM_OK ? it->n : 0, it->more);
}

static void get_answer(const struct read_item *it)
{
	static const struct store_row nothing;
	const struct store_row *row = it->n > 0 ? it->rows : &nothing;

	it->on_get(it->ctx, it->err, row->version, row->value);
}

static void audit_answer(const struct read_item *it)
{
	it->on_audit(it->ctx, it->err, it->rows, it->n, it->audit.first, it->audit.last);
}

static void builds_answer(struct read_item *it)
{
	it->builds.answer.build = it->rows;
	it->builds.answer.n = it->n;
	it->on_builds(it->ctx, it->err, &it->builds.answer);
}

static void read_answer(struct store *s, struct read_item *it)
{
	switch (it->op) {
	case READ_CLAIM: claim_answer(it); break;
	case READ_GET: get_answer(it); break;
	case READ_SCAN: it->on_scan(it->ctx, it->err, it->rows, it->n, it->more); break;
	case READ_PARKED: it->on_parked(it->ctx, it->err, it->rows, it->n, it->more); break;
	case READ_QUERY: it->on_query(it->ctx, it->err, it->rows, it->n, it->more); break;
	case READ_SELECT: it->on_select(it->ctx, it->err, it->rows, it->n, it->resume); break;
	case READ_AUDIT: audit_answer(it); break;
	case READ_BUILDS: builds_answer(it); break;
	case READ_OWNERSHIP:
		it->on_ownership(it->ctx, it->err, it->rows, it->n, it->more, it->ownership.begins);
		break;
	case READ_CHECKPOINT:
		if (!s->closing)
			ask_write(s, WRITE_CHECKPOINT);
		break;
	}
	arena_release(&it->mem);
	free(it->rows);
	free(it);
}

static void on_reads_done(void *ctx, struct worker_job *job)
{
	struct read_batch *b = CONTAINER_OF(job, struct read_batch, job);
	struct read_item *next;

	for (struct read_item *it = b->first; it != NULL; it = next) {
		next = it->next;
		read_answer(ctx, it);
	}
	free(b);
}

static void do_writes(void *ctx, struct worker_job *jobs)
{
	struct store *s = ctx;

	writer_work(&s->writer, jobs);
}

static void do_reads(void *ctx, struct worker_job *jobs)
{
	struct store *s = ctx;

	reader_work(&s->reader, jobs);
}

enum err store_start(struct store *s)
{
	static const struct worker_ops write_ops = { .work = do_writes, .done = on_writes_done };
	static const struct worker_ops read_ops = { .work = do_reads, .done = on_reads_done };

	s->writes_last = &s->writes;
	s->reads_last = &s->reads;
	s->leases_last = &s->leases;
	s->hand_over.run = on_pass_end;
	if (worker_new(s->loop, "store-write", &write_ops, s, &s->write_worker) != ERR_OK)
		return ERR_IO;
	if (worker_new(s->loop, "store-read", &read_ops, s, &s->read_worker) != ERR_OK) {
		worker_free(s->write_worker);
		return ERR_IO;
	}
	s->probe = loop_timer_new(s->loop, on_probe_due, s);
	return ERR_OK;
}

void store_stop(struct store *s)
{
	s->closing = true;
	loop_undefer(s->loop, &s->hand_over);
	loop_timer_free(s->probe);
	hand_over_writes(s);
	hand_over_reads(s);
	answer_leases(s);
	worker_free(s->write_worker);
	worker_free(s->read_worker);
}

enum store_health store_health(const struct store *s)
{
	return s->closing ? STORE_DOWN : s->health;
}

void store_on_health(struct store *s, void (*on_health)(void *ctx, enum store_health h), void *ctx)
{
	s->on_health = on_health;
	s->on_health_ctx = ctx;
}

struct store_counts store_counts(const struct store *s)
{
	struct store_counts c = s->counts;

	if (s->oldest_ms != 0)
		c.oldest_pending_ms = store_clock_read(&s->clock).ms - s->oldest_ms;
	return c;
}
