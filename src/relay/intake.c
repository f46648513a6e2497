/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/intake_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/codec.h"
#include "base/log.h"
#include "io/httpd.h"
#include "relay/dispatch.h"
#include "relay/healer.h"
#include "relay/journal.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/triggers.h"
#include "store/store.h"

/* Each round loses to another webhook of the same build or line; a handful is plenty. */
#define ROUNDS_MAX 16

#define RETRY_AFTER_S 5

static void intake_free(struct intake *in)
{
	intake_drop_fresh(in);
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

/* The store knows better: judge again. */
static void intake_again(struct intake *in, const struct append_answer *a)
{
	if (++in->rounds >= ROUNDS_MAX) {
		intake_refuse(in, "overloaded", "Too many webhooks of one build at once.");
		return;
	}
	intake_learn(in, a);
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

	intake_note_fresh(in);
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

void intake_appended(void *ctx, const struct append_answer *a)
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
