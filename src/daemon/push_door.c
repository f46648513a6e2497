/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/push_door.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "backstage/push.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/live.h"
#include "daemon/push_ids.h"
#include "daemon/push_memo.h"
#include "daemon/push_sources.h"
#include "io/crypto.h"
#include "io/hub_signature.h"
#include "io/webhook_key.h"
#include "relay/refusal.h"
#include "relay/relay.h"

#define PREFIX        "/hooks/catalog/"
#define ENTRY_MAX     (16 * 1024)
#define RETRY_AFTER_S 5

#define FIELD_ID        "webhook-id"
#define FIELD_TIMESTAMP "webhook-timestamp"
#define FIELD_SIGNATURE "webhook-signature"
#define FIELD_HUB       "X-Hub-Signature-256"

static const char *const standard_fields[] = { FIELD_ID, FIELD_TIMESTAMP, FIELD_SIGNATURE, NULL };
static const char *const hub_fields[] = { FIELD_HUB, NULL };

struct push_door {
	struct daemon *d;
	struct push_sources *sources;
	struct push_ids *ids;
	struct push_memo memo;
	struct httpd_handler next;
};

/* A push that waits for the store. Its source may go meanwhile. */
struct push {
	struct push_door *door;
	struct httpd_req *req;
	char *source;
	size_t entities, changes;
};

/* --- answers --- */

/* src is NULL before it is known. */
static void refuse(struct push_door *door, struct httpd_req *req, struct push_source *src,
	const struct httpd_problem *problem)
{
	const struct refusal what = {
		.action = "push.refuse",
		.source = src == NULL ? NULL : src->name,
	};

	if (src != NULL)
		src->counts.refused++;
	relay_note_refusal(door->d->relay, req, &what, problem);
	httpd_reply_problem(req, problem);
}

static void reply_json(struct httpd_req *req, int status, const struct buf *text)
{
	httpd_reply(req, &(struct httpd_answer){
				 .status = status,
				 .content_type = "application/json",
				 .body = buf_span(text),
			 });
}

static void reply_taken(struct httpd_req *req, const char *result, size_t entities, size_t changes)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, 160);
	IGNORE(buf_addf(&text, "{\"result\":\"%s\",\"entities\":%zu,\"changes\":%zu}\n", result,
		       entities, changes) != ERR_OK);
	reply_json(req, 202, &text);
}

/* --- who it is --- */

static struct push_source *source_of(struct push_door *door, struct span path)
{
	const size_t n = sizeof(PREFIX) - 1;

	return push_sources_find(door->sources, (struct span){ path.p + n, path.n - n });
}

/* What it asks before each run. */
static bool asks_for_config(const struct push_source *src, const struct httpd_req *req)
{
	return src->protocol == PUSH_FORGEDAPPS && !httpd_req_is_post(req);
}

static const struct httpd_problem *judge_method(
	const struct push_source *src, const struct httpd_req *req)
{
	static const struct httpd_problem method = {
		.status = 405,
		.type = "method",
		.detail = "Changes of the catalog are posted.",
		.fields = "Allow: POST\r\n",
	};
	static const struct httpd_problem query = {
		.status = 400,
		.type = "query-unknown",
		.detail = "All that is read here is ?config.",
	};

	if (httpd_req_is_post(req))
		return NULL;
	if (!asks_for_config(src, req))
		return &method;
	return span_is(httpd_req_query(req), "config") || span_is(httpd_req_query(req), "config=")
		       ? NULL
		       : &query;
}

static const struct httpd_problem *judge_fields(
	const struct push_source *src, const struct httpd_req *req)
{
	static const struct httpd_problem missing = {
		.status = 401,
		.type = "signature-missing",
		.detail = "The request lacks a field of its signature.",
		.fields = "WWW-Authenticate: Signature realm=\"catalog\"\r\n",
	};
	static const struct httpd_problem twice = {
		.status = 400,
		.type = "signature-malformed",
		.detail = "The request has a field of its signature twice.",
	};
	const char *const *field = src->protocol == PUSH_STANDARD ? standard_fields : hub_fields;

	for (; *field != NULL; field++) {
		unsigned n = httpd_req_field_count(req, *field);

		if (n != 1)
			return n == 0 ? &missing : &twice;
	}
	return NULL;
}

static const struct httpd_problem *judge_head(
	const struct push_source *src, const struct httpd_req *req)
{
	static const struct httpd_problem unknown = {
		.status = 404,
		.type = "source-unknown",
		.detail = "No source of this name is configured.",
	};
	static const struct httpd_problem media = {
		.status = 415,
		.type = "media-type",
		.detail = "A change of the catalog is application/json.",
	};
	const struct httpd_problem *problem;

	if (src == NULL)
		return &unknown;
	problem = judge_method(src, req);
	if (problem != NULL)
		return problem;
	if (httpd_req_is_post(req) && !httpd_req_media_is(req, "application/json"))
		return &media;
	return judge_fields(src, req);
}

static const struct httpd_problem malformed = {
	.status = 400,
	.type = "signature-malformed",
	.detail = "A field of the signature is not what its protocol wants.",
};
static const struct httpd_problem wrong = {
	.status = 401,
	.type = "signature-wrong",
	.detail = "The signature does not verify with this source's keys.",
	.fields = "WWW-Authenticate: Signature realm=\"catalog\"\r\n",
};

static struct span field_of(const struct httpd_req *req, const char *name)
{
	struct span value = { 0 };

	IGNORE(httpd_req_field(req, name, &value));
	return value;
}

/* The time is looked at last: only whom we know is told that his clock is wrong. */
static const struct httpd_problem *check_standard(const struct push_source *src,
	const struct httpd_req *req, struct push_id *id, char key[WEBHOOK_KEY_NAME_MAX])
{
	static const struct httpd_problem stale = {
		.status = 401,
		.type = "timestamp-stale",
		.detail = "It was signed at a time too far from now.",
		.fields = "WWW-Authenticate: Signature realm=\"catalog\"\r\n",
	};
	const struct webhook_claim claim = {
		.id = field_of(req, FIELD_ID),
		.timestamp = field_of(req, FIELD_TIMESTAMP),
		.signatures = field_of(req, FIELD_SIGNATURE),
		.body = httpd_req_body(req),
	};
	const int64_t now = clock_wall().ms / 1000, most = src->tolerance_ms / 1000;
	size_t by;
	enum err e = webhook_verify(src->key, src->keys, &claim, &id->at, &by);

	if (e != ERR_OK)
		return e == ERR_PARSE ? &malformed : &wrong;
	if (id->at < now - most || id->at > now + most)
		return &stale;
	id->id = claim.id;
	webhook_key_name(src->key[by], key);
	return NULL;
}

static const struct httpd_problem *check_hub(
	const struct push_source *src, const struct httpd_req *req, char key[WEBHOOK_KEY_NAME_MAX])
{
	size_t by;
	enum err e = hub_signature_verify(
		src->secret, src->keys, field_of(req, FIELD_HUB), httpd_req_body(req), &by);

	snprintf(key, WEBHOOK_KEY_NAME_MAX, "shared");
	if (e != ERR_OK)
		return e == ERR_PARSE ? &malformed : &wrong;
	return NULL;
}

static const struct httpd_problem *check_signature(const struct push_source *src,
	const struct httpd_req *req, struct push_id *id, char key[WEBHOOK_KEY_NAME_MAX])
{
	static const struct httpd_problem no_keys = {
		.status = 503,
		.type = "keys-unavailable",
		.detail = "This source's keys are not known now.",
		.retry_after_s = 30,
	};

	if (src->keys == 0)
		return &no_keys;
	return src->protocol == PUSH_STANDARD ? check_standard(src, req, id, key)
					      : check_hub(src, req, key);
}

/* --- what it tells --- */

static void on_counted(void *ctx, const struct push_entity *e)
{
	struct push *p = ctx;

	p->changes += push_memo_is_news(&p->door->memo, relay_catalog_now(p->door->d->relay), e);
}

static void on_told(void *ctx, const struct push_entity *e)
{
	struct push_door *door = ctx;

	if (!push_memo_is_news(&door->memo, relay_catalog_now(door->d->relay), e))
		return;
	push_memo_note(&door->memo, e);
	live_hint(door->d->live, e->ref);
}

/* The body was read before, so it can be read. */
static void push_follow(struct push *p)
{
	const struct push_taker taker = { .on_entity = on_told, .ctx = p->door };
	struct push_tally tally = { 0 };
	const char *why;

	IGNORE(push_read(httpd_req_body(p->req), &taker, &tally, &why) != ERR_OK);
	if (tally.whole)
		live_hint_whole(p->door->d->live);
}

/* --- taking it --- */

static void push_free(struct push *p)
{
	free(p->source);
	free(p);
}

static void push_unstored(struct push *p, const char *type, const char *detail)
{
	const struct httpd_problem problem = {
		.status = 503,
		.type = type,
		.detail = detail,
		.retry_after_s = RETRY_AFTER_S,
	};

	log_warning("push.unstored", "source=%s reason=%s", p->source, type);
	httpd_reply_problem(p->req, &problem);
	push_free(p);
}

static void push_done(struct push *p, bool known)
{
	struct push_source *src = push_sources_find(p->door->sources, span_of(p->source));

	if (src != NULL) {
		src->counts.accepted += !known;
		src->counts.duplicates += known;
		src->counts.entities += p->entities;
		src->counts.changes += known ? 0 : p->changes;
		src->counts.last = clock_wall();
	}
	log_info("push.accept", "source=%s result=%s entities=%zu changes=%zu", p->source,
		known ? "duplicate" : "accepted", p->entities, known ? 0 : p->changes);
	reply_taken(p->req, known ? "duplicate" : "accepted", p->entities, known ? 0 : p->changes);
	push_free(p);
}

/*
 * What is not known to be stored may be stored, and then its repeat has no effect:
 * so it has it now. To read once more than is needed does no harm.
 */
static void on_claimed(void *ctx, enum push_claim claim)
{
	struct push *p = ctx;

	switch (claim) {
	case PUSH_NEW:
		push_follow(p);
		push_done(p, false);
		return;
	case PUSH_KNOWN: push_done(p, true); return;
	case PUSH_UNSTORED: break;
	}
	push_follow(p);
	push_unstored(p, "storage", "The push could not be stored.");
}

static enum err entry_write(
	const struct push *p, const struct push_id *id, const char *key, struct buf *out)
{
	char detail[64];
	int n = snprintf(
		detail, sizeof(detail), "entities=%zu changes=%zu", p->entities, p->changes);
	uint8_t digest[SHA256_BYTES];
	const struct audit_record record = {
		.at = clock_wall(),
		.action = "push.accept",
		.outcome = "success",
		.actor = span_of(p->source),
		.address = span_of(httpd_req_peer(p->req)),
		.event = id->id,
		.source = span_of(p->source),
		.key = span_of(key),
		.payload_sha256 = digest,
		.detail = { detail, (size_t)n },
		.status = 202,
	};

	sha256(httpd_req_body(p->req), digest);
	return audit_record_write(&record, out);
}

/* What has neither an id nor news, as every heartbeat, leaves no trace but in the counts. */
static void push_take(struct push *p, struct push_id *id, const char *key, bool whole)
{
	CLEANUP(buf_release) struct buf entry;
	enum err e;

	buf_init(&entry, ENTRY_MAX);
	if (id->id.n == 0 && p->changes == 0 && !whole) {
		push_done(p, false);
		return;
	}
	e = entry_write(p, id, key, &entry);
	id->source = p->source;
	id->audit = buf_span(&entry);
	if (e == ERR_OK)
		e = push_ids_claim(p->door->ids, id, on_claimed, p);
	if (e != ERR_OK)
		push_unstored(p, "overloaded", "The store takes nothing now.");
}

static void reply_config(const struct push_source *src, struct httpd_req *req)
{
	CLEANUP(buf_release) struct buf text;
	struct json_writer w;

	buf_init(&text, 16384);
	json_writer_init(&w, &text);
	json_object_begin(&w);
	json_member_opt(&w, "entityFilter", span_of(src->entity_filter));
	json_object_end(&w);
	IGNORE(json_done(&w) != ERR_OK);
	reply_json(req, 200, &text);
}

static void read_push(struct push_door *door, struct httpd_req *req, struct push_source *src,
	struct push_id *id, const char *key)
{
	struct push *p = xcalloc(1, sizeof(*p));
	const struct push_taker taker = { .on_entity = on_counted, .ctx = p };
	struct push_tally tally = { 0 };
	const char *why = NULL;
	enum err e;

	*p = (struct push){ .door = door, .req = req, .source = xstrdup(src->name) };
	e = push_read(httpd_req_body(req), &taker, &tally, &why);
	if (e != ERR_OK) {
		const struct httpd_problem problem = {
			.status = e == ERR_LIMIT ? 413 : 400,
			.type = e == ERR_LIMIT ? "too-large" : "payload-malformed",
			.detail = why,
		};

		push_free(p);
		refuse(door, req, src, &problem);
		return;
	}
	p->entities = tally.entities;
	push_take(p, id, key, tally.whole);
}

/* --- the handler --- */

static bool is_ours(const struct httpd_req *req)
{
	return span_starts(httpd_req_path(req), PREFIX);
}

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	struct push_door *door = ctx;
	struct push_source *src;
	const struct httpd_problem *problem;

	if (!is_ours(req))
		return door->next.on_head(door->next.ctx, req);
	src = source_of(door, httpd_req_path(req));
	problem = judge_head(src, req);
	if (problem != NULL) {
		refuse(door, req, src, problem);
		return (struct httpd_verdict){ .refused = true };
	}
	return (struct httpd_verdict){ .body_max = src->body_max };
}

/* A reload may have changed the source while the body came: look again. */
static void on_request(void *ctx, struct httpd_req *req)
{
	struct push_door *door = ctx;
	char key[WEBHOOK_KEY_NAME_MAX];
	struct push_id id = { 0 };
	struct push_source *src;
	const struct httpd_problem *problem;

	if (!is_ours(req)) {
		door->next.on_request(door->next.ctx, req);
		return;
	}
	src = source_of(door, httpd_req_path(req));
	problem = judge_head(src, req);
	if (problem == NULL)
		problem = check_signature(src, req, &id, key);
	if (problem != NULL)
		refuse(door, req, src, problem);
	else if (asks_for_config(src, req))
		reply_config(src, req);
	else
		read_push(door, req, src, &id, key);
}

struct httpd_handler push_door_before(struct push_door *door, struct httpd_handler next)
{
	door->next = next;
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = door };
}

/* --- life --- */

struct push_door *push_door_new(struct daemon *d)
{
	struct push_door *door = xcalloc(1, sizeof(*door));

	door->d = d;
	door->ids = push_ids_new(d->loop, d->store);
	push_memo_init(&door->memo);
	return door;
}

void push_door_free(struct push_door *door)
{
	if (door == NULL)
		return;
	push_ids_free(door->ids);
	push_sources_free(door->sources);
	push_memo_release(&door->memo);
	free(door);
}

void push_door_set(struct push_door *door, struct push_sources *sources)
{
	push_sources_inherit(sources, door->sources);
	push_sources_free(door->sources);
	door->sources = sources;
}

const struct push_sources *push_door_sources(const struct push_door *door)
{
	return door->sources;
}
