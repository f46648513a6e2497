/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/httpd.h"
#include "model/cloudevent.h"
#include "relay/board.h"
#include "relay/correlate.h"
#include "relay/intake_impl.h"
#include "relay/memo.h"
#include "relay/relay_impl.h"

/* What is judged and written of one webhook; again, where the store holds something else. */

#define NS_BUILD "build"
#define NS_LINE  "line"

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

void intake_drop_fresh(struct intake *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(in->fresh); i++)
		free(TAKE(in->fresh[i]));
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
void intake_note_fresh(struct intake *in)
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

void intake_forget(struct intake *in)
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

static enum err round_append(struct intake *in, struct round *rd, struct store_append *a)
{
	struct span audit = buf_span(&in->relay->scratch.audit);
	enum err e;

	a->puts = rd->put;
	a->puts_n = rd->puts;
	a->audit = &audit;
	a->audit_n = 1;
	in->puts = rd->puts;
	e = store_append(in->relay->store, a, intake_appended, in);
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

enum err intake_judge(struct intake *in)
{
	struct round *rd = in->relay->round;

	rd->puts = 0;
	rd->plan.entities = rd->plan.owners = rd->plan.sinks = 0;
	rd->plan.author = (struct span){ NULL, 0 };
	intake_drop_fresh(in);
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

/* The store refused the append and knows better: note what it holds. */
void intake_learn(struct intake *in, const struct append_answer *a)
{
	const char *ns[] = { NS_BUILD, NS_LINE };
	struct round rd;

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
}

struct round *round_new(void)
{
	return xcalloc(1, sizeof(struct round));
}
