/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "travis/api.h"

#define URL_MAX 4096

enum err travis_path_builds(struct span slug, size_t offset, struct buf *out)
{
	char rest[160];

	snprintf(rest, sizeof(rest),
		"/builds?limit=%d&offset=%zu&sort_by=finished_at:desc&skip_count=true", TRAVIS_PAGE,
		offset);
	return travis_path_repo(slug, rest, out);
}

enum err travis_builds_read(struct json_value body, struct json_iter *it)
{
	struct json_value list;

	if (!json_get(body, "builds", &list) || list.type != JSON_ARRAY)
		return ERR_PARSE;
	*it = json_iter(list);
	return ERR_OK;
}

/* Other words, such as "created", are of builds of which no webhook tells yet. */
static void read_state(struct span state, struct travis_found *f)
{
	static const char *const ends[] = { "passed", "failed", "errored", "canceled" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		f->over |= span_is(state, ends[i]);
	f->told = f->over || span_is(state, "started");
}

enum err travis_found_read(struct json_value body, struct travis_found *f)
{
	struct travis_build b;
	struct json_value v;
	struct span text;

	*f = (struct travis_found){ .finished_at = WALL_NONE, .body = body };
	if (travis_build_read(body, &b) != ERR_OK || b.slug.n == 0 || b.state.n == 0)
		return ERR_PARSE;
	f->id = b.id;
	f->slug = b.slug;
	read_state(b.state, f);
	if (json_get(body, "finished_at", &v) && v.type != JSON_NULL &&
		(json_plain(v, &text) != ERR_OK || wall_parse(text, &f->finished_at) != ERR_OK))
		return ERR_PARSE;
	return ERR_OK;
}

/* --- as a payload --- */

static void put_member(
	struct json_writer *w, const char *key, struct json_value object, const char *name)
{
	struct json_value v;

	if (!json_get(object, name, &v))
		return;
	json_key(w, key);
	json_put_raw(w, v.text);
}

/* What is one member there and an object with it here. */
static void put_inner(struct json_writer *w, const char *key, struct json_value body,
	const char *name, const char *inner)
{
	struct json_value object;

	if (json_get(body, name, &object) && object.type == JSON_OBJECT)
		put_member(w, key, object, inner);
}

static void put_url(struct json_writer *w, const struct travis_found *f, const char *host)
{
	CLEANUP(buf_release) struct buf url;

	buf_init(&url, URL_MAX);
	IGNORE(buf_addf(&url, "https://%s/%.*s/builds/%" PRId64, host, SPAN_ARGS(f->slug), f->id));
	json_member_span(w, "build_url", buf_span(&url));
}

static void put_repository(struct json_writer *w, const struct travis_found *f, const char *slash)
{
	struct span owner = { f->slug.p, (size_t)(slash - f->slug.p) };

	json_key(w, "repository");
	json_object_begin(w);
	put_inner(w, "id", f->body, "repository", "id");
	json_member_span(w, "owner_name", owner);
	json_member_span(w, "name", (struct span){ slash + 1, f->slug.n - owner.n - 1 });
	json_object_end(w);
}

/* A pull request has a number; so it says itself which it is. */
static void put_pull_request(struct json_writer *w, struct json_value body)
{
	struct json_value type;
	struct span word;

	json_member_bool(w, "pull_request",
		json_get(body, "event_type", &type) && json_plain(type, &word) == ERR_OK &&
			span_is(word, "pull_request"));
	put_member(w, "pull_request_number", body, "pull_request_number");
}

enum err travis_found_payload(const struct travis_found *f, const char *host, struct buf *out)
{
	static const char *const same[] = { "id", "number", "state", "started_at", "finished_at",
		"duration" };
	const char *slash = memrchr(f->slug.p, '/', f->slug.n);
	struct json_writer w;

	if (!f->told || slash == NULL)
		return ERR_PARSE;
	json_writer_init(&w, out);
	json_object_begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		put_member(&w, same[i], f->body, same[i]);
	put_member(&w, "type", f->body, "event_type");
	put_url(&w, f, host);
	put_inner(&w, "commit", f->body, "commit", "sha");
	put_inner(&w, "message", f->body, "commit", "message");
	put_inner(&w, "compare_url", f->body, "commit", "compare_url");
	put_inner(&w, "branch", f->body, "branch", "name");
	put_inner(&w, "tag", f->body, "tag", "name");
	put_pull_request(&w, f->body);
	put_repository(&w, f, slash);
	put_member(&w, "matrix", f->body, "jobs");
	json_object_end(&w);
	return json_done(&w);
}
