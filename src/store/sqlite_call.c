/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "store/sqlite.h"

/* The calls of store.h: each copies what it was given and queues it. */

static const char *const *copy_strs(struct arena *m, const char *const *strs, size_t n)
{
	const char **copy = arena_alloc(m, n * sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = arena_str(m, strs[i]);
	return copy;
}

static struct span *copy_spans(struct arena *m, const struct span *spans, size_t n)
{
	struct span *copy = arena_alloc(m, n * sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = arena_span(m, spans[i]);
	return copy;
}

static struct store_put *copy_puts(struct arena *m, const struct store_put *puts, size_t n)
{
	struct store_put *copy = arena_alloc(m, n * sizeof(*copy));

	for (size_t i = 0; i < n; i++) {
		copy[i].ns = arena_str(m, puts[i].ns);
		copy[i].key = arena_span(m, puts[i].key);
		copy[i].expect = puts[i].expect;
		copy[i].value = arena_span(m, puts[i].value);
	}
	return copy;
}

static struct store_event *copy_event(struct arena *m, const struct store_event *ev)
{
	struct store_event *copy = arena_copy(m, ev, sizeof(*ev));

	copy->okey = arena_span(m, ev->okey);
	copy->source = arena_span(m, ev->source);
	copy->type = arena_span(m, ev->type);
	copy->repository = arena_span(m, ev->repository);
	copy->outcome = arena_span(m, ev->outcome);
	copy->body = arena_span(m, ev->body);
	copy->fact = arena_span(m, ev->fact);
	return copy;
}

static struct store_build *copy_build(struct arena *m, const struct store_build *b)
{
	struct store_build *copy = arena_copy(m, b, sizeof(*b));

	copy->host = arena_span(m, b->host);
	copy->repository = arena_span(m, b->repository);
	copy->number = arena_span(m, b->number);
	copy->branch = arena_span(m, b->branch);
	copy->fact = arena_span(m, b->fact);
	copy->entities = arena_span(m, b->entities);
	return copy;
}

static struct store_append copy_append(struct arena *m, const struct store_append *a)
{
	struct store_append copy = *a;

	if (a->event != NULL)
		copy.event = copy_event(m, a->event);
	if (a->seen_id != NULL)
		copy.seen_id = arena_copy(m, a->seen_id, UUID_BYTES);
	copy.sinks = copy_strs(m, a->sinks, a->sinks_n);
	copy.puts = copy_puts(m, a->puts, a->puts_n);
	copy.audit = copy_spans(m, a->audit, a->audit_n);
	if (a->build != NULL)
		copy.build = copy_build(m, a->build);
	return copy;
}

static struct write_item *write_item_new(enum write_op op, void *ctx)
{
	struct write_item *it = xcalloc(1, sizeof(*it));

	it->op = op;
	it->ctx = ctx;
	return it;
}

static struct read_item *read_item_new(enum read_op op, void *ctx)
{
	struct read_item *it = xcalloc(1, sizeof(*it));

	it->op = op;
	it->ctx = ctx;
	return it;
}

enum err store_append(
	struct store *s, const struct store_append *a, store_append_cb on_done, void *ctx)
{
	struct write_item *it;

	assert(a->event == NULL || a->event->okey.n > 0);
	if (s->closing || s->counts.inflight > s->inflight_max)
		return ERR_BUSY;
	if (a->sinks_n > STORE_SINKS_MAX)
		return ERR_LIMIT;
	it = write_item_new(WRITE_APPEND, ctx);
	it->append = copy_append(&it->mem, a);
	it->on_append = on_done;
	it->inflight = it->mem.bytes;
	s->counts.inflight += it->inflight;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_reroute(
	struct store *s, const struct store_reroute *r, store_finish_cb on_done, void *ctx)
{
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	if (r->sinks_n > STORE_SINKS_MAX)
		return ERR_LIMIT;
	it = write_item_new(WRITE_REROUTE, ctx);
	it->reroute = *r;
	it->reroute.body = arena_span(&it->mem, r->body);
	it->reroute.entities = arena_span(&it->mem, r->entities);
	it->reroute.audit = arena_span(&it->mem, r->audit);
	it->reroute.sinks = copy_strs(&it->mem, r->sinks, r->sinks_n);
	it->on_done = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_replay(
	struct store *s, const struct store_replay *r, store_replay_cb on_done, void *ctx)
{
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	if (r->sinks_n > STORE_SINKS_MAX)
		return ERR_LIMIT;
	it = write_item_new(WRITE_REPLAY, ctx);
	it->replay = *r;
	it->replay.audit = arena_span(&it->mem, r->audit);
	it->replay.sinks = copy_strs(&it->mem, r->sinks, r->sinks_n);
	it->on_replay = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_lease(
	struct store *s, const char *name, int64_t ttl_ms, store_lease_cb on_done, void *ctx)
{
	struct lease_item *it;

	(void)name;
	(void)ttl_ms;
	if (s->closing)
		return ERR_BUSY;
	it = xcalloc(1, sizeof(*it));
	it->on_done = on_done;
	it->ctx = ctx;
	store_queue_lease(s, it);
	return ERR_OK;
}

enum err store_claim(
	struct store *s, const struct store_claim *c, store_claim_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_CLAIM, ctx);
	it->claim = *c;
	it->claim.sink = arena_str(&it->mem, c->sink);
	it->claim.okey = arena_span(&it->mem, c->okey);
	it->claim.after_sink = arena_str(&it->mem, c->after_sink);
	it->claim.after_okey = arena_span(&it->mem, c->after_okey);
	it->on_claim = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_finish(struct store *s, uint16_t part, int64_t token, const struct store_finish *f,
	size_t n, store_finish_cb on_done, void *ctx)
{
	struct store_finish *list;
	struct write_item *it;

	(void)part;
	if (s->closing)
		return ERR_BUSY;
	it = write_item_new(WRITE_FINISH, ctx);
	list = arena_alloc(&it->mem, n * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		list[i] = f[i];
		list[i].sink = arena_str(&it->mem, f[i].sink);
		list[i].note = arena_span(&it->mem, f[i].note);
		list[i].audit = arena_span(&it->mem, f[i].audit);
	}
	it->finish.token = token;
	it->finish.list = list;
	it->finish.n = n;
	it->on_done = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_put(
	struct store *s, const struct store_put *puts, size_t n, store_finish_cb on_done, void *ctx)
{
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = write_item_new(WRITE_PUT, ctx);
	it->put.list = copy_puts(&it->mem, puts, n);
	it->put.n = n;
	it->on_done = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_get(
	struct store *s, const char *ns, struct span key, store_get_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_GET, ctx);
	it->scan.ns = arena_str(&it->mem, ns);
	it->scan.key = arena_span(&it->mem, key);
	it->on_get = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_scan(struct store *s, const char *ns, struct span after, size_t limit,
	store_scan_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_SCAN, ctx);
	it->scan.ns = arena_str(&it->mem, ns);
	it->scan.key = arena_span(&it->mem, after);
	it->scan.limit = limit;
	it->on_scan = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_maintain(struct store *s, store_finish_cb on_done, void *ctx)
{
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = write_item_new(WRITE_MAINTAIN, ctx);
	it->on_done = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_retain(
	struct store *s, const struct store_retention *r, store_retain_cb on_done, void *ctx)
{
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = write_item_new(WRITE_RETAIN, ctx);
	it->retain = *r;
	it->on_retain = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_query(
	struct store *s, const struct store_query *q, store_query_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	if (!list_knows_state(q->delivery_state))
		return ERR_PARSE;
	it = read_item_new(READ_QUERY, ctx);
	it->query = *q;
	it->query.delivery_state = arena_str(&it->mem, q->delivery_state);
	if (q->event_id != NULL)
		it->query.event_id = arena_copy(&it->mem, q->event_id, UUID_BYTES);
	it->on_query = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_parked(
	struct store *s, int64_t after_seq, unsigned limit, store_parked_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_PARKED, ctx);
	it->parked = (struct read_parked){ after_seq, limit };
	it->on_parked = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_select(
	struct store *s, const struct store_select *q, store_select_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_SELECT, ctx);
	it->select = *q;
	it->select.sink = arena_str(&it->mem, q->sink);
	it->select.repository = arena_span(&it->mem, q->repository);
	if (q->event_id != NULL)
		it->select.event_id = arena_copy(&it->mem, q->event_id, UUID_BYTES);
	it->on_select = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_builds(
	struct store *s, const struct store_builds_query *q, store_builds_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	if (q->limit == 0)
		return ERR_LIMIT;
	it = read_item_new(READ_BUILDS, ctx);
	it->builds.query = *q;
	it->builds.query.repository = copy_spans(&it->mem, q->repository, q->repositories);
	it->builds.query.host = arena_span(&it->mem, q->host);
	it->on_builds = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_audit_read(
	struct store *s, int64_t after_seq, unsigned limit, store_audit_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_AUDIT, ctx);
	it->audit = (struct read_audit){ .after_seq = after_seq, .limit = limit };
	it->on_audit = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}

enum err store_ownership_add(struct store *s, const struct store_ownership *rows, size_t n,
	store_ownership_added_cb on_done, void *ctx)
{
	struct store_ownership *list;
	struct write_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = write_item_new(WRITE_OWNERSHIP, ctx);
	list = arena_alloc(&it->mem, n * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		list[i] = rows[i];
		list[i].ref = arena_span(&it->mem, rows[i].ref);
		list[i].uid = arena_span(&it->mem, rows[i].uid);
		list[i].slug = arena_span(&it->mem, rows[i].slug);
		list[i].owners = arena_span(&it->mem, rows[i].owners);
		list[i].audit = arena_span(&it->mem, rows[i].audit);
	}
	it->ownership.list = list;
	it->ownership.n = n;
	it->on_added = on_done;
	store_queue_write(s, it);
	return ERR_OK;
}

enum err store_ownership(struct store *s, const struct store_ownership_query *q,
	store_ownership_cb on_done, void *ctx)
{
	struct read_item *it;

	if (s->closing)
		return ERR_BUSY;
	it = read_item_new(READ_OWNERSHIP, ctx);
	it->ownership.query = *q;
	it->ownership.query.ref = arena_span(&it->mem, q->ref);
	it->on_ownership = on_done;
	store_queue_read(s, it);
	return ERR_OK;
}
