/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/json_gate.h"
#include "events.h"
#include "travis/v3_read.h"
#include "travis/v3_write.h"

/* --- what is asked for --- */

Test(v3, path_says_what_is_asked_for)
{
	static const struct {
		const char *path;
		enum v3_what what;
		const char *slug; /* or NULL */
		int64_t id;
	} row[] = {
		{ "/repo/acme%2Fparcel-api/builds", V3_BUILDS, "acme/parcel-api", 0 },
		{ "/repo/acme%2fparcel-api/builds", V3_BUILDS, "acme/parcel-api", 0 },
		{ "/repo/acme/parcel-api/builds", V3_BUILDS, "acme/parcel-api", 0 },
		{ "/repo/github/acme%2Fparcel-api/builds", V3_BUILDS, "acme/parcel-api", 0 },
		{ "/repo/github%2Fhub/builds", V3_BUILDS, "github/hub", 0 },
		{ "/repo/github/hub/builds", V3_BUILDS, "github/hub", 0 },
		{ "/repo/gitlab/a%2Fb%2Fc/builds", V3_BUILDS, "a/b/c", 0 },
		{ "/repo/acme%2Fbuilds/builds", V3_BUILDS, "acme/builds", 0 },
		{ "/repo/a%2Fc++/builds", V3_BUILDS, "a/c++", 0 },
		{ "/v3/repo/a%2Fb/builds", V3_BUILDS, "a/b", 0 },
		{ "/travisci/api/repo/a%2Fb/builds", V3_BUILDS, "a/b", 0 },
		{ "/travisci/api/v3/build/7", V3_BUILD, NULL, 7 },
		{ "/build/280000001", V3_BUILD, NULL, 280000001 },
		{ "/builds/7", V3_BUILD, NULL, 7 },
		{ "/builds", V3_NOTHING, NULL, 0 },
		{ "/build/7/restart", V3_ACT, NULL, 7 },
		{ "/build/7/cancel", V3_ACT, NULL, 7 },
		{ "/user", V3_USER, NULL, 0 },
		{ "/v3/user", V3_USER, NULL, 0 },
		{ "/repo/builds", V3_NOTHING, NULL, 0 },
		{ "/repo//builds", V3_NOTHING, NULL, 0 },
		{ "/repo/4711/builds", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2F/builds", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2Fb%22/builds", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2Fb%00/builds", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2/builds", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2Fb", V3_NOTHING, NULL, 0 },
		{ "/repo/a%2Fb/branches", V3_NOTHING, NULL, 0 },
		{ "/build/", V3_NOTHING, NULL, 0 },
		{ "/build/0", V3_NOTHING, NULL, 0 },
		{ "/build/-7", V3_NOTHING, NULL, 0 },
		{ "/build/7a", V3_NOTHING, NULL, 7 },
		{ "/build/9999999999999999999", V3_NOTHING, NULL, 0 },
		{ "/build/7/jobs", V3_NOTHING, NULL, 7 },
		{ "/build/7/restart/now", V3_NOTHING, NULL, 7 },
		{ "/user/1", V3_NOTHING, NULL, 0 },
		{ "/", V3_NOTHING, NULL, 0 },
		{ "", V3_NOTHING, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct v3_request r;

		v3_path_read(span_of(row[i].path), &r);
		cr_expect_eq(r.what, row[i].what, "%s: %d", row[i].path, r.what);
		if (row[i].slug != NULL)
			cr_expect_str_eq(r.slug.data, row[i].slug, "%s", row[i].path);
		if (r.what == V3_BUILD || r.what == V3_ACT)
			cr_expect_eq(r.id, row[i].id, "%s", row[i].path);
		v3_request_release(&r);
	}
}

Test(v3, paths_of_its_own_are_told_from_others)
{
	cr_expect(v3_owns(SPAN("/repo/x")));
	cr_expect(v3_owns(SPAN("/v3/nothing")));
	cr_expect(v3_owns(SPAN("/travisci/api/nothing")));
	cr_expect(v3_owns(SPAN("/user")));
	cr_expect_not(v3_owns(SPAN("/users")));
	cr_expect_not(v3_owns(SPAN("/")));
	cr_expect_not(v3_owns(SPAN("/v3")));
	cr_expect_not(v3_owns(SPAN("/status")));
}

Test(v3, query_bounds_the_page_as_travis_does)
{
	static const struct {
		const char *query;
		enum err err;
		int64_t offset, limit;
		uint32_t states;
	} row[] = {
		{ "", ERR_OK, 0, 25, 0 },
		{ "offset=5&limit=5", ERR_OK, 5, 5, 0 },
		{ "limit=1&include=build.jobs%2Cbuild.commit&skip_count=true", ERR_OK, 0, 1, 0 },
		{ "limit=100", ERR_OK, 0, 100, 0 },
		{ "limit=101", ERR_OK, 0, 100, 0 },
		{ "limit=0", ERR_OK, 0, 100, 0 },
		{ "limit=-1&offset=-1", ERR_OK, 0, 25, 0 },
		{ "sort_by=number%3Adesc", ERR_OK, 0, 25, 0 },
		{ "build.state=passed", ERR_OK, 0, 25, 1U << BUILD_PASSED },
		{ "build.state=failed,errored", ERR_OK, 0, 25,
			1U << BUILD_FAILED | 1U << BUILD_ERRORED },
		{ "limit=many", ERR_PARSE, 0, 0, 0 },
		{ "limit=", ERR_PARSE, 0, 0, 0 },
		{ "limit=5&limit=6", ERR_PARSE, 0, 0, 0 },
		{ "limit=99999999999999999999", ERR_PARSE, 0, 0, 0 },
		{ "offset=1.5", ERR_PARSE, 0, 0, 0 },
		{ "offset=%", ERR_PARSE, 0, 0, 0 },
		{ "offset=-", ERR_PARSE, 0, 0, 0 },
		{ "build.state=green", ERR_PARSE, 0, 0, 0 },
		{ "build.state=", ERR_PARSE, 0, 0, 0 },
		{ "build.state=passed,", ERR_PARSE, 0, 0, 0 },
		{ "branch.name=main", ERR_NOTFOUND, 0, 0, 0 },
		{ "sort_by=started_at", ERR_NOTFOUND, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct v3_request r;
		const char *why = NULL;
		enum err e;

		v3_path_read(SPAN("/repo/a%2Fb/builds"), &r);
		e = v3_query_read(span_of(row[i].query), &r, &why);
		cr_expect_eq(e, row[i].err, "%s", row[i].query);
		if (e != ERR_OK) {
			cr_expect_not_null(why);
		} else {
			cr_expect_eq(r.offset, row[i].offset, "%s", row[i].query);
			cr_expect_eq(r.limit, row[i].limit, "%s", row[i].query);
			cr_expect_eq(r.states, row[i].states, "%s", row[i].query);
		}
		v3_request_release(&r);
	}
}

/* --- what is answered --- */

static struct buf text;

static void text_init(struct json_writer *w)
{
	buf_init(&text, 1 << 20);
	json_writer_init(w, &text);
}

static void assert_has(const char *part)
{
	cr_expect_not_null(strstr(text.data, part), "no %s in %s", part, text.data);
}

static void assert_has_not(const char *part)
{
	cr_expect_null(strstr(text.data, part), "%s in %s", part, text.data);
}

static void text_end(const struct json_writer *w)
{
	cr_assert_eq(json_done(w), ERR_OK);
	cr_assert_eq(json_gate(buf_span(&text), NULL, NULL), ERR_OK, "%s", text.data);
}

Test(v3, build_has_branch_and_commit_however_little_is_known)
{
	struct build b;
	struct v3_build v = { .build = &b, .updated = WALL_NONE, .count = 23 };
	struct json_writer w;

	build_init(&b);
	b.id = 9;
	b.state = BUILD_QUEUED;
	text_init(&w);
	v3_put_build(&w, &v);
	text_end(&w);
	assert_has("\"@href\":\"/builds/9\"");
	assert_has("\"state\":\"created\"");
	assert_has(
		"\"branch\":{\"@type\":\"branch\",\"@representation\":\"minimal\",\"name\":\"\"}");
	assert_has("\"commit\":{");
	assert_has("\"compare_url\":null");
	assert_has("\"duration\":null");
	assert_has("\"finished_at\":null");
	assert_has("\"build_num\":23");
	assert_has_not("\"tag\"");
	buf_release(&text);
	build_release(&b);
}

Test(v3, build_is_told_in_travis_words)
{
	struct build b;
	struct v3_build v = { .build = &b, .updated = { 1795168801250 }, .count = -1 };
	struct json_writer w;

	event_build(&b);
	b.commit = SPAN("8f2d6c1b");
	b.subject = SPAN("Weigh \"parcels\"");
	b.tag = SPAN("v1");
	b.duration_s = 271;
	b.cause = BUILD_PULL_REQUEST;
	b.pull_request = 12;
	text_init(&w);
	v3_put_build(&w, &v);
	text_end(&w);
	assert_has("\"number\":\"417\"");
	assert_has("\"state\":\"failed\"");
	assert_has("\"duration\":271");
	assert_has("\"event_type\":\"pull_request\"");
	assert_has("\"pull_request_number\":12");
	assert_has("\"finished_at\":\"2026-11-20T10:00:00Z\"");
	assert_has("\"slug\":\"acme/parcel-api\"");
	assert_has("\"tag\":{\"@type\":\"tag\",\"@representation\":\"minimal\",\"name\":\"v1\"}");
	assert_has("\"sha\":\"8f2d6c1b\",\"message\":\"Weigh \\\"parcels\\\"\"");
	assert_has("\"updated_at\":\"2026-11-20T10:00:01.250Z\"");
	assert_has_not("build_num");
	buf_release(&text);
	build_release(&b);
}

Test(v3, page_tells_where_the_others_are)
{
	struct v3_page p = { .slug = SPAN("acme/a"), .offset = 5, .limit = 5, .count = 23 };
	struct json_writer w;

	text_init(&w);
	v3_put_builds_begin(&w, &p);
	v3_put_builds_end(&w);
	text_end(&w);
	assert_has("\"@href\":\"/repo/acme%2Fa/builds?limit=5&offset=5\"");
	assert_has("\"limit\":5,\"offset\":5,\"count\":23,\"is_first\":false,\"is_last\":false");
	assert_has("\"next\":{\"@href\":\"/repo/acme%2Fa/builds?limit=5&offset=10\"");
	assert_has("\"prev\":{\"@href\":\"/repo/acme%2Fa/builds?limit=5&offset=0\"");
	assert_has("\"last\":{\"@href\":\"/repo/acme%2Fa/builds?limit=5&offset=20\"");
	buf_release(&text);

	p.offset = 0;
	p.count = 0;
	text_init(&w);
	v3_put_builds_begin(&w, &p);
	v3_put_builds_end(&w);
	text_end(&w);
	assert_has("\"is_first\":true,\"is_last\":true,\"next\":null,\"prev\":null");
	assert_has("\"builds\":[]");
	buf_release(&text);
}

Test(v3, address_of_the_longest_repository_is_whole)
{
	char slug[512];
	struct v3_page p = { .slug = { slug, sizeof(slug) }, .limit = 5, .count = 1 };
	struct json_writer w;

	memset(slug, '+', sizeof(slug));
	text_init(&w);
	v3_put_builds_begin(&w, &p);
	v3_put_builds_end(&w);
	text_end(&w);
	assert_has("%2B/builds?limit=5&offset=0");
	buf_release(&text);
}

Test(v3, error_has_the_shape_of_travis)
{
	const struct v3_error e = { "not_found", "build not found", "build", NULL };
	struct json_writer w;

	text_init(&w);
	v3_put_error(&w, &e);
	text_end(&w);
	cr_assert_str_eq(text.data, "{\"@type\":\"error\",\"error_type\":\"not_found\","
				    "\"error_message\":\"build not found\","
				    "\"resource_type\":\"build\"}");
	buf_release(&text);
}

Test(v3, what_is_done_to_a_build_is_pending)
{
	struct json_writer w;

	text_init(&w);
	v3_put_pending(&w, 42, "restart", "/v1/triggers/1");
	text_end(&w);
	cr_assert_str_eq(text.data, "{\"@type\":\"pending\",\"build\":{\"@type\":\"build\","
				    "\"@representation\":\"minimal\",\"@href\":\"/builds/42\","
				    "\"id\":42},\"state_change\":\"restart\","
				    "\"resource_type\":\"build\","
				    "\"location\":\"/v1/triggers/1\"}");
	buf_release(&text);
}
