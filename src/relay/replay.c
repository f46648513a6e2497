/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "model/sink.h"
#include "relay/relay_impl.h"
#include "relay/reroute.h"
#include "relay/resend.h"

#define RECORD_MAX (16 * 1024)

struct replay {
	struct relay *relay;
	struct walk *walk;
	struct resend *resend;
	char *sink, *actor, *reason;
	bool dry_run, stopping;
	enum store_from from;
	uint64_t limit;
	const struct replay_ops *ops;
	void *ctx;
	struct replay_result result;
	unsigned moving;  /* events of the page under way */
	int64_t next;     /* where the walk goes on; 0: nowhere */
	struct plan plan; /* of the event at hand */
};

/* --- life --- */

static void replay_release(struct replay *rp)
{
	if (rp->relay->replay == rp)
		rp->relay->replay = NULL;
	resend_free(rp->resend);
	walk_free(rp->walk);
	free(rp->sink);
	free(rp->actor);
	free(rp->reason);
	free(rp);
}

static void replay_end(struct replay *rp)
{
	const struct replay_result *r = &rp->result;

	if (!rp->dry_run)
		log_notice("replay.end",
			"actor=%s complete=%d events=%" PRIu64 " deliveries=%" PRIu64
			" parked=%" PRIu64,
			rp->actor, r->complete, r->events, r->deliveries, r->parked);
	rp->ops->on_end(rp->ctx, r);
	replay_release(rp);
}

static void replay_page(struct replay *rp)
{
	if (walk_page(rp->walk) == ERR_OK)
		return;
	rp->result.err = ERR_IO;
	replay_end(rp);
}

static bool replay_is_over(const struct replay *rp)
{
	return rp->next == 0 || rp->stopping || rp->result.err != ERR_OK ||
	       (rp->limit > 0 && rp->result.events >= rp->limit);
}

/* Go on when all of the page has been answered. */
static void replay_settle(struct replay *rp)
{
	if (rp->moving > 0)
		return;
	if (!replay_is_over(rp)) {
		replay_page(rp);
		return;
	}
	rp->result.complete = rp->next == 0 && rp->result.err == ERR_OK;
	replay_end(rp);
}

void replay_stop(struct replay *rp)
{
	if (rp == NULL)
		return;
	rp->stopping = true;
	resend_give_up(rp->resend);
}

void replay_free(struct replay *rp)
{
	if (rp == NULL)
		return;
	rp->result.err = ERR_IO;
	replay_end(rp);
}

/* --- one event --- */

static const struct store_sent *sent_to(const struct store_found *found, const char *sink)
{
	for (size_t i = 0; i < found->sent_n; i++) {
		if (strcmp(found->sent[i].sink, sink) == 0)
			return &found->sent[i];
	}
	return NULL;
}

/* Take a sink into the list, unless there is a reason not to. */
static void choose(struct replay *rp, const struct store_found *found, const char *sink,
	const char **list, size_t *n)
{
	const struct store_sent *sent = sent_to(found, sink);

	if (!relay_has_sink(rp->relay, sink))
		rp->result.unconfigured++;
	else if (sent != NULL && sent->state == SENT_PENDING)
		rp->result.outstanding++;
	else
		list[(*n)++] = sink;
}

static size_t choose_sinks(struct replay *rp, const struct store_found *found,
	const struct cloudevent_facts *facts, const char *list[STORE_SINKS_MAX])
{
	const struct relay_setup *setup = &rp->relay->setup;
	const char *routed[PLAN_SINKS];
	struct recalled recalled;
	size_t n = 0, chosen;

	if (rp->sink != NULL && rp->from != FROM_DEAD) {
		choose(rp, found, rp->sink, list, &n);
		return n;
	}
	for (size_t i = 0; i < found->sent_n; i++) {
		const struct store_sent *sent = &found->sent[i];

		if (rp->from == FROM_DEAD &&
			(sent->state != SENT_DEAD ||
				(rp->sink != NULL && strcmp(rp->sink, sent->sink) != 0)))
			continue;
		choose(rp, found, sent->sink, list, &n);
	}
	if (found->sent_n > 0)
		return n;
	recall(&recalled, found->source, facts);
	chosen = routes_choose(setup->route, setup->routes, &recalled.f, routed, PLAN_SINKS);
	for (size_t i = 0; i < chosen; i++)
		choose(rp, found, routed[i], list, &n);
	return n;
}

/* An event that was moving is where it goes, or stays: CLAIM_STALE if another moved it. */
static void event_end(struct replay *rp, enum claim_result r, bool moved, size_t deliveries)
{
	if (r == CLAIM_RETRY)
		rp->result.err = ERR_IO;
	rp->result.events += r == CLAIM_OK && moved;
	rp->result.deliveries += deliveries;
	rp->moving--;
	replay_settle(rp);
}

static void on_sent(void *ctx, enum claim_result r, size_t made)
{
	event_end(ctx, r, made > 0, made);
}

static void on_moved(void *ctx, enum claim_result r, size_t sinks)
{
	event_end(ctx, r, true, sinks);
}

/* What a dry run says of an event instead of moving it. */
static void would_go(
	struct replay *rp, const struct store_found *found, const char *const *sinks, size_t n)
{
	rp->result.events++;
	rp->result.deliveries += n;
	rp->ops->on_event(rp->ctx, found, sinks, n);
}

static void replay_routed(
	struct replay *rp, const struct store_found *found, const struct cloudevent_facts *facts)
{
	const char *list[STORE_SINKS_MAX];
	const struct resend_order order = {
		.found = found,
		.facts = facts,
		.sinks = list,
		.sinks_n = choose_sinks(rp, found, facts, list),
		.actor = rp->actor,
		.reason = rp->reason,
	};

	if (order.sinks_n == 0)
		return;
	if (rp->dry_run) {
		would_go(rp, found, list, order.sinks_n);
		return;
	}
	rp->moving++;
	resend_event(rp->resend, &order, on_sent, rp);
}

static void replay_parked(struct replay *rp, const struct store_found *found)
{
	const struct reroute_cause cause = {
		.action = "operator.replay",
		.reason = rp->reason,
		.actor = span_of(rp->actor),
	};
	struct store_parked p = {
		.event_seq = found->event_seq,
		.place = found->place,
		.source = found->source,
		.okey = found->okey,
		.fact = found->fact,
		.body = found->body,
	};

	memcpy(p.id, found->id, sizeof(p.id));
	if (reroute_plan(rp->relay, &p, &rp->plan) != ERR_OK) {
		rp->result.unreadable++;
		return;
	}
	if (rp->plan.place != EVENT_ROUTED || rp->sink != NULL) {
		rp->result.parked++;
		return;
	}
	if (rp->dry_run) {
		would_go(rp, found, rp->plan.sink, rp->plan.sinks);
		return;
	}
	rp->moving++;
	if (reroute_move(rp->relay, &p, &rp->plan, &cause, on_moved, rp) != ERR_OK) {
		rp->moving--;
		rp->result.err = ERR_IO;
	}
}

/* --- the order --- */

static bool on_event(
	void *ctx, const struct store_found *found, const struct cloudevent_facts *facts)
{
	struct replay *rp = ctx;

	if (facts == NULL)
		rp->result.unreadable++;
	else if (found->place == EVENT_ROUTED)
		replay_routed(rp, found, facts);
	else
		replay_parked(rp, found);
	return rp->limit == 0 || rp->result.events + rp->moving < rp->limit;
}

static void on_page(void *ctx, enum err e, int64_t next)
{
	struct replay *rp = ctx;

	if (e != ERR_OK)
		rp->result.err = ERR_IO;
	rp->next = next;
	replay_settle(rp);
}

static void on_begun(void *ctx, const struct append_answer *a)
{
	struct replay *rp = ctx;

	if (a->result == APPEND_STORED) {
		rp->result.begun = true;
		replay_page(rp);
		return;
	}
	rp->result.err = ERR_IO;
	replay_end(rp);
}

static void put_time(struct buf *out, const char *name, struct wall t)
{
	char text[WALL_TEXT_MAX];

	if (t.ms != WALL_NONE.ms)
		IGNORE(buf_addf(out, " %s=%s", name, wall_format(t, text)) != ERR_OK);
}

static void put_word(struct buf *out, const char *name, const char *value)
{
	if (value != NULL)
		IGNORE(buf_addf(out, " %s=%s", name, value) != ERR_OK);
}

/* What was asked for, in the words of stagewirectl. */
static void describe(const struct replay_order *o, struct buf *out)
{
	static const char *const from[] = {
		[FROM_ANY] = "any",
		[FROM_HISTORY] = "history",
		[FROM_DEAD] = "dead",
		[FROM_PARKED] = "quarantine",
	};
	char id[UUID_TEXT_MAX];

	IGNORE(buf_addf(out, "from=%s", from[o->filter.from]) != ERR_OK);
	if (o->filter.event_id != NULL)
		put_word(out, "event", uuid_format(o->filter.event_id, id));
	put_time(out, "since", o->filter.since);
	put_time(out, "until", o->filter.until);
	put_word(out, "sink", o->filter.sink);
	put_word(out, "owner", o->filter.owner);
	put_word(out, "repository", o->filter.repository);
	if (o->limit > 0)
		IGNORE(buf_addf(out, " limit=%" PRIu64, o->limit) != ERR_OK);
}

/* The order is on record before anything comes of it. */
static enum err replay_begin(struct replay *rp, const struct replay_order *order)
{
	CLEANUP(buf_release) struct buf detail, json;
	struct audit_record r = {
		.at = clock_wall(),
		.action = "operator.replay",
		.outcome = "success",
		.reason = rp->reason,
		.actor = span_of(rp->actor),
	};
	struct store_append a = { .audit_n = 1 };
	struct span entry;
	enum err e;

	buf_init(&detail, RECORD_MAX);
	buf_init(&json, RECORD_MAX);
	describe(order, &detail);
	r.detail = buf_span(&detail);
	e = audit_record_write(&r, &json);
	if (e != ERR_OK)
		return e;
	entry = buf_span(&json);
	a.audit = &entry;
	log_notice("replay.start", "actor=%s %s", rp->actor, detail.data);
	return store_append(rp->relay->store, &a, on_begun, rp);
}

static struct replay *replay_new(
	struct relay *r, const struct replay_order *o, const struct replay_ops *ops, void *ctx)
{
	static const struct walk_ops walk_ops = { .on_event = on_event, .on_page = on_page };
	struct replay *rp = xcalloc(1, sizeof(*rp));

	rp->relay = r;
	rp->from = o->filter.from;
	rp->sink = o->filter.sink == NULL ? NULL : xstrdup(o->filter.sink);
	rp->actor = xstrdup(o->actor);
	rp->reason = xstrdup(o->reason);
	rp->limit = o->limit;
	rp->dry_run = o->dry_run;
	rp->ops = ops;
	rp->ctx = ctx;
	rp->resend = resend_new(r);
	rp->walk = walk_new(r->store, &o->filter, &walk_ops, rp);
	return rp;
}

enum err replay_start(
	struct relay *r, const struct replay_order *order, const struct replay_ops *ops, void *ctx)
{
	struct replay *rp;
	enum err e;

	if (!order->dry_run && r->replay != NULL)
		return ERR_BUSY;
	rp = replay_new(r, order, ops, ctx);
	e = order->dry_run ? walk_page(rp->walk) : replay_begin(rp, order);
	if (e != ERR_OK) {
		replay_release(rp);
		return ERR_IO;
	}
	if (!order->dry_run)
		r->replay = rp;
	return ERR_OK;
}
