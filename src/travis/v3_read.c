/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/v3_read.h"

#include <string.h>

#include "base/codec.h"
#include "model/build.h"
#include "model/entity.h"

/* What Travis CI calls the states, of which some are one to us. */
static const struct {
	const char *word;
	enum build_state state;
} state_words[] = {
	{ "created", BUILD_QUEUED },
	{ "queued", BUILD_QUEUED },
	{ "received", BUILD_QUEUED },
	{ "started", BUILD_STARTED },
	{ "passed", BUILD_PASSED },
	{ "failed", BUILD_FAILED },
	{ "errored", BUILD_ERRORED },
	{ "canceled", BUILD_CANCELED },
};

void v3_request_release(struct v3_request *r)
{
	buf_release(&r->slug);
}

/* --- the path --- */

/* Where a proxy that strips nothing leaves it, and how v3 can be asked for without a field. */
static struct span mount_strip(struct span path)
{
	static const char *const mounts[] = { "/travisci/api", "/v3" };

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		size_t n = strlen(mounts[i]);

		if (!span_starts(path, mounts[i]) || path.n <= n || path.p[n] != '/')
			continue;
		path.p += n;
		path.n -= n;
	}
	return path;
}

/* Cut the first segment off a path that begins with a slash; false at its end. */
static bool segment_take(struct span *path, struct span *segment)
{
	size_t n = 1;

	if (path->n == 0 || path->p[0] != '/')
		return false;
	while (n < path->n && path->p[n] != '/')
		n++;
	*segment = (struct span){ path->p + 1, n - 1 };
	*path = (struct span){ path->p + n, path->n - n };
	return true;
}

static bool number_read(struct span text, int64_t *n)
{
	int64_t value = 0;

	if (text.n == 0 || text.n > 18)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		value = value * 10 + (text.p[i] - '0');
	}
	*n = value;
	return true;
}

static bool is_provider(struct span segment)
{
	static const char *const words[] = { "github", "gitlab", "bitbucket", "assembla" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (span_is(segment, words[i]))
			return true;
	}
	return false;
}

/*
 * Append a slug in whatever it is wrapped: "owner%2Fname", as Travis CI wants it;
 * "owner/name", as some proxies make of it; and with the provider before it.
 */
static bool slug_read(struct span path, struct buf *slug)
{
	struct span rest = path, first;

	if (segment_take(&rest, &first) && is_provider(first) && slug_read(rest, slug))
		return true;
	buf_clear(slug);
	if (path.n < 2 || url_decode((struct span){ path.p + 1, path.n - 1 }, slug) != ERR_OK)
		return false;
	return entity_slug_is_valid(buf_span(slug));
}

static void repo_read(struct span rest, struct v3_request *out)
{
	static const char tail[] = "/builds";
	struct span slug = rest;

	if (!span_ends(rest, tail))
		return;
	slug.n -= strlen(tail);
	if (slug_read(slug, &out->slug))
		out->what = V3_BUILDS;
}

static void build_path_read(struct span rest, struct v3_request *out)
{
	static const char *const acts[] = { "restart", "cancel", "priority" };
	struct span id, act;

	if (!segment_take(&rest, &id) || !number_read(id, &out->id) || out->id == 0)
		return;
	if (rest.n == 0) {
		out->what = V3_BUILD;
		return;
	}
	if (!segment_take(&rest, &act) || rest.n > 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		if (!span_is(act, acts[i]))
			continue;
		out->what = V3_ACT;
		out->act = acts[i];
	}
}

bool v3_owns(struct span path)
{
	static const char *const words[] = { "repo", "repos", "build", "builds", "user" };
	struct span whole = path, first;

	path = mount_strip(path);
	if (path.n < whole.n)
		return true;
	if (!segment_take(&path, &first))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (span_is(first, words[i]))
			return true;
	}
	return false;
}

void v3_path_read(struct span path, struct v3_request *out)
{
	struct span first;

	*out = (struct v3_request){ .limit = V3_LIMIT };
	buf_init(&out->slug, ENTITY_TEXT_MAX);
	path = mount_strip(path);
	if (!segment_take(&path, &first))
		return;
	if (span_is(first, "repo"))
		repo_read(path, out);
	else if (span_is(first, "build") || span_is(first, "builds"))
		build_path_read(path, out);
	else if (span_is(first, "user") && path.n == 0)
		out->what = V3_USER;
}

/* --- the query --- */

/* A field of the query, decoded; ERR_NOTFOUND if it is not there, ERR_PARSE if it is broken. */
static enum err field_read(struct span query, const char *name, struct buf *out)
{
	struct span value;
	enum err e = form_find(query, name, &value);

	buf_clear(out);
	return e == ERR_OK ? form_decode(value, out) : e;
}

/* Numbers below 0 are as good as none, as they are to Travis CI. */
static enum err count_read(struct span query, const char *name, struct buf *text, int64_t *n)
{
	enum err e = field_read(query, name, text);
	struct span digits = buf_span(text);
	bool negative = digits.n > 0 && digits.p[0] == '-';
	int64_t value;

	if (e == ERR_NOTFOUND)
		return ERR_OK;
	if (negative) {
		digits.p++;
		digits.n--;
	}
	if (e != ERR_OK || !number_read(digits, &value))
		return ERR_PARSE;
	if (!negative)
		*n = value;
	return ERR_OK;
}

static bool state_read(struct span word, uint32_t *states)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_words); i++) {
		if (!span_is(word, state_words[i].word))
			continue;
		*states |= UINT32_C(1) << state_words[i].state;
		return true;
	}
	return false;
}

/* Words parted by commas. */
static enum err states_read(struct span query, struct buf *text, uint32_t *states)
{
	enum err e = field_read(query, "build.state", text);
	struct span rest = buf_span(text);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	for (;;) {
		const char *comma = rest.n == 0 ? NULL : memchr(rest.p, ',', rest.n);
		struct span word = { rest.p, comma == NULL ? rest.n : (size_t)(comma - rest.p) };

		if (!state_read(word, states))
			return ERR_PARSE;
		if (comma == NULL)
			return ERR_OK;
		rest = (struct span){ comma + 1, rest.n - word.n - 1 };
	}
}

/* To pass over one of these would be to answer something else. */
static enum err others_check(struct span query, struct buf *text)
{
	static const char *const chooses[] = { "branch.name", "build.branch", "build.event_type",
		"build.previous_state", "build.created_by", "created_by" };
	enum err e;

	for (size_t i = 0; i < ARRAY_SIZE(chooses); i++) {
		if (field_read(query, chooses[i], text) != ERR_NOTFOUND)
			return ERR_NOTFOUND;
	}
	e = field_read(query, "sort_by", text);
	if (e == ERR_NOTFOUND || (e == ERR_OK && (span_is(buf_span(text), "number:desc") ||
							 span_is(buf_span(text), "id:desc"))))
		return ERR_OK;
	return ERR_NOTFOUND;
}

static enum err query_read(
	struct span query, struct buf *text, struct v3_request *out, const char **why)
{
	int64_t limit = out->limit;

	*why = "offset must be an integer";
	if (count_read(query, "offset", text, &out->offset) != ERR_OK)
		return ERR_PARSE;
	*why = "limit must be an integer";
	if (count_read(query, "limit", text, &limit) != ERR_OK)
		return ERR_PARSE;
	out->limit = limit == 0 || limit > V3_LIMIT_MOST ? V3_LIMIT_MOST : limit;
	*why = "build.state must be words such as passed,failed";
	if (states_read(query, text, &out->states) != ERR_OK)
		return ERR_PARSE;
	*why = "builds are sorted by number:desc and chosen by build.state only";
	return others_check(query, text);
}

enum err v3_query_read(struct span query, struct v3_request *out, const char **why)
{
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, query.n);
	return query_read(query, &text, out, why);
}
