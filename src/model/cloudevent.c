/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cloudevent.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "model/address.h"
#include "model/catalog.h"
#include "model/operator_event.h"

#define CDEVENTS_VERSION "0.5.1"

const char *cloudevent_outcome(enum build_state s)
{
	switch (s) {
	case BUILD_QUEUED: return "queued";
	case BUILD_STARTED: return "started";
	case BUILD_PASSED: return "success";
	case BUILD_FAILED: return "failure";
	case BUILD_ERRORED: return "error";
	case BUILD_CANCELED: return "cancel";
	}
	return "error";
}

const char *cloudevent_type(enum build_state s)
{
	switch (s) {
	case BUILD_QUEUED: return "dev.cdevents.pipelinerun.queued.0.3.0";
	case BUILD_STARTED: return "dev.cdevents.pipelinerun.started.0.3.0";
	case BUILD_PASSED:
	case BUILD_FAILED:
	case BUILD_ERRORED:
	case BUILD_CANCELED: break;
	}
	return "dev.cdevents.pipelinerun.finished.0.3.0";
}

/* When it happened, as far as the service says; else when it came here. */
static struct wall event_time(const struct cloudevent *ce)
{
	const struct build *b = ce->build;

	if (build_is_final(b->state) && b->finished_at.ms != WALL_NONE.ms)
		return b->finished_at;
	if (b->started_at.ms != WALL_NONE.ms)
		return b->started_at;
	return ce->received;
}

/* "https://HOST/OWNER/NAME", the repository as the service shows it. */
static void put_source(struct json_writer *w, const char *key, const struct build *b)
{
	CLEANUP(buf_release) struct buf uri;

	buf_init(&uri, 4096);
	IGNORE(buf_addf(&uri, "https://%.*s/%.*s/%.*s", SPAN_ARGS(b->host), SPAN_ARGS(b->owner),
		SPAN_ARGS(b->name)));
	json_member_span(w, key, buf_span(&uri));
}

static void put_subject_id(struct json_writer *w, const char *key, const struct build *b)
{
	char id[48];
	int n = snprintf(id, sizeof(id), "travis/build/%" PRId64, b->id);

	json_member_span(w, key, (struct span){ id, (size_t)n });
}

static void put_slug(struct json_writer *w, const char *key, const struct build *b)
{
	CLEANUP(buf_release) struct buf slug;

	buf_init(&slug, 4096);
	IGNORE(build_slug(b, &slug));
	json_member_span(w, key, buf_span(&slug));
}

/* Every owner and system once, in the order of the entities. */
struct distinct {
	struct span owner[CLOUDEVENT_ENTITIES], system[CLOUDEVENT_ENTITIES];
	size_t owners, systems;
};

static void distinct_add(struct span s, struct span *list, size_t *n)
{
	if (s.n > 0 && *n < CLOUDEVENT_ENTITIES && !span_in(s, list, *n))
		list[(*n)++] = s;
}

static void distinct_collect(const struct cloudevent *ce, struct distinct *d)
{
	*d = (struct distinct){ 0 };
	for (size_t i = 0; i < ce->entities; i++) {
		const struct entity *e = &ce->entity[i];

		for (size_t j = 0; j < e->owners; j++)
			distinct_add(e->owner[j], d->owner, &d->owners);
		distinct_add(e->system, d->system, &d->systems);
	}
}

/* An extension attribute of several refs: a comma cannot stand in a ref. */
static void put_joined(struct json_writer *w, const char *key, const struct span *list, size_t n)
{
	CLEANUP(buf_release) struct buf joined;

	buf_init(&joined, 32 * 1024);
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		IGNORE(buf_addf(&joined, "%s%.*s", i == 0 ? "" : ",", SPAN_ARGS(list[i])));
	json_member_span(w, key, buf_span(&joined));
}

static void put_extensions(
	struct json_writer *w, const struct cloudevent *ce, const struct distinct *d)
{
	struct span ref[CLOUDEVENT_ENTITIES];
	size_t n = 0;

	for (size_t i = 0; i < ce->entities && n < CLOUDEVENT_ENTITIES; i++)
		ref[n++] = ce->entity[i].ref;
	put_joined(w, "entityref", ref, n);
	put_joined(w, "ownerref", d->owner, d->owners);
	put_joined(w, "system", d->system, d->systems);
	put_slug(w, "repository", ce->build);
	json_member_str(w, "transition", transition_str(ce->transition));
}

static void put_context(
	struct json_writer *w, const struct cloudevent *ce, const char *id, struct wall time)
{
	json_key(w, "context");
	json_object_begin(w);
	json_member_str(w, "specversion", CDEVENTS_VERSION);
	json_member_str(w, "id", id);
	put_source(w, "source", ce->build);
	json_member_str(w, "type", cloudevent_type(ce->build->state));
	json_member_wall(w, "timestamp", time);
	json_object_end(w);
}

/* The service's link to the build, as the URI that the schema wants. */
static void put_uri(struct json_writer *w, struct span url)
{
	CLEANUP(buf_release) struct buf uri;

	buf_init(&uri, 8192);
	IGNORE(uri_repair(url, &uri));
	json_member_opt(w, "uri", buf_span(&uri));
}

static void put_run(struct json_writer *w, const struct build *b)
{
	json_key(w, "subject");
	json_object_begin(w);
	put_subject_id(w, "id", b);
	put_source(w, "source", b);
	json_key(w, "content");
	json_object_begin(w);
	put_slug(w, "pipelineName", b);
	put_uri(w, b->url);
	if (build_is_final(b->state)) {
		json_member_str(w, "outcome", cloudevent_outcome(b->state));
		if (b->state != BUILD_PASSED)
			json_member_opt(w, "errors", b->status_message);
	}
	json_object_end(w);
	json_object_end(w);
}

static void put_entity(struct json_writer *w, const struct entity *e)
{
	json_object_begin(w);
	json_member_span(w, "ref", e->ref);
	json_member_opt(w, "uid", e->uid);
	json_member_opt(w, "etag", e->etag);
	json_member_opt(w, "type", e->type);
	json_member_opt(w, "lifecycle", e->lifecycle);
	json_member_opt(w, "system", e->system);
	json_member_spans(w, "owners", e->owner, e->owners);
	json_object_end(w);
}

/* Only what differs from the rule is said: that owners are told. */
static void put_addresses(struct json_writer *w, const struct cloudevent *ce)
{
	bool begun = false;

	for (size_t i = 0; i < ce->sinks; i++) {
		if (ce->address[i] == ADDRESS_OWNER)
			continue;
		if (!begun) {
			json_key(w, "address");
			json_object_begin(w);
		}
		begun = true;
		json_key(w, ce->sink[i]);
		json_array_begin(w);
		for (enum address a = ADDRESS_OWNER; a <= ADDRESS_AUTHOR; a <<= 1) {
			if ((ce->address[i] & a) != 0)
				json_put_str(w, address_str(a));
		}
		json_array_end(w);
	}
	if (begun)
		json_object_end(w);
}

static void put_correlation(
	struct json_writer *w, const struct cloudevent *ce, const struct distinct *d)
{
	json_key(w, "correlation");
	json_object_begin(w);
	json_key(w, "entities");
	json_array_begin(w);
	for (size_t i = 0; i < ce->entities && i < CLOUDEVENT_ENTITIES; i++)
		put_entity(w, &ce->entity[i]);
	json_array_end(w);
	json_member_spans(w, "owners", d->owner, d->owners);
	json_member_opt(w, "author", ce->author);
	json_member_opt(w, "requestedBy", ce->build->requester);
	put_addresses(w, ce);
	json_object_end(w);
}

static void put_build(struct json_writer *w, const struct cloudevent *ce)
{
	const struct build *b = ce->build;

	json_key(w, "build");
	json_object_begin(w);
	json_member_str(w, "source", ce->source_name);
	json_member_span(w, "host", b->host);
	json_member_int(w, "id", b->id);
	json_member_opt(w, "number", b->number);
	json_member_str(w, "state", build_state_str(b->state));
	json_member_str(w, "outcome", cloudevent_outcome(b->state));
	json_member_str(w, "cause", build_cause_str(b->cause));
	if (b->backfilled)
		json_member_bool(w, "backfilled", true);
	json_member_int(w, "attempt", ce->attempt);
	json_member_str(w, "transition", transition_str(ce->transition));
	json_member_int(w, "repositoryId", b->repository_id);
	put_slug(w, "repository", b);
	json_member_opt(w, "branch", b->branch);
	json_member_opt(w, "tag", b->tag);
	if (b->pull_request > 0)
		json_member_int(w, "pullRequest", b->pull_request);
	json_member_opt(w, "commit", b->commit);
	json_member_opt(w, "headCommit", b->head_commit);
	json_member_opt(w, "baseCommit", b->base_commit);
	json_member_opt(w, "compareUrl", b->compare_url);
	json_member_opt(w, "subject", b->subject);
	json_member_opt(w, "url", b->url);
	json_member_wall(w, "startedAt", b->started_at);
	json_member_wall(w, "finishedAt", b->finished_at);
	if (b->duration_s >= 0)
		json_member_int(w, "durationSeconds", b->duration_s);
	if (b->jobs >= 0)
		json_member_int(w, "jobs", b->jobs);
	json_object_end(w);
}

enum err cloudevent_write(const struct cloudevent *ce, struct buf *out)
{
	struct json_writer w;
	struct distinct d;
	struct wall time = event_time(ce);
	char id[UUID_TEXT_MAX];

	distinct_collect(ce, &d);
	uuid_format(ce->id, id);
	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "specversion", "1.0");
	json_member_str(&w, "id", id);
	put_source(&w, "source", ce->build);
	json_member_str(&w, "type", cloudevent_type(ce->build->state));
	put_subject_id(&w, "subject", ce->build);
	json_member_wall(&w, "time", time);
	json_member_str(&w, "datacontenttype", "application/json");
	put_extensions(&w, ce, &d);
	json_key(&w, "data");
	json_object_begin(&w);
	put_context(&w, ce, id, time);
	put_run(&w, ce->build);
	json_key(&w, "customData");
	json_object_begin(&w);
	json_key(&w, "stagewire");
	json_object_begin(&w);
	put_correlation(&w, ce, &d);
	put_build(&w, ce);
	json_object_end(&w);
	json_object_end(&w);
	json_member_str(&w, "customDataContentType", "application/json");
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

static struct span keep_text(struct cloudevent_facts *f, struct json_value v)
{
	size_t before = f->text.len;

	if (json_string(v, &f->text) != ERR_OK)
		return (struct span){ NULL, 0 };
	return (struct span){ f->text.data + before, f->text.len - before };
}

static const struct {
	const char *name;
	size_t offset;
} envelope_texts[] = {
	{ "id", offsetof(struct cloudevent_facts, id) },
	{ "type", offsetof(struct cloudevent_facts, type) },
	{ "source", offsetof(struct cloudevent_facts, source) },
	{ "subject", offsetof(struct cloudevent_facts, subject) },
	{ "time", offsetof(struct cloudevent_facts, time) },
};

static const struct {
	const char *name;
	size_t offset;
} build_texts[] = {
	{ "host", offsetof(struct cloudevent_facts, host) },
	{ "number", offsetof(struct cloudevent_facts, number) },
	{ "outcome", offsetof(struct cloudevent_facts, outcome) },
	{ "transition", offsetof(struct cloudevent_facts, transition) },
	{ "repository", offsetof(struct cloudevent_facts, repository) },
	{ "branch", offsetof(struct cloudevent_facts, branch) },
	{ "tag", offsetof(struct cloudevent_facts, tag) },
	{ "commit", offsetof(struct cloudevent_facts, commit) },
	{ "subject", offsetof(struct cloudevent_facts, build_subject) },
	{ "url", offsetof(struct cloudevent_facts, url) },
};

static const struct {
	const char *name;
	size_t offset;
} build_ints[] = {
	{ "id", offsetof(struct cloudevent_facts, build_id) },
	{ "repositoryId", offsetof(struct cloudevent_facts, repository_id) },
	{ "pullRequest", offsetof(struct cloudevent_facts, pull_request) },
	{ "attempt", offsetof(struct cloudevent_facts, attempt) },
	{ "durationSeconds", offsetof(struct cloudevent_facts, duration_s) },
};

static void *fact_at(struct cloudevent_facts *f, size_t offset)
{
	return (char *)f + offset;
}

static void read_build(struct cloudevent_facts *f, struct json_value build)
{
	struct json_iter it = json_iter(build);
	struct json_value v;
	struct span name;

	while (json_next_member(&it, &name, &v)) {
		for (size_t i = 0; i < ARRAY_SIZE(build_texts); i++) {
			if (v.type == JSON_STRING && json_name_is(name, build_texts[i].name))
				*(struct span *)fact_at(f, build_texts[i].offset) = keep_text(f, v);
		}
		for (size_t i = 0; i < ARRAY_SIZE(build_ints); i++) {
			if (v.type == JSON_NUMBER && json_name_is(name, build_ints[i].name))
				IGNORE(json_int(v, fact_at(f, build_ints[i].offset)) != ERR_OK);
		}
	}
}

static void read_refs(struct cloudevent_facts *f, struct json_value list, const char *member,
	struct span *out, size_t *n)
{
	struct json_iter it = json_iter(list);
	struct json_value v;

	while (*n < CLOUDEVENT_ENTITIES && json_next_element(&it, &v)) {
		if (member != NULL)
			IGNORE(json_get(v, member, &v));
		out[(*n)++] = keep_text(f, v);
	}
}

/* As it is, since it is read by sink. */
static struct span keep_raw(struct cloudevent_facts *f, struct json_value v)
{
	size_t before = f->text.len;

	if (buf_add_span(&f->text, v.text) != ERR_OK)
		return (struct span){ NULL, 0 };
	return (struct span){ f->text.data + before, v.text.n };
}

static void read_correlation(struct cloudevent_facts *f, struct json_value correlation)
{
	struct json_value part;

	if (json_get(correlation, "entities", &part))
		read_refs(f, part, "ref", f->entity, &f->entities);
	if (json_get(correlation, "owners", &part))
		read_refs(f, part, NULL, f->owner, &f->owners);
	if (json_get(correlation, "author", &part))
		f->author = keep_text(f, part);
	if (json_get(correlation, "requestedBy", &part))
		f->requester = keep_text(f, part);
	if (json_get(correlation, "address", &part))
		f->address = keep_raw(f, part);
}

unsigned cloudevent_address(const struct cloudevent_facts *f, const char *sink)
{
	struct json_value list, word;
	struct json_iter it;
	struct span text;
	unsigned set = 0;
	enum address a;

	if (f->address.n == 0 || !json_get(json_root(f->address), sink, &list))
		return ADDRESS_OWNER;
	it = json_iter(list);
	while (json_next_element(&it, &word)) {
		if (json_plain(word, &text) == ERR_OK && address_parse(text, &a) == ERR_OK)
			set |= a;
	}
	return set == 0 ? ADDRESS_OWNER : set;
}

static const struct {
	const char *name;
	size_t offset;
} operator_texts[] = {
	{ "message", offsetof(struct cloudevent_facts, message) },
	{ "sink", offsetof(struct cloudevent_facts, sink) },
};

static enum err read_operator(struct cloudevent_facts *f, struct json_value root)
{
	struct json_value data, part;

	if (!json_get(root, "data", &data))
		return ERR_PARSE;
	for (size_t i = 0; i < ARRAY_SIZE(operator_texts); i++) {
		if (json_get(data, operator_texts[i].name, &part))
			*(struct span *)fact_at(f, operator_texts[i].offset) = keep_text(f, part);
	}
	return f->id.n > 0 && f->message.n > 0 ? ERR_OK : ERR_PARSE;
}

enum err cloudevent_read(struct span event, struct cloudevent_facts *f)
{
	struct json_value root, data, ours, part;

	*f = (struct cloudevent_facts){ .pull_request = -1, .duration_s = -1 };
	buf_init(&f->text, event.n);
	if (json_gate(event, NULL, NULL) != ERR_OK || buf_room(&f->text, event.n) == NULL)
		return ERR_PARSE;
	root = json_root(event);
	for (size_t i = 0; i < ARRAY_SIZE(envelope_texts); i++) {
		if (json_get(root, envelope_texts[i].name, &part))
			*(struct span *)fact_at(f, envelope_texts[i].offset) = keep_text(f, part);
	}
	if (span_starts(f->type, OPERATOR_EVENT_TYPES))
		return read_operator(f, root);
	if (!json_get(root, "data", &data) || !json_get(data, "customData", &part) ||
		!json_get(part, "stagewire", &ours) || !json_get(ours, "build", &part))
		return ERR_PARSE;
	read_build(f, part);
	if (json_get(ours, "correlation", &part))
		read_correlation(f, part);
	return f->id.n > 0 && f->outcome.n > 0 && f->repository.n > 0 ? ERR_OK : ERR_PARSE;
}

void cloudevent_facts_release(struct cloudevent_facts *f)
{
	buf_release(&f->text);
}
