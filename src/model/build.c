/* SPDX-License-Identifier: Apache-2.0 */
#include "model/build.h"

#include <inttypes.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

/* What one normalized build may hold as text, whatever its sender wrote. */
#define BUILD_TEXT_MAX (64 * 1024)

static const char *const state_names[] = {
	[BUILD_QUEUED] = "queued",
	[BUILD_STARTED] = "started",
	[BUILD_PASSED] = "passed",
	[BUILD_FAILED] = "failed",
	[BUILD_ERRORED] = "errored",
	[BUILD_CANCELED] = "canceled",
};

static const char *const cause_names[] = {
	[BUILD_PUSH] = "push",
	[BUILD_PULL_REQUEST] = "pull_request",
	[BUILD_CRON] = "cron",
	[BUILD_API] = "api",
};

static const char *const transition_names[] = {
	[TRANSITION_NONE] = "none",
	[TRANSITION_FIXED] = "fixed",
	[TRANSITION_BROKEN] = "broken",
	[TRANSITION_STILL_FAILING] = "still_failing",
};

static enum err name_parse(struct span text, const char *const *names, size_t n, size_t *found)
{
	for (size_t i = 0; i < n; i++) {
		if (span_is(text, names[i])) {
			*found = i;
			return ERR_OK;
		}
	}
	return ERR_PARSE;
}

void build_init(struct build *b)
{
	*b = (struct build){
		.id = -1,
		.repository_id = -1,
		.pull_request = -1,
		.started_at = WALL_NONE,
		.finished_at = WALL_NONE,
		.duration_s = -1,
		.jobs = -1,
	};
	buf_init(&b->text, BUILD_TEXT_MAX);
}

void build_release(struct build *b)
{
	buf_release(&b->text);
}

bool build_is_final(enum build_state s)
{
	return s >= BUILD_PASSED;
}

const char *build_state_str(enum build_state s)
{
	return state_names[s];
}

enum err build_state_parse(struct span text, enum build_state *s)
{
	size_t i;

	if (name_parse(text, state_names, ARRAY_SIZE(state_names), &i) != ERR_OK)
		return ERR_PARSE;
	*s = (enum build_state)i;
	return ERR_OK;
}

const char *build_cause_str(enum build_cause c)
{
	return cause_names[c];
}

enum err build_cause_parse(struct span text, enum build_cause *c)
{
	size_t i;

	if (name_parse(text, cause_names, ARRAY_SIZE(cause_names), &i) != ERR_OK)
		return ERR_PARSE;
	*c = (enum build_cause)i;
	return ERR_OK;
}

const char *transition_str(enum transition t)
{
	return transition_names[t];
}

enum err transition_parse(struct span text, enum transition *t)
{
	size_t i;

	if (name_parse(text, transition_names, ARRAY_SIZE(transition_names), &i) != ERR_OK)
		return ERR_PARSE;
	*t = (enum transition)i;
	return ERR_OK;
}

/*
 * The fields in the order in which they are written. One table serves writing
 * and reading, so that nothing is kept that cannot be read again.
 */
static const struct {
	const char *name;
	size_t offset;
} text_fields[] = {
	{ "host", offsetof(struct build, host) },
	{ "number", offsetof(struct build, number) },
	{ "owner", offsetof(struct build, owner) },
	{ "name", offsetof(struct build, name) },
	{ "branch", offsetof(struct build, branch) },
	{ "tag", offsetof(struct build, tag) },
	{ "commit", offsetof(struct build, commit) },
	{ "head_commit", offsetof(struct build, head_commit) },
	{ "base_commit", offsetof(struct build, base_commit) },
	{ "compare_url", offsetof(struct build, compare_url) },
	{ "subject", offsetof(struct build, subject) },
	{ "url", offsetof(struct build, url) },
	{ "requester", offsetof(struct build, requester) },
	{ "status_message", offsetof(struct build, status_message) },
	{ "author_mail", offsetof(struct build, author_mail) },
	{ "author_login", offsetof(struct build, author_login) },
};

static const struct {
	const char *name;
	size_t offset;
} int_fields[] = {
	{ "id", offsetof(struct build, id) },
	{ "repository_id", offsetof(struct build, repository_id) },
	{ "pull_request", offsetof(struct build, pull_request) },
	{ "started_at_ms", offsetof(struct build, started_at.ms) },
	{ "finished_at_ms", offsetof(struct build, finished_at.ms) },
	{ "duration_s", offsetof(struct build, duration_s) },
	{ "jobs", offsetof(struct build, jobs) },
};

static void *field_at(const struct build *b, size_t offset)
{
	return (char *)(uintptr_t)b + offset;
}

enum err build_write(const struct build *b, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "state", build_state_str(b->state));
	json_member_str(&w, "cause", build_cause_str(b->cause));
	if (b->backfilled)
		json_member_bool(&w, "backfilled", true);
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		const struct span *s = field_at(b, text_fields[i].offset);

		json_member_opt(&w, text_fields[i].name, *s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(int_fields); i++) {
		const int64_t *n = field_at(b, int_fields[i].offset);

		if (*n != -1)
			json_member_int(&w, int_fields[i].name, *n);
	}
	json_object_end(&w);
	return json_done(&w);
}

static enum err read_text(struct build *b, struct json_value v, struct span *s)
{
	size_t before = b->text.len;
	enum err e = json_string(v, &b->text);

	if (e == ERR_OK)
		*s = (struct span){ b->text.data + before, b->text.len - before };
	return e;
}

/* One member of what build_write() wrote; a name that it does not know is passed over. */
static enum err read_member(struct build *b, struct span name, struct json_value v)
{
	struct span word;

	if (json_name_is(name, "state"))
		return json_plain(v, &word) == ERR_OK ? build_state_parse(word, &b->state)
						      : ERR_PARSE;
	if (json_name_is(name, "cause"))
		return json_plain(v, &word) == ERR_OK ? build_cause_parse(word, &b->cause)
						      : ERR_PARSE;
	if (json_name_is(name, "backfilled"))
		b->backfilled = json_is_true(v);
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		if (json_name_is(name, text_fields[i].name))
			return read_text(b, v, field_at(b, text_fields[i].offset));
	}
	for (size_t i = 0; i < ARRAY_SIZE(int_fields); i++) {
		if (json_name_is(name, int_fields[i].name))
			return json_int(v, field_at(b, int_fields[i].offset));
	}
	return ERR_OK;
}

enum err build_read(struct span json, struct build *b)
{
	struct json_iter it;
	struct json_value v;
	struct span name;

	if (json_gate(json, NULL, NULL) != ERR_OK || json_root(json).type != JSON_OBJECT)
		return ERR_PARSE;
	/* The spans point into text, which must not move: resolving never lengthens. */
	if (buf_room(&b->text, json.n) == NULL)
		return ERR_LIMIT;
	it = json_iter(json_root(json));
	while (json_next_member(&it, &name, &v)) {
		enum err e = read_member(b, name, v);

		if (e != ERR_OK)
			return e;
	}
	return b->id > 0 && b->repository_id > 0 ? ERR_OK : ERR_PARSE;
}

enum err build_key(const struct build *b, struct buf *out)
{
	return buf_addf(out, "%.*s/%" PRId64, SPAN_ARGS(b->host), b->id);
}

enum err build_okey(const struct build *b, struct buf *out)
{
	return buf_addf(out, "%.*s/%" PRId64, SPAN_ARGS(b->host), b->repository_id);
}

enum err build_slug(const struct build *b, struct buf *out)
{
	return buf_addf(out, "%.*s/%.*s", SPAN_ARGS(b->owner), SPAN_ARGS(b->name));
}

enum err build_line_key(const struct build *b, struct buf *out)
{
	enum err e = build_okey(b, out);

	if (e != ERR_OK)
		return e;
	if (b->pull_request > 0)
		return buf_addf(out, "/pull/%" PRId64, b->pull_request);
	if (b->tag.n > 0)
		return buf_addf(out, "/tag/%.*s", SPAN_ARGS(b->tag));
	return buf_addf(out, "/branch/%.*s", SPAN_ARGS(b->branch));
}
