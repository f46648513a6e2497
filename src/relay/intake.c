/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/codec.h"
#include "base/json_write.h"
#include "base/log.h"
#include "io/httpd.h"
#include "io/loop.h"
#include "model/cloudevent.h"
#include "relay/board.h"
#include "relay/correlate.h"
#include "relay/dispatch.h"
#include "relay/healer.h"
#include "relay/journal.h"
#include "relay/memo.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/triggers.h"
#include "store/store.h"

#define NS_BUILD "build"
#define NS_LINE  "line"

/* Each round loses to another webhook of the same build or line; a handful is plenty. */
#define ROUNDS_MAX 16

#define RETRY_AFTER_S 5

/*
 * One webhook between its check and its answer.
 *
 *	judge --append--> stored ---> answered 202, deliveries offered
 *	  ^                 duplicate -> answered 202
 *	  |                 retry ----> answered 503
 *	  +---- conflict ---+
 *
 * A build that we asked for goes the same way, but nobody waits for an answer.
 */
struct intake {
	struct relay *relay;
	struct httpd_req *req; /* NULL: we asked, and on_end is told */
	void (*on_end)(void *ctx, enum intake_end end);
	void *ctx;
	struct build build;
	char *source, *host, *key, *requester;
	struct wall received;
	unsigned rounds;
	uint8_t payload_sha256[SHA256_BYTES];
	uint8_t id[UUID_BYTES];
	char id_text[UUID_TEXT_MAX];

	/* Of the round under way. */
	enum build_verdict verdict;
	bool over; /* what is known of the build is its end */
	enum transition transition;
	int64_t attempt;
	enum event_place place;
	size_t puts;           /* pieces of state in the append: the build's, the line's */
	char *fresh[2];        /* of them, what was put without knowing what the store holds */
	struct parcel *parcel; /* what dispatch gets when it is stored; or NULL */
};

/* What a round works with; the memory is the relay's, used again each time. */
struct round {
	struct span build_key, line_key, okey, slug;
	int64_t build_version, line_version;
	struct build_record build, build_next;
	struct line_record line, line_next;
	struct store_put put[2];
	size_t puts;
	struct plan plan;
	struct store_build shown;
};

static void fresh_drop(struct intake *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(in->fresh); i++)
		free(TAKE(in->fresh[i]));
}

static void intake_free(struct intake *in)
{
	fresh_drop(in);
	parcel_release(in->parcel);
	build_release(&in->build);
	free(in->source);
	free(in->host);
	free(in->requester);
	free(in->key);
	free(in);
}

static struct source *intake_source(const struct intake *in)
{
	return relay_source(in->relay, span_of(in->source));
}

/* Of one that we asked for. */
static void intake_end(struct intake *in, enum intake_end end)
{
	void (*on_end)(void *ctx, enum intake_end end) = in->on_end;
	void *ctx = in->ctx;

	intake_free(in);
	on_end(ctx, end);
}

static void intake_reply(struct intake *in, const char *result)
{
	char body[160];
	int n = snprintf(
		body, sizeof(body), "{\"event\":\"%s\",\"result\":\"%s\"}\n", in->id_text, result);
	struct httpd_answer answer = {
		.status = 202,
		.content_type = "application/json",
		.body = { body, (size_t)n },
	};

	httpd_reply(in->req, &answer);
	intake_free(in);
}

static void intake_refuse(struct intake *in, const char *type, const char *detail)
{
	struct httpd_problem problem = {
		.status = 503,
		.type = type,
		.detail = detail,
		.retry_after_s = RETRY_AFTER_S,
	};

	if (in->req == NULL) {
		intake_end(in, INTAKE_LATER);
		return;
	}
	log_warning(
		"webhook.unstored", "event=%s source=%s reason=%s", in->id_text, in->source, type);
	in->relay->stats.unstored++;
	httpd_reply_problem(in->req, &problem);
	intake_free(in);
}

/* What the memo knows; a value that does not read counts as unknown and conflicts. */
static void round_recall(struct intake *in, struct round *rd)
{
	struct memo *m = in->relay->memo;
	struct span value;

	rd->build = (struct build_record){ 0 };
	rd->line = (struct line_record){ 0 };
	rd->build_version = memo_get(m, NS_BUILD, rd->build_key, &value);
	if (rd->build_version > 0 && build_record_read(value, &rd->build) != ERR_OK)
		log_err("state.unreadable", "ns=build");
	rd->line_version = memo_get(m, NS_LINE, rd->line_key, &value);
	if (rd->line_version > 0 && line_record_read(value, &rd->line) != ERR_OK)
		log_err("state.unreadable", "ns=line");
}

static void round_keys(struct intake *in, struct round *rd)
{
	struct scratch *s = &in->relay->scratch;

	buf_clear(&s->build_key);
	buf_clear(&s->line_key);
	buf_clear(&s->okey);
	buf_clear(&s->slug);
	IGNORE(build_key(&in->build, &s->build_key));
	IGNORE(build_line_key(&in->build, &s->line_key));
	IGNORE(build_okey(&in->build, &s->okey));
	IGNORE(build_slug(&in->build, &s->slug));
	rd->build_key = buf_span(&s->build_key);
	rd->line_key = buf_span(&s->line_key);
	rd->okey = buf_span(&s->okey);
	rd->slug = buf_span(&s->slug);
}

/* The state that goes with the append: always the build's, the line's if it moved. */
static void round_puts(struct intake *in, struct round *rd, bool with_line)
{
	struct scratch *s = &in->relay->scratch;

	buf_clear(&s->build_value);
	buf_clear(&s->line_value);
	IGNORE(build_record_write(&rd->build_next, &s->build_value));
	rd->put[0] = (struct store_put){ NS_BUILD, rd->build_key, rd->build_version,
		buf_span(&s->build_value) };
	rd->puts = 1;
	if (!with_line)
		return;
	IGNORE(line_record_write(&rd->line_next, &s->line_value));
	rd->put[1] = (struct store_put){ NS_LINE, rd->line_key, rd->line_version,
		buf_span(&s->line_value) };
	rd->puts = 2;
}

/*
 * Notes run ahead of the store, but from what it was known to hold only. Where that
 * was a guess, the store may hold just the version that was guessed to come, with
 * another value: who judged by such a note would not be refused.
 */
static void round_note(struct intake *in, const struct round *rd)
{
	for (size_t i = 0; i < rd->puts; i++) {
		const struct store_put *p = &rd->put[i];

		if (p->expect > 0)
			memo_put(in->relay->memo, p->ns, p->key, p->expect + 1, p->value);
		else
			in->fresh[i] = xstrndup(p->value.p, p->value.n);
	}
}

/* The guess was right: there was nothing. */
static void fresh_note(struct intake *in)
{
	const char *const ns[] = { NS_BUILD, NS_LINE };
	struct memo *m = in->relay->memo;
	struct span value;
	struct round rd;

	round_keys(in, &rd);
	for (size_t i = 0; i < ARRAY_SIZE(in->fresh); i++) {
		struct span key = i == 0 ? rd.build_key : rd.line_key;

		if (in->fresh[i] != NULL && memo_get(m, ns[i], key, &value) == 0)
			memo_put(m, ns[i], key, 1, span_of(in->fresh[i]));
	}
}

static void intake_forget(struct intake *in)
{
	struct round rd;

	round_keys(in, &rd);
	memo_forget(in->relay->memo, NS_BUILD, rd.build_key);
	memo_forget(in->relay->memo, NS_LINE, rd.line_key);
}

static const char *audit_action(const struct intake *in)
{
	switch (in->verdict) {
	case VERDICT_NEWS:
	case VERDICT_RESTART: return in->req == NULL ? "build.backfill" : "webhook.accept";
	case VERDICT_FOLLOW_UP: return "webhook.update";
	case VERDICT_DUPLICATE:
	case VERDICT_LATE: break;
	}
	return "webhook.pass";
}

static enum err audit_compose(struct intake *in, const struct round *rd, const char *reason)
{
	const struct plan *p = &rd->plan;
	struct audit_record r = {
		.at = in->received,
		.action = audit_action(in),
		.outcome = "success",
		.reason = reason,
		.actor = in->req == NULL ? SPAN("stagewired") : span_of(in->host),
		.address = span_of(in->req == NULL ? NULL : httpd_req_peer(in->req)),
		.event = span_of(in->id_text),
		.source = span_of(in->source),
		.repository = rd->slug,
		.build = rd->build_key,
		.build_state = span_of(build_state_str(in->build.state)),
		.requester = in->build.requester,
		.key = span_of(in->key),
		.payload_sha256 = in->payload_sha256,
		.status = in->req == NULL ? 0 : 202,
		.owner = p->owner,
		.owners = p->owners,
		.to = p->sink,
		.to_n = p->sinks,
	};
	struct span ref[CLOUDEVENT_ENTITIES];
	struct buf *out = &in->relay->scratch.audit;

	for (size_t i = 0; i < p->entities; i++)
		ref[i] = p->entity[i].ref;
	r.entity = ref;
	r.entities = p->entities;
	if (in->transition != TRANSITION_NONE)
		r.transition = span_of(transition_str(in->transition));
	if (in->req == NULL)
		r.detail = SPAN("no webhook told of it; the source's API did");
	buf_clear(out);
	return audit_record_write(&r, out);
}

static void on_appended(void *ctx, const struct append_answer *a);

static enum err round_append(struct intake *in, struct round *rd, struct store_append *a)
{
	struct span audit = buf_span(&in->relay->scratch.audit);
	enum err e;

	a->puts = rd->put;
	a->puts_n = rd->puts;
	a->audit = &audit;
	a->audit_n = 1;
	in->puts = rd->puts;
	e = store_append(in->relay->store, a, on_appended, in);
	if (e == ERR_OK)
		round_note(in, rd);
	return e;
}

static enum err event_compose(struct intake *in, const struct round *rd)
{
	struct scratch *s = &in->relay->scratch;
	struct cloudevent ce = {
		.build = &in->build,
		.transition = in->transition,
		.attempt = in->attempt,
		.source_name = in->source,
		.received = in->received,
		.entity = rd->plan.entity,
		.entities = rd->plan.entities,
		.author = rd->plan.author,
		.sink = rd->plan.sink,
		.address = rd->plan.address,
		.sinks = rd->plan.sinks,
	};

	memcpy(ce.id, in->id, sizeof(ce.id));
	buf_clear(&s->event);
	return cloudevent_write(&ce, &s->event);
}

/* What is shown of the build from now on; the entities of an update are not looked up again. */
static enum err round_show(struct intake *in, struct round *rd)
{
	struct scratch *s = &in->relay->scratch;
	const struct board_news news = {
		.build = &in->build,
		.record = &rd->build_next,
		.transition = in->transition,
		.slug = rd->slug,
		.entity = rd->plan.entity,
		.entities = rd->plan.entities,
	};

	buf_clear(&s->fact);
	buf_clear(&s->entities);
	return board_compose(&news, &s->fact, &s->entities, &rd->shown);
}

/* News: an event, with all that follows from it. */
static enum err append_event(struct intake *in, struct round *rd)
{
	struct scratch *s = &in->relay->scratch;
	struct store_event event = {
		.okey = rd->okey,
		.source = span_of(in->source),
		.type = span_of(cloudevent_type(in->build.state)),
		.repository = rd->slug,
		.outcome = span_of(cloudevent_outcome(in->build.state)),
	};
	struct store_append a = { .event = &event, .build = &rd->shown };
	enum err e;

	in->transition = line_advance(&rd->line, &in->build, &rd->line_next);
	in->attempt = rd->build_next.attempt;
	relay_plan(in->relay, &rd->plan, &in->build, in->transition, in->source, rd->slug);
	in->place = event.place = rd->plan.place;
	round_puts(in, rd, memcmp(&rd->line, &rd->line_next, sizeof(rd->line)) != 0);
	e = event_compose(in, rd);
	if (e == ERR_OK)
		e = round_show(in, rd);
	if (e == ERR_OK)
		e = audit_compose(in, rd, plan_reason(&rd->plan));
	if (e != ERR_OK)
		return e;
	memcpy(event.id, in->id, sizeof(event.id));
	event.body = buf_span(&s->event);
	if (event.place != EVENT_ROUTED)
		event.fact = rd->shown.fact;
	a.sinks = rd->plan.sink;
	a.sinks_n = rd->plan.sinks;
	if (a.sinks_n > 0)
		in->parcel = parcel_new(in->id_text, rd->okey, event.body, a.sinks, a.sinks_n);
	return round_append(in, rd, &a);
}

/* No news: remember that it was here, and why nothing came of it. */
static enum err append_note(struct intake *in, struct round *rd)
{
	struct store_append a = { .seen_id = in->id };
	enum err e = audit_compose(in, rd, build_verdict_str(in->verdict));

	if (e != ERR_OK)
		return e;
	if (in->verdict == VERDICT_FOLLOW_UP) {
		round_puts(in, rd, false);
		a.build = &rd->shown;
		e = round_show(in, rd);
	}
	return e == ERR_OK ? round_append(in, rd, &a) : e;
}

static enum err intake_judge(struct intake *in)
{
	struct round *rd = in->relay->round;

	rd->puts = 0;
	rd->plan.entities = rd->plan.owners = rd->plan.sinks = 0;
	rd->plan.author = (struct span){ NULL, 0 };
	fresh_drop(in);
	parcel_release(in->parcel);
	in->parcel = NULL;
	in->transition = TRANSITION_NONE;
	round_keys(in, rd);
	round_recall(in, rd);
	in->verdict = build_judge(&rd->build, &in->build, &rd->build_next);
	switch (in->verdict) {
	case VERDICT_NEWS:
	case VERDICT_RESTART: return append_event(in, rd);
	case VERDICT_FOLLOW_UP:
	case VERDICT_DUPLICATE:
	case VERDICT_LATE: break;
	}
	in->puts = 0;
	in->over = build_is_final(rd->build.state);
	return in->req == NULL ? ERR_OK : append_note(in, rd);
}

/* Judge and append; answers at once if the store takes nothing now. */
static void intake_round(struct intake *in)
{
	enum err e = intake_judge(in);

	switch (e) {
	case ERR_OK:
		if (in->puts == 0 && in->req == NULL)
			intake_end(in, in->over ? INTAKE_OVER : INTAKE_KNOWN);
		return;
	case ERR_BUSY:
		intake_refuse(in, "overloaded", "More is waiting to be stored than may wait.");
		return;
	case ERR_IO:
	case ERR_PARSE:
	case ERR_AUTH:
	case ERR_LIMIT:
	case ERR_NOTFOUND: break;
	}
	intake_refuse(in, "storage", "The event cannot be stored now.");
}

/* The store knows better: note what it holds, and judge again. */
static void intake_again(struct intake *in, const struct append_answer *a)
{
	struct round rd;
	const char *ns[] = { NS_BUILD, NS_LINE };

	if (++in->rounds >= ROUNDS_MAX) {
		intake_refuse(in, "overloaded", "Too many webhooks of one build at once.");
		return;
	}
	round_keys(in, &rd);
	for (size_t i = 0; i < in->puts && i < ARRAY_SIZE(ns); i++) {
		struct span key = i == 0 ? rd.build_key : rd.line_key, value;
		int64_t noted = memo_get(in->relay->memo, ns[i], key, &value);

		/* Where nothing was noted for this one, the others' notes are better. */
		if (in->fresh[i] != NULL && noted >= a->held[i].version)
			continue;
		if (a->held[i].version == 0)
			memo_forget(in->relay->memo, ns[i], key);
		else
			memo_put(in->relay->memo, ns[i], key, a->held[i].version, a->held[i].value);
	}
	intake_round(in);
}

static const char *result_word(const struct intake *in)
{
	switch (in->verdict) {
	case VERDICT_NEWS:
	case VERDICT_RESTART: break;
	case VERDICT_FOLLOW_UP: return "updated";
	case VERDICT_DUPLICATE: return "duplicate";
	case VERDICT_LATE: return "late";
	}
	switch (in->place) {
	case EVENT_ROUTED: return "accepted";
	case EVENT_QUARANTINED: return "quarantined";
	case EVENT_WAITING: return "waiting";
	}
	return "accepted";
}

/* Who shows builds hears of it when it can be read. */
static void intake_tell(struct intake *in)
{
	struct relay *r = in->relay;

	if (r->on_build == NULL || in->puts == 0)
		return;
	buf_clear(&r->scratch.slug);
	IGNORE(build_slug(&in->build, &r->scratch.slug));
	r->on_build(r->on_build_ctx, buf_span(&r->scratch.slug));
}

static void intake_count(const struct intake *in)
{
	struct source *src = intake_source(in);

	if (src != NULL && in->req == NULL)
		src->backfilled++;
	else if (src != NULL)
		src->accepted++;
}

static void intake_stored(struct intake *in, const struct append_answer *a)
{
	const char *result = result_word(in);

	fresh_note(in);
	intake_count(in);
	log_info(in->req == NULL ? "build.backfill" : "webhook.accept",
		"event=%s source=%s repository=%.*s/%.*s build=%" PRId64
		" state=%s transition=%s result=%s",
		in->id_text, in->source, SPAN_ARGS(in->build.owner), SPAN_ARGS(in->build.name),
		in->build.id, build_state_str(in->build.state), transition_str(in->transition),
		result);
	if (in->parcel != NULL) {
		in->parcel->seq = a->seq;
		dispatch_offer(in->relay->dispatch, in->parcel);
	}
	intake_tell(in);
	if (in->verdict == VERDICT_NEWS || in->verdict == VERDICT_RESTART)
		healer_note(in->relay->healer, in->source, &in->build);
	if (in->req == NULL)
		intake_end(in, INTAKE_TOLD);
	else
		intake_reply(in, result);
}

static void intake_journal_repeat(struct intake *in)
{
	struct audit_record r = {
		.action = "webhook.pass",
		.outcome = "success",
		.reason = "duplicate",
		.actor = span_of(in->host),
		.address = span_of(httpd_req_peer(in->req)),
		.event = span_of(in->id_text),
		.source = span_of(in->source),
		.key = span_of(in->key),
		.payload_sha256 = in->payload_sha256,
		.status = 202,
	};

	log_info("webhook.pass", "event=%s source=%s reason=duplicate", in->id_text, in->source);
	journal_write_limited(in->relay->journal, &r);
}

static void intake_duplicate(struct intake *in)
{
	struct source *src = intake_source(in);

	/* What was noted for this append was not written. */
	intake_forget(in);
	if (in->req == NULL) {
		intake_end(in, INTAKE_KNOWN);
		return;
	}
	if (src != NULL)
		src->duplicates++;
	intake_journal_repeat(in);
	intake_reply(in, "duplicate");
}

static void on_appended(void *ctx, const struct append_answer *a)
{
	struct intake *in = ctx;

	switch (a->result) {
	case APPEND_STORED: intake_stored(in, a); return;
	case APPEND_DUPLICATE: intake_duplicate(in); return;
	case APPEND_CONFLICT: intake_again(in, a); return;
	case APPEND_RETRY: break;
	}
	intake_forget(in);
	intake_refuse(in, "storage", "The event could not be stored.");
}

static void intake_name(struct intake *in, const uint8_t digest[SHA256_BYTES])
{
	memcpy(in->id, digest, UUID_BYTES);
	uuid_mark(in->id);
	uuid_format(in->id, in->id_text);
}

/* The id of a payload from a source: the same for ever, wherever it is received. */
static void intake_identify(struct intake *in)
{
	struct span part[] = {
		SPAN("stagewire.event.v1"),
		span_of(in->host),
		{ (const char *)in->payload_sha256, SHA256_BYTES },
	};
	uint8_t digest[SHA256_BYTES];

	sha256_parts(part, ARRAY_SIZE(part), digest);
	intake_name(in, digest);
}

/* What Travis's API answers differs from time to time; what it tells of a build does not. */
static void intake_identify_told(struct intake *in)
{
	const struct build *b = &in->build;
	char told[128];
	int n = snprintf(told, sizeof(told), "%" PRId64 " %s %" PRId64 " %" PRId64, b->id,
		build_state_str(b->state), b->started_at.ms, b->finished_at.ms);
	const struct span part[] = { SPAN("stagewire.backfill.v1"), span_of(in->host),
		{ told, (size_t)n } };
	uint8_t digest[SHA256_BYTES];

	sha256_parts(part, ARRAY_SIZE(part), digest);
	intake_name(in, digest);
}

struct round *round_new(void)
{
	return xcalloc(1, sizeof(struct round));
}

/* Did somebody start this build through us? */
static void intake_ask_who(struct intake *in)
{
	struct span who = triggers_principal(in->relay->triggers, in->build.host, in->build.id);

	in->requester = xstrndup(who.p, who.n);
	in->build.requester = span_of(in->requester);
}

static struct intake *intake_new(struct relay *r, struct intake_order *order)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	*in = (struct intake){
		.relay = r,
		.build = order->build,
		.source = xstrdup(order->source->name),
		.host = xstrdup(order->source->host),
		.key = order->key == NULL ? NULL : xstrdup(order->key),
		.received = clock_wall(),
	};
	in->build.host = span_of(in->host);
	intake_ask_who(in);
	memcpy(in->payload_sha256, order->payload_sha256, sizeof(in->payload_sha256));
	return in;
}

void intake_take(struct relay *r, struct httpd_req *req, struct intake_order *order)
{
	struct intake *in = intake_new(r, order);

	in->req = req;
	intake_identify(in);
	intake_round(in);
}

void intake_backfill(struct relay *r, struct intake_order *order,
	void (*on_end)(void *ctx, enum intake_end end), void *ctx)
{
	struct intake *in = intake_new(r, order);

	in->on_end = on_end;
	in->ctx = ctx;
	in->build.backfilled = true;
	intake_identify_told(in);
	intake_round(in);
}
