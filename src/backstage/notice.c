/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/notice.h"

#include <inttypes.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "io/crypto.h"

#define TEXT_MAX (8 * 1024)

/* "main", "tag v1.2", "pull request 12". */
static enum err put_line(const struct cloudevent_facts *f, struct buf *out)
{
	if (f->pull_request > 0)
		return buf_addf(out, "pull request %" PRId64, f->pull_request);
	if (f->tag.n > 0)
		return buf_addf(out, "tag %.*s", SPAN_ARGS(f->tag));
	return buf_add_span(out, f->branch);
}

static const char *outcome_verb(struct span outcome)
{
	static const struct {
		const char *outcome, *verb;
	} verbs[] = {
		{ "queued", "is queued" },
		{ "started", "started" },
		{ "success", "passed" },
		{ "failure", "failed" },
		{ "error", "errored" },
		{ "cancel", "was canceled" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (span_is(outcome, verbs[i].outcome))
			return verbs[i].verb;
	}
	return "ended";
}

/* What the line has come to, where that is news; NULL where only the build is. */
static const char *transition_verb(struct span transition)
{
	if (span_is(transition, "broken"))
		return "is broken";
	if (span_is(transition, "fixed"))
		return "is fixed";
	if (span_is(transition, "still_failing"))
		return "is still failing";
	return NULL;
}

/* Cut to so many characters, not bytes, with an ellipsis where something went. */
static void cut_characters(struct buf *text, size_t max)
{
	size_t characters = 0, keep = 0;

	for (size_t i = 0; i < text->len; i++) {
		if (((unsigned char)text->data[i] & 0xc0) == 0x80)
			continue;
		if (characters == max - 1)
			keep = i;
		characters++;
	}
	if (characters <= max)
		return;
	text->len = keep;
	IGNORE(buf_add_str(text, "\xe2\x80\xa6"));
}

/* "build 42 failed"; Travis has always sent a number, but we need none. */
static enum err put_build(const struct cloudevent_facts *f, struct buf *out)
{
	return buf_addf(out, "build %.*s%s%s", SPAN_ARGS(f->number), f->number.n > 0 ? " " : "",
		outcome_verb(f->outcome));
}

enum err notice_title(const struct cloudevent_facts *f, struct buf *out)
{
	const char *verb = transition_verb(f->transition);
	enum err e = buf_addf(out, "%.*s: ", SPAN_ARGS(f->repository));

	if (e == ERR_OK)
		e = put_line(f, out);
	if (e == ERR_OK && verb != NULL)
		e = buf_addf(out, " %s (", verb);
	else if (e == ERR_OK)
		e = buf_add_str(out, " ");
	if (e == ERR_OK)
		e = put_build(f, out);
	if (e == ERR_OK && verb != NULL)
		e = buf_add_str(out, ")");
	if (e == ERR_OK)
		cut_characters(out, NOTICE_COLUMN_MAX);
	return e;
}

enum err notice_scope(const struct cloudevent_facts *f, struct buf *out)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	enum err e =
		buf_addf(out, "stagewire:%.*s/%" PRId64 ":", SPAN_ARGS(f->host), f->repository_id);

	if (e == ERR_OK)
		e = put_line(f, out);
	if (e != ERR_OK || out->len <= NOTICE_COLUMN_MAX)
		return e;
	sha256(buf_span(out), digest);
	hex_encode(digest, sizeof(digest), hex);
	buf_clear(out);
	return buf_addf(out, "stagewire:sha256:%s", hex);
}

const char *notice_severity(const struct cloudevent_facts *f)
{
	if (span_is(f->transition, "still_failing") || span_is(f->transition, "fixed"))
		return "normal";
	if (span_is(f->outcome, "failure") || span_is(f->outcome, "error"))
		return "high";
	return "low";
}

static enum err put_description(const struct cloudevent_facts *f, struct buf *out)
{
	enum err e = ERR_OK;

	if (f->build_subject.n > 0)
		e = buf_addf(out, "%.*s", SPAN_ARGS(f->build_subject));
	if (e == ERR_OK && f->commit.n >= 7)
		e = buf_addf(out, "%s%.7s", out->len > 0 ? " \xc2\xb7 " : "", f->commit.p);
	if (e == ERR_OK && f->duration_s >= 0)
		e = buf_addf(out, "%s%" PRId64 " min %" PRId64 " s of jobs",
			out->len > 0 ? " \xc2\xb7 " : "", f->duration_s / 60, f->duration_s % 60);
	return e;
}

static void put_recipients(struct json_writer *w, const struct cloudevent_facts *f)
{
	json_key(w, "recipients");
	json_object_begin(w);
	json_member_str(w, "type", "entity");
	json_key(w, "entityRef");
	json_array_begin(w);
	for (size_t i = 0; i < f->entities; i++)
		json_put_span(w, f->entity[i]);
	json_array_end(w);
	json_object_end(w);
}

static bool is_web_link(struct span url)
{
	return span_starts(url, "https://") || span_starts(url, "http://");
}

enum err notice_write(const struct cloudevent_facts *f, const char *topic, struct buf *out)
{
	CLEANUP(buf_release) struct buf title, scope, description;
	struct json_writer w;
	enum err e;

	buf_init(&title, TEXT_MAX);
	buf_init(&scope, TEXT_MAX);
	buf_init(&description, TEXT_MAX);
	e = notice_title(f, &title);
	if (e == ERR_OK)
		e = notice_scope(f, &scope);
	if (e == ERR_OK)
		e = put_description(f, &description);
	if (e != ERR_OK)
		return e;
	json_writer_init(&w, out);
	json_object_begin(&w);
	put_recipients(&w, f);
	json_key(&w, "payload");
	json_object_begin(&w);
	json_member_span(&w, "title", buf_span(&title));
	json_member_opt(&w, "description", buf_span(&description));
	if (is_web_link(f->url))
		json_member_span(&w, "link", f->url);
	json_member_str(&w, "severity", notice_severity(f));
	json_member_str(&w, "topic", topic);
	json_member_span(&w, "scope", buf_span(&scope));
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}
