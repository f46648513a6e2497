/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/notice.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "io/crypto.h"
#include "model/address.h"
#include "model/summary.h"

#define TEXT_MAX (32 * 1024)

/* Entities of one repository, and the authors of all builds that one notification may tell. */
#define RECIPIENTS_MAX (CLOUDEVENT_ENTITIES + 32)

/* Earlier events that are listed one by one, and characters of each: to be read on a telephone. */
#define LINES_MAX           20
#define LINE_CHARACTERS_MAX 120

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

enum err notice_title(const struct cloudevent_facts *f, struct buf *out)
{
	enum err e = summary_write(f, out);

	if (e == ERR_OK)
		cut_characters(out, NOTICE_COLUMN_MAX);
	return e;
}

static enum err put_scope(const struct cloudevent_facts *f, struct buf *out)
{
	enum err e;

	if (f->message.n > 0)
		return buf_addf(out, "stagewire:operator:%.*s", SPAN_ARGS(f->sink));
	e = buf_addf(out, "stagewire:%.*s/%" PRId64 ":", SPAN_ARGS(f->host), f->repository_id);
	return e == ERR_OK ? summary_line(f, out) : e;
}

enum err notice_scope(const struct cloudevent_facts *f, struct buf *out)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	enum err e = put_scope(f, out);

	if (e != ERR_OK || out->len <= NOTICE_COLUMN_MAX)
		return e;
	sha256(buf_span(out), digest);
	hex_encode(digest, sizeof(digest), hex);
	buf_clear(out);
	return buf_addf(out, "stagewire:sha256:%s", hex);
}

/* In Backstage's words, from the least grave. */
static const char *const severities[] = { "low", "normal", "high" };

static size_t severity_rank(const struct cloudevent_facts *f)
{
	if (f->message.n > 0)
		return summary_severity(f) == SEVERITY_WARNING ? 2 : 1;
	if (span_is(f->transition, "still_failing") || span_is(f->transition, "fixed"))
		return 1;
	if (span_is(f->outcome, "failure") || span_is(f->outcome, "error"))
		return 2;
	return 0;
}

const char *notice_severity(const struct cloudevent_facts *f)
{
	return severities[severity_rank(f)];
}

/* What there is to say of a build beyond its title: "Round fees . 62aae5f . 2 min 5 s of jobs". */
static enum err put_details(const struct cloudevent_facts *f, struct buf *out)
{
	enum err e = ERR_OK;

	if (f->build_subject.n > 0)
		e = buf_addf(out, "%.*s", SPAN_ARGS(f->build_subject));
	if (e == ERR_OK && f->commit.n >= 7)
		e = buf_addf(out, "%s%.7s", out->len > 0 ? " \xc2\xb7 " : "", f->commit.p);
	if (e == ERR_OK && f->requester.n > 0)
		e = buf_addf(out, "%sasked for by %.*s", out->len > 0 ? " \xc2\xb7 " : "",
			SPAN_ARGS(f->requester));
	if (e == ERR_OK && f->duration_s >= 0)
		e = buf_addf(out, "%s%" PRId64 " min %" PRId64 " s of jobs",
			out->len > 0 ? " \xc2\xb7 " : "", f->duration_s / 60, f->duration_s % 60);
	return e;
}

/* --- several events in one --- */

/* What newest and earlier events come to together. */
struct digest {
	char *recipient[RECIPIENTS_MAX];
	size_t recipients;
	size_t rank;      /* of the gravest */
	struct buf lines; /* of the earlier, the newest first */
};

static void digest_release(struct digest *d)
{
	for (size_t i = 0; i < d->recipients; i++)
		free(d->recipient[i]);
	buf_release(&d->lines);
}

static void digest_add_recipient(struct digest *d, struct span ref)
{
	for (size_t i = 0; i < d->recipients; i++) {
		if (span_is(ref, d->recipient[i]))
			return;
	}
	if (ref.n > 0 && d->recipients < RECIPIENTS_MAX)
		d->recipient[d->recipients++] = xstrndup(ref.p, ref.n);
}

static void digest_add(struct digest *d, const struct cloudevent_facts *f, const struct notice *n)
{
	const char *const *operators = n->recipients;
	unsigned address = cloudevent_address(f, n->sink);

	if (severity_rank(f) > d->rank)
		d->rank = severity_rank(f);
	for (size_t i = 0; (address & ADDRESS_OWNER) != 0 && i < f->entities; i++)
		digest_add_recipient(d, f->entity[i]);
	if ((address & ADDRESS_AUTHOR) != 0)
		digest_add_recipient(d, f->author);
	for (size_t i = 0; f->message.n > 0 && operators != NULL && operators[i] != NULL; i++)
		digest_add_recipient(d, span_of(operators[i]));
}

static enum err digest_add_line(struct digest *d, const struct cloudevent_facts *f)
{
	CLEANUP(buf_release) struct buf line;
	enum err e;

	buf_init(&line, TEXT_MAX);
	e = summary_write(f, &line);
	if (e != ERR_OK)
		return e;
	cut_characters(&line, LINE_CHARACTERS_MAX);
	return buf_addf(&d->lines, "\n\xe2\x80\xa2 %s", line.data);
}

static enum err digest_collect(struct digest *d, const struct notice *n)
{
	enum err e = ERR_OK;

	digest_add(d, n->newest, n);
	for (size_t i = n->earlier_n; i-- > 0 && e == ERR_OK;) {
		CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;

		e = cloudevent_read(n->earlier[i], &f);
		if (e != ERR_OK)
			break;
		digest_add(d, &f, n);
		if (n->earlier_n - i <= LINES_MAX)
			e = digest_add_line(d, &f);
	}
	if (e == ERR_OK && n->earlier_n > LINES_MAX)
		e = buf_addf(&d->lines, "\n\xe2\x80\xa6 and %zu more", n->earlier_n - LINES_MAX);
	return e;
}

static enum err put_description(const struct notice *n, const struct digest *d, struct buf *out)
{
	enum err e = put_details(n->newest, out);

	if (e != ERR_OK || n->earlier_n == 0)
		return e;
	return buf_addf(out, "%s%zu earlier %s%s:%s", out->len > 0 ? "\n\n" : "", n->earlier_n,
		n->newest->message.n > 0 ? "message" : "build", n->earlier_n == 1 ? "" : "s",
		d->lines.data);
}

/* --- the body --- */

static void put_recipients(struct json_writer *w, const struct digest *d)
{
	json_key(w, "recipients");
	json_object_begin(w);
	json_member_str(w, "type", "entity");
	json_key(w, "entityRef");
	json_array_begin(w);
	for (size_t i = 0; i < d->recipients; i++)
		json_put_str(w, d->recipient[i]);
	json_array_end(w);
	json_object_end(w);
}

static bool is_web_link(struct span url)
{
	return span_starts(url, "https://") || span_starts(url, "http://");
}

static enum err put_payload(struct json_writer *w, const struct notice *n, const struct digest *d)
{
	CLEANUP(buf_release) struct buf title, scope, description;
	enum err e;

	buf_init(&title, TEXT_MAX);
	buf_init(&scope, TEXT_MAX);
	buf_init(&description, TEXT_MAX);
	e = notice_title(n->newest, &title);
	if (e == ERR_OK)
		e = notice_scope(n->newest, &scope);
	if (e == ERR_OK)
		e = put_description(n, d, &description);
	if (e != ERR_OK)
		return e;
	json_key(w, "payload");
	json_object_begin(w);
	json_member_span(w, "title", buf_span(&title));
	json_member_opt(w, "description", buf_span(&description));
	if (is_web_link(n->newest->url))
		json_member_span(w, "link", n->newest->url);
	json_member_str(w, "severity", severities[d->rank]);
	json_member_str(w, "topic", n->topic);
	json_member_span(w, "scope", buf_span(&scope));
	json_object_end(w);
	return ERR_OK;
}

enum err notice_write(const struct notice *n, struct buf *out)
{
	CLEANUP(digest_release) struct digest d = { 0 };
	struct json_writer w;
	enum err e;

	buf_init(&d.lines, TEXT_MAX);
	e = digest_collect(&d, n);
	if (e == ERR_OK && d.recipients == 0)
		e = ERR_NOTFOUND;
	if (e != ERR_OK)
		return e;
	json_writer_init(&w, out);
	json_object_begin(&w);
	put_recipients(&w, &d);
	e = put_payload(&w, n, &d);
	json_object_end(&w);
	return e == ERR_OK ? json_done(&w) : e;
}
