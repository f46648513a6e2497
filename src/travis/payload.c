/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/payload.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/printable.h"
#include "io/pseudonym.h"

/* A build of 200 jobs with a full config has some 15,000 values. */
#define VALUES_MAX  100000
#define SUBJECT_MAX 200

/*
 * Where a payload's text goes, and how long it may be. A text that is longer is
 * either refused, because it names something, or left out.
 */
static const struct text_field {
	const char *name;
	size_t offset, max;
	bool names; /* it identifies: no control characters, and too long is an error */
} text_fields[] = {
	{ "build_url", offsetof(struct build, url), 2048, true },
	{ "branch", offsetof(struct build, branch), 1024, true },
	{ "tag", offsetof(struct build, tag), 1024, true },
	{ "commit", offsetof(struct build, commit), 128, true },
	{ "head_commit", offsetof(struct build, head_commit), 128, true },
	{ "base_commit", offsetof(struct build, base_commit), 128, true },
	{ "status_message", offsetof(struct build, status_message), 64, false },
};

static const struct text_field compare_url_field = { "compare_url",
	offsetof(struct build, compare_url), 2048, false };

static const struct text_field repository_fields[] = {
	{ "owner_name", offsetof(struct build, owner), 512, true },
	{ "name", offsetof(struct build, name), 512, true },
};

/* All of the above, the number and the subject: reserved at once, so that no text moves. */
#define TEXT_MAX (12 * 1024)

/* What the members said, until all of them are known. */
struct reading {
	struct build *build;
	const struct travis_author_rules *author;
	struct buf scratch;
	bool has_state, has_cause, is_pull_request;
	int64_t status; /* -1: null or absent */
	const char *why;
};

static enum err fail(struct reading *r, const char *why)
{
	r->why = why;
	return ERR_PARSE;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (is_control(s.p[i]))
			return true;
	}
	return false;
}

static struct span keep(struct build *b, struct span s)
{
	size_t before = b->text.len;

	if (buf_add_span(&b->text, s) != ERR_OK)
		return (struct span){ NULL, 0 };
	return (struct span){ b->text.data + before, s.n };
}

/* A string or null; numbers count as their digits, as in the number of old payloads. */
static enum err take_plain(struct reading *r, struct json_value v, struct span *s)
{
	buf_clear(&r->scratch);
	*s = (struct span){ NULL, 0 };
	switch (v.type) {
	case JSON_NULL: return ERR_OK;
	case JSON_NUMBER: *s = v.text; return ERR_OK;
	case JSON_STRING: break;
	case JSON_BOOL:
	case JSON_ARRAY:
	case JSON_OBJECT: return ERR_PARSE;
	}
	if (json_string(v, &r->scratch) != ERR_OK)
		return ERR_PARSE;
	*s = buf_span(&r->scratch);
	return ERR_OK;
}

static enum err take_text(struct reading *r, const struct text_field *f, struct json_value v)
{
	struct span *to = (struct span *)(void *)((char *)r->build + f->offset);
	struct span s;

	if (take_plain(r, v, &s) != ERR_OK)
		return f->names ? fail(r, "A name in the payload is no text.") : ERR_OK;
	if (s.n <= f->max && !has_control(s))
		*to = keep(r->build, s);
	else if (f->names)
		return fail(r, "A name in the payload is too long or has control characters.");
	return ERR_OK;
}

/* Where a URL's authority begins; 0 if it is not of the web. */
static size_t url_scheme(struct span url)
{
	static const char *const schemes[] = { "https://", "http://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (url.n >= n && strncasecmp(url.p, schemes[i], n) == 0)
			return n;
	}
	return 0;
}

/* It ends as a link in somebody's browser: what is no web address is left out. */
static enum err take_compare_url(struct reading *r, struct json_value v)
{
	enum err e = take_text(r, &compare_url_field, v);

	if (url_scheme(r->build->compare_url) == 0)
		r->build->compare_url = (struct span){ NULL, 0 };
	return e;
}

/* The first line. Anybody who may commit writes it, so it must not move a terminal. */
static enum err take_subject(struct reading *r, struct json_value v)
{
	size_t before = r->build->text.len, n = 0;
	struct span s;

	if (take_plain(r, v, &s) != ERR_OK)
		return ERR_OK;
	while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r')
		n++;
	r->build->subject = keep(r->build, utf8_cut((struct span){ s.p, n }, SUBJECT_MAX));
	printable_make(r->build->text.data + before, r->build->text.len - before, ' ');
	return ERR_OK;
}

/* Whom it names stays here: digests go on. A commit may say anything, so this proves nothing. */
static enum err take_author(struct reading *r, struct json_value v)
{
	const struct pseudonym_key *names = r->author->names;
	char digest[PSEUDONYM_MAX];
	struct span address;

	if (names == NULL || v.type != JSON_STRING || take_plain(r, v, &address) != ERR_OK)
		return ERR_OK;
	if (pseudonym_of_mail(names, address, digest))
		r->build->author_mail = keep(r->build, span_of(digest));
	if (pseudonym_of_login(names, pseudonym_hidden_login(address, r->author->host), digest))
		r->build->author_login = keep(r->build, span_of(digest));
	return ERR_OK;
}

static enum err take_number(struct reading *r, struct json_value v)
{
	struct span s;

	if (take_plain(r, v, &s) != ERR_OK || s.n > 32 || has_control(s))
		return fail(r, "The payload's build number is unusable.");
	r->build->number = keep(r->build, s);
	return ERR_OK;
}

static enum err take_time(struct reading *r, struct json_value v, struct wall *t)
{
	struct span s;

	if (v.type == JSON_NULL)
		return ERR_OK;
	if (json_plain(v, &s) != ERR_OK || wall_parse(s, t) != ERR_OK)
		return fail(r, "A time in the payload is no RFC 3339 time.");
	return ERR_OK;
}

static enum err take_state(struct reading *r, struct json_value v)
{
	struct span s;

	if (v.type == JSON_NULL)
		return ERR_OK;
	if (json_plain(v, &s) != ERR_OK)
		return fail(r, "The payload's state is no text.");
	if (span_is(s, "finished")) /* once said of any result */
		return ERR_OK;
	r->has_state = true;
	if (span_is(s, "created") || span_is(s, "received"))
		r->build->state = BUILD_QUEUED;
	else if (build_state_parse(s, &r->build->state) != ERR_OK)
		return fail(r, "The payload's state is not known.");
	return ERR_OK;
}

/* A type that is not known yet is a push as far as anybody here cares. */
static enum err take_type(struct reading *r, struct json_value v)
{
	struct span s;

	r->has_cause =
		json_plain(v, &s) == ERR_OK && build_cause_parse(s, &r->build->cause) == ERR_OK;
	return ERR_OK;
}

/* True or false; before July 2017 it could be the number itself. */
static enum err take_pull_request(struct reading *r, struct json_value v)
{
	int64_t n;

	r->is_pull_request = json_is_true(v);
	if (json_int(v, &n) == ERR_OK && n > 0) {
		r->is_pull_request = true;
		r->build->pull_request = n;
	}
	return ERR_OK;
}

static enum err take_pull_request_number(struct reading *r, struct json_value v)
{
	int64_t n;

	if (v.type == JSON_STRING) /* in old payloads */
		v = (struct json_value){ JSON_NUMBER, { v.text.p + 1, v.text.n - 2 } };
	if (v.text.n > 0 && json_int(v, &n) == ERR_OK && n > 0)
		r->build->pull_request = n;
	return ERR_OK;
}

static enum err take_repository(struct reading *r, struct json_value v)
{
	struct json_iter it = json_iter(v);
	struct json_value member;
	struct span name;

	if (v.type != JSON_OBJECT)
		return fail(r, "The payload's repository is no object.");
	while (json_next_member(&it, &name, &member)) {
		enum err e = ERR_OK;

		if (json_name_is(name, "id"))
			IGNORE(json_int(member, &r->build->repository_id) != ERR_OK);
		for (size_t i = 0; e == ERR_OK && i < ARRAY_SIZE(repository_fields); i++) {
			if (json_name_is(name, repository_fields[i].name))
				e = take_text(r, &repository_fields[i], member);
		}
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err take_matrix(struct reading *r, struct json_value v)
{
	struct json_iter it = json_iter(v);
	struct json_value job;

	r->build->jobs = 0;
	while (v.type == JSON_ARRAY && json_next_element(&it, &job))
		r->build->jobs++;
	return ERR_OK;
}

static enum err take_id(struct reading *r, struct json_value v)
{
	return json_int(v, &r->build->id) == ERR_OK ? ERR_OK
						    : fail(r, "The payload's id is no number.");
}

static enum err take_status(struct reading *r, struct json_value v)
{
	IGNORE(json_int(v, &r->status) != ERR_OK);
	return ERR_OK;
}

static enum err take_duration(struct reading *r, struct json_value v)
{
	int64_t n;

	if (json_int(v, &n) == ERR_OK && n >= 0)
		r->build->duration_s = n;
	return ERR_OK;
}

static enum err take_started(struct reading *r, struct json_value v)
{
	return take_time(r, v, &r->build->started_at);
}

static enum err take_finished(struct reading *r, struct json_value v)
{
	return take_time(r, v, &r->build->finished_at);
}

static const struct {
	const char *name;
	enum err (*take)(struct reading *r, struct json_value v);
} members[] = {
	{ "id", take_id },
	{ "number", take_number },
	{ "type", take_type },
	{ "state", take_state },
	{ "status", take_status },
	{ "result", take_status },
	{ "started_at", take_started },
	{ "finished_at", take_finished },
	{ "duration", take_duration },
	{ "message", take_subject },
	{ "author_email", take_author },
	{ "compare_url", take_compare_url },
	{ "pull_request", take_pull_request },
	{ "pull_request_number", take_pull_request_number },
	{ "repository", take_repository },
	{ "matrix", take_matrix },
};

static enum err take_member(struct reading *r, struct span name, struct json_value v)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (json_name_is(name, members[i].name))
			return members[i].take(r, v);
	}
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		if (json_name_is(name, text_fields[i].name))
			return take_text(r, &text_fields[i], v);
	}
	return ERR_OK;
}

/* Payloads before 2014 have no state: the words of status_message, or else the status, tell. */
static enum err state_of_old(const struct reading *r, enum build_state *state)
{
	static const struct {
		const char *message;
		enum build_state state;
	} words[] = {
		{ "Pending", BUILD_STARTED },
		{ "Passed", BUILD_PASSED },
		{ "Fixed", BUILD_PASSED },
		{ "Failed", BUILD_FAILED },
		{ "Broken", BUILD_FAILED },
		{ "Still Failing", BUILD_FAILED },
		{ "Errored", BUILD_ERRORED },
		{ "Canceled", BUILD_CANCELED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (span_is(r->build->status_message, words[i].message)) {
			*state = words[i].state;
			return ERR_OK;
		}
	}
	/* Before 2017 a build that was still running had status 1, as a failed one. */
	if (r->build->finished_at.ms == WALL_NONE.ms)
		*state = BUILD_STARTED;
	else if (r->status == 0 || r->status == 1)
		*state = r->status == 0 ? BUILD_PASSED : BUILD_FAILED;
	else
		return ERR_PARSE;
	return ERR_OK;
}

/* Payloads of 2012 give a pull request's number in no other place than at the end of this URL. */
static int64_t pull_request_of_url(struct span url)
{
	size_t at = url.n;
	int64_t n;

	while (at > 0 && url.p[at - 1] >= '0' && url.p[at - 1] <= '9')
		at--;
	if (at == url.n || at == 0 || url.p[at - 1] != '/')
		return -1;
	if (json_int((struct json_value){ JSON_NUMBER, { url.p + at, url.n - at } }, &n) != ERR_OK)
		return -1;
	return n > 0 ? n : -1;
}

/* What the members say together. */
static enum err conclude(struct reading *r)
{
	struct build *b = r->build;

	if (!r->has_state && state_of_old(r, &b->state) != ERR_OK)
		return fail(r, "The payload does not tell the build's state.");
	if (!r->has_cause)
		b->cause = r->is_pull_request ? BUILD_PULL_REQUEST : BUILD_PUSH;
	if (b->cause != BUILD_PULL_REQUEST)
		b->pull_request = -1;
	else if (b->pull_request == -1)
		b->pull_request = pull_request_of_url(b->compare_url);
	/* Without its number it would pass for a build of the branch that it asks to change. */
	if (b->cause == BUILD_PULL_REQUEST && b->pull_request == -1)
		return fail(r, "The payload does not tell the pull request's number.");
	return ERR_OK;
}

/* Letters, digits and "._-"; neither "." nor "..", because names end up in paths. */
static bool is_name(struct span s)
{
	if (s.n == 0 || span_is(s, ".") || span_is(s, ".."))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* A name, or several with slashes between: the groups that GitLab nests. */
static bool is_owner(struct span s)
{
	const char *slash;

	while (s.n > 0 && (slash = memchr(s.p, '/', s.n)) != NULL) {
		size_t n = (size_t)(slash - s.p);

		if (!is_name((struct span){ s.p, n }))
			return false;
		s.p += n + 1;
		s.n -= n + 1;
	}
	return is_name(s);
}

static enum err check_whole(struct reading *r)
{
	const struct build *b = r->build;

	if (b->id <= 0)
		return fail(r, "The payload has no build id.");
	if (b->repository_id <= 0)
		return fail(r, "The payload has no repository id.");
	if (!is_owner(b->owner) || !is_name(b->name))
		return fail(r, "The payload's repository has no proper owner or name.");
	if (b->url.n == 0)
		return fail(r, "The payload has no build_url.");
	return ERR_OK;
}

static enum err read_members(struct reading *r, struct json_value root)
{
	struct json_iter it = json_iter(root);
	struct json_value v;
	struct span name;
	enum err e;

	while (json_next_member(&it, &name, &v)) {
		e = take_member(r, name, v);
		if (e != ERR_OK)
			return e;
	}
	e = conclude(r);
	return e == ERR_OK ? check_whole(r) : e;
}

enum err travis_payload_read(struct span payload, const struct travis_author_rules *author,
	struct build *b, const char **why)
{
	const struct json_limits limits = { .values = VALUES_MAX };
	struct reading r = { .build = b, .author = author, .status = -1 };
	enum err e = json_gate(payload, &limits, NULL);

	if (e != ERR_OK) {
		*why = e == ERR_LIMIT ? "The payload is nested too deeply or has too many values."
				      : "The payload is no strict JSON.";
		return e;
	}
	if (json_root(payload).type != JSON_OBJECT) {
		*why = "The payload is no JSON object.";
		return ERR_PARSE;
	}
	/* Digests are no part of the payload. */
	if (buf_room(&b->text, (payload.n < TEXT_MAX ? payload.n : TEXT_MAX) + 2 * PSEUDONYM_MAX) ==
		NULL) {
		*why = "The payload's texts are too long.";
		return ERR_LIMIT;
	}
	buf_init(&r.scratch, payload.n);
	e = read_members(&r, json_root(payload));
	buf_release(&r.scratch);
	if (e != ERR_OK)
		*why = r.why;
	return e;
}

bool travis_payload_is_from(const struct build *b, const char *host)
{
	size_t scheme = url_scheme(b->url), n = strlen(host);
	struct span rest = { b->url.p + scheme, b->url.n - scheme };

	if (scheme == 0 || n == 0)
		return false;
	/* What follows the host must be the path: user, port or a longer name would differ. */
	return rest.n > n && strncasecmp(rest.p, host, n) == 0 && rest.p[n] == '/';
}
