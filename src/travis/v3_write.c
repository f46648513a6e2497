/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/v3_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/codec.h"

/* Of an address without its query: a slug of which each byte is escaped, and words. */
#define HREF_MAX 2048

static const char *const state_words[] = {
	[BUILD_QUEUED] = "created",
	[BUILD_STARTED] = "started",
	[BUILD_PASSED] = "passed",
	[BUILD_FAILED] = "failed",
	[BUILD_ERRORED] = "errored",
	[BUILD_CANCELED] = "canceled",
};

static void put_type(struct json_writer *w, const char *type, const char *representation)
{
	json_member_str(w, "@type", type);
	if (representation != NULL)
		json_member_str(w, "@representation", representation);
}

/* Null where it is not known. */
static void put_count(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	if (n < 0)
		json_put_null(w);
	else
		json_put_int(w, n);
}

static void put_text(struct json_writer *w, const char *key, struct span s)
{
	json_key(w, key);
	if (s.n == 0)
		json_put_null(w);
	else
		json_put_span(w, s);
}

PRINTF(3, 4)
static void put_href(struct json_writer *w, const char *key, const char *fmt, ...)
{
	char text[HREF_MAX + 100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_member_str(w, key, text);
}

/* --- builds --- */

static void put_repository(struct json_writer *w, const struct build *b)
{
	char slug[HREF_MAX];

	snprintf(slug, sizeof(slug), "%.*s/%.*s", SPAN_ARGS(b->owner), SPAN_ARGS(b->name));
	json_key(w, "repository");
	json_object_begin(w);
	put_type(w, "repository", "minimal");
	put_count(w, "id", b->repository_id);
	json_member_span(w, "name", b->name);
	json_member_str(w, "slug", slug);
	json_object_end(w);
}

static void put_named(struct json_writer *w, const char *type, struct span name)
{
	json_key(w, type);
	json_object_begin(w);
	put_type(w, type, "minimal");
	json_member_span(w, "name", name);
	json_object_end(w);
}

static void put_commit(struct json_writer *w, const struct build *b)
{
	json_key(w, "commit");
	json_object_begin(w);
	put_type(w, "commit", "minimal");
	json_member_span(w, "sha", b->commit);
	json_member_span(w, "message", b->subject);
	put_text(w, "compare_url", b->compare_url);
	json_object_end(w);
}

void v3_put_build(struct json_writer *w, const struct v3_build *v)
{
	const struct build *b = v->build;

	json_object_begin(w);
	put_type(w, "build", "standard");
	/* v3 says /build/, but the card makes a link to Travis CI's site of it. */
	put_href(w, "@href", "/builds/%" PRId64, b->id);
	json_member_int(w, "id", b->id);
	json_member_span(w, "number", b->number);
	json_member_str(w, "state", state_words[b->state]);
	put_count(w, "duration", b->duration_s);
	json_member_str(w, "event_type", build_cause_str(b->cause));
	put_count(w, "pull_request_number", b->pull_request);
	json_member_wall(w, "started_at", b->started_at);
	json_member_wall(w, "finished_at", b->finished_at);
	put_repository(w, b);
	put_named(w, "branch", b->branch);
	if (b->tag.n > 0)
		put_named(w, "tag", b->tag);
	put_commit(w, b);
	json_member_wall(w, "updated_at", v->updated);
	if (v->count >= 0)
		json_member_int(w, "build_num", v->count);
	json_object_end(w);
}

/* --- pages --- */

static void put_step(struct json_writer *w, const char *key, const char *base,
	const struct v3_page *p, int64_t offset)
{
	json_key(w, key);
	json_object_begin(w);
	put_href(w, "@href", "%s?limit=%" PRId64 "&offset=%" PRId64, base, p->limit, offset);
	json_member_int(w, "offset", offset);
	json_member_int(w, "limit", p->limit);
	json_object_end(w);
}

static void put_no_step(struct json_writer *w, const char *key)
{
	json_key(w, key);
	json_put_null(w);
}

static void put_pagination(struct json_writer *w, const char *base, const struct v3_page *p)
{
	int64_t last = p->count == 0 ? 0 : (p->count - 1) / p->limit * p->limit;

	json_key(w, "@pagination");
	json_object_begin(w);
	json_member_int(w, "limit", p->limit);
	json_member_int(w, "offset", p->offset);
	json_member_int(w, "count", p->count);
	json_member_bool(w, "is_first", p->offset == 0);
	json_member_bool(w, "is_last", p->offset + p->limit >= p->count);
	if (p->offset + p->limit < p->count)
		put_step(w, "next", base, p, p->offset + p->limit);
	else
		put_no_step(w, "next");
	if (p->offset > 0)
		put_step(w, "prev", base, p, p->offset < p->limit ? 0 : p->offset - p->limit);
	else
		put_no_step(w, "prev");
	put_step(w, "first", base, p, 0);
	put_step(w, "last", base, p, last);
	json_object_end(w);
}

void v3_put_builds_begin(struct json_writer *w, const struct v3_page *p)
{
	CLEANUP(buf_release) struct buf base;

	buf_init(&base, HREF_MAX);
	IGNORE(buf_add_str(&base, "/repo/"));
	IGNORE(url_encode(p->slug, &base));
	IGNORE(buf_add_str(&base, "/builds"));
	json_object_begin(w);
	put_type(w, "builds", "standard");
	put_href(
		w, "@href", "%s?limit=%" PRId64 "&offset=%" PRId64, base.data, p->limit, p->offset);
	put_pagination(w, base.data, p);
	json_key(w, "builds");
	json_array_begin(w);
}

void v3_put_builds_end(struct json_writer *w)
{
	json_array_end(w);
	json_object_end(w);
}

/* --- the rest --- */

void v3_put_user(struct json_writer *w, const char *login)
{
	json_object_begin(w);
	put_type(w, "user", "standard");
	json_member_str(w, "@href", "/user");
	json_member_str(w, "login", login);
	json_member_str(w, "name", login);
	json_member_bool(w, "is_syncing", false);
	json_object_end(w);
}

void v3_put_pending(struct json_writer *w, int64_t build, const char *act, const char *location)
{
	json_object_begin(w);
	put_type(w, "pending", NULL);
	json_key(w, "build");
	json_object_begin(w);
	put_type(w, "build", "minimal");
	put_href(w, "@href", "/builds/%" PRId64, build);
	json_member_int(w, "id", build);
	json_object_end(w);
	json_member_str(w, "state_change", act);
	json_member_str(w, "resource_type", "build");
	json_member_str(w, "location", location);
	json_object_end(w);
}

void v3_put_error(struct json_writer *w, const struct v3_error *e)
{
	json_object_begin(w);
	put_type(w, "error", NULL);
	json_member_str(w, "error_type", e->type);
	json_member_str(w, "error_message", e->message);
	if (e->resource != NULL)
		json_member_str(w, "resource_type", e->resource);
	if (e->permission != NULL)
		json_member_str(w, "permission", e->permission);
	json_object_end(w);
}
