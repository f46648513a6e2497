/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "io/crypto.h"
#include "io/pseudonym.h"
#include "model/build.h"
#include "scratch.h"
#include "travis/payload.h"

TestSuite(payload);

struct member {
	const char *name, *json; /* json NULL: left out */
};

/* A push of 2026, key order as sent. */
static const struct member today[] = {
	{ "id", "277713381" },
	{ "number", "\"5\"" },
	{ "config", "{\"language\":\"c\",\"notifications\":{\"webhooks\":[{\"urls\":[\"https://x/"
		    "?key=s\"]}]},"
		    "\"id\":666,\"state\":\"failed\"}" },
	{ "type", "\"push\"" },
	{ "state", "\"passed\"" },
	{ "status", "0" },
	{ "result", "0" },
	{ "status_message", "\"Fixed\"" },
	{ "result_message", "\"Fixed\"" },
	{ "started_at", "\"2026-03-18T10:28:09Z\"" },
	{ "finished_at", "\"2026-03-18T10:30:11Z\"" },
	{ "duration", "230" },
	{ "build_url", "\"https://app.travis-ci.com/acme/parcel-api/builds/277713381\"" },
	{ "commit_id", "1277801499" },
	{ "commit", "\"2eab9aaa002563c4b8db90a77eac9a1ba4e24643\"" },
	{ "base_commit", "null" },
	{ "head_commit", "null" },
	{ "branch", "\"main\"" },
	{ "message", "\"Weigh parcels twice\\n\\nBecause scales lie.\"" },
	{ "compare_url", "\"https://github.com/acme/parcel-api/compare/193da1b...2eab9aa\"" },
	{ "committed_at", "\"2026-03-18T10:26:24Z\"" },
	{ "author_name", "\"Ada Example\"" },
	{ "author_email", "\"ada@example.org\"" },
	{ "pull_request", "false" },
	{ "pull_request_number", "null" },
	{ "pull_request_title", "null" },
	{ "tag", "null" },
	{ "repository",
		"{\"id\":29853331,\"name\":\"parcel-api\",\"owner_name\":\"acme\",\"url\":null}" },
	{ "matrix", "[{\"id\":1,\"state\":\"failed\",\"config\":{\"os\":\"linux\"}},{\"id\":2},{"
		    "\"id\":3}]" },
};

/* The members above with some of them replaced, left out or added. */
static void compose(struct buf *out, const struct member *changes, size_t n)
{
	const char *comma = "{";

	buf_init(out, 1 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(today) + n; i++) {
		struct member m = i < n ? changes[i] : today[i - n];

		for (size_t j = 0; i >= n && j < n; j++) {
			if (strcmp(changes[j].name, m.name) == 0)
				m.json = NULL;
		}
		if (m.json == NULL)
			continue;
		cr_assert_eq(buf_addf(out, "%s\"%s\":%s", comma, m.name, m.json), ERR_OK);
		comma = ",";
	}
	cr_assert_eq(buf_add_str(out, "}"), ERR_OK);
}

static const struct travis_author_rules nobody;

static enum err read_with(const struct member *changes, size_t n, struct build *b)
{
	CLEANUP(buf_release) struct buf text;
	const char *why = NULL;
	enum err e;

	compose(&text, changes, n);
	build_init(b);
	e = travis_payload_read(buf_span(&text), &nobody, b, &why);
	cr_assert_eq(e != ERR_OK, why != NULL, "%s", why);
	return e;
}

/* Read with changes given as pairs of name and JSON. */
#define READ(b, ...)                                                                               \
	read_with((const struct member[]){ __VA_ARGS__ },                                          \
		sizeof((const struct member[]){ __VA_ARGS__ }) / sizeof(struct member), (b))

#define cr_assert_text(s, want) cr_assert(span_is((s), (want)), "%.*s", SPAN_ARGS(s))

static void cr_assert_member(const char *name, const char *json, enum err want)
{
	struct build b;

	cr_assert_eq(READ(&b, { name, json }), want, "%s: %s", name, json);
	build_release(&b);
}

Test(payload, of_today_is_read_whole)
{
	struct build b;

	cr_assert_eq(read_with(NULL, 0, &b), ERR_OK);
	cr_assert_eq(b.id, 277713381);
	cr_assert_text(b.number, "5");
	cr_assert_eq(b.state, BUILD_PASSED);
	cr_assert_eq(b.cause, BUILD_PUSH);
	cr_assert_eq(b.repository_id, 29853331);
	cr_assert_text(b.owner, "acme");
	cr_assert_text(b.name, "parcel-api");
	cr_assert_text(b.branch, "main");
	cr_assert_text(b.tag, "");
	cr_assert_text(b.commit, "2eab9aaa002563c4b8db90a77eac9a1ba4e24643");
	cr_assert_text(b.head_commit, "");
	cr_assert_text(b.base_commit, "");
	cr_assert_text(
		b.compare_url, "https://github.com/acme/parcel-api/compare/193da1b...2eab9aa");
	cr_assert_text(b.subject, "Weigh parcels twice");
	cr_assert_text(b.url, "https://app.travis-ci.com/acme/parcel-api/builds/277713381");
	cr_assert_text(b.status_message, "Fixed");
	cr_assert_eq(b.pull_request, -1);
	cr_assert_eq(b.started_at.ms, 1773829689000);
	cr_assert_eq(b.finished_at.ms, 1773829811000);
	cr_assert_eq(b.duration_s, 230);
	cr_assert_eq(b.jobs, 3);
	cr_assert_text(b.host, "");
	build_release(&b);
}

Test(payload, keeps_nothing_of_config_or_people)
{
	struct build b;

	cr_assert_eq(read_with(NULL, 0, &b), ERR_OK);
	cr_assert_null(memmem(b.text.data, b.text.len, "key=s", 5));
	cr_assert_null(memmem(b.text.data, b.text.len, "ada", 3));
	cr_assert_null(memmem(b.text.data, b.text.len, "Ada", 3));
	cr_assert_null(memmem(b.text.data, b.text.len, "scales", 6));
	build_release(&b);
}

Test(payload, of_a_pull_request_names_the_real_commits)
{
	struct build b;

	cr_assert_eq(
		READ(&b, { "type", "\"pull_request\"" }, { "pull_request", "true" },
			{ "pull_request_number", "1406" }, { "base_commit", "\"704b6b8c\"" },
			{ "head_commit", "\"e2fb88b6\"" }, { "pull_request_title", "\"A title\"" }),
		ERR_OK);
	cr_assert_eq(b.cause, BUILD_PULL_REQUEST);
	cr_assert_eq(b.pull_request, 1406);
	cr_assert_text(b.base_commit, "704b6b8c");
	cr_assert_text(b.head_commit, "e2fb88b6");
	cr_assert_text(b.branch, "main");
	build_release(&b);
}

Test(payload, gives_a_pull_requests_number_in_the_ways_of_all_years)
{
	static const struct {
		const char *flag, *number, *type, *url;
		int64_t want;
	} cases[] = {
		{ "true", "7", "\"pull_request\"", "null", 7 },
		{ "7", NULL, "\"pull_request\"", "null", 7 },
		{ "7", NULL, NULL, "null", 7 },
		{ "true", "\"7\"", "\"pull_request\"", "null", 7 },
		{ NULL, NULL, "\"pull_request\"", "\"https://github.com/a/b/pull/7\"", 7 },
		{ "true", "null", "\"pull_request\"",
			"\"https://gitlab.com/a/b/-/merge_requests/7\"", 7 },
		{ "false", "null", "\"push\"", "\"https://github.com/a/b/pull/7\"", -1 },
		{ "false", "7", "\"push\"", "null", -1 },
		{ "0", "null", "\"push\"", "null", -1 },
		{ "false", "null", "\"cron\"", "null", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct build b;

		cr_assert_eq(READ(&b, { "pull_request", cases[i].flag },
				     { "pull_request_number", cases[i].number },
				     { "type", cases[i].type }, { "compare_url", cases[i].url }),
			ERR_OK, "case %zu", i);
		cr_assert_eq(b.pull_request, cases[i].want, "case %zu", i);
		cr_assert_eq(b.cause == BUILD_PULL_REQUEST, cases[i].want != -1, "case %zu", i);
		build_release(&b);
	}
}

Test(payload, of_a_pull_request_without_a_number_is_refused)
{
	static const char *const urls[] = { "null", "\"https://github.com/a/b/pull/\"",
		"\"https://github.com/a/b/compare/a1...b2\"", "\"7\"", "\"https://x/pull/0\"",
		"\"https://x/pull/99999999999999999999\"" };

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct build b;

		cr_assert_eq(READ(&b, { "type", "\"pull_request\"" }, { "pull_request", "true" },
				     { "compare_url", urls[i] }),
			ERR_PARSE, "%s", urls[i]);
		build_release(&b);
	}
}

Test(payload, of_a_tag_has_the_tag_and_it_again_as_branch)
{
	struct build b;

	cr_assert_eq(READ(&b, { "tag", "\"v1.2.0\"" }, { "branch", "\"v1.2.0\"" }), ERR_OK);
	cr_assert_text(b.tag, "v1.2.0");
	cr_assert_text(b.branch, "v1.2.0");
	build_release(&b);
}

Test(payload, of_a_build_canceled_before_it_started_has_no_start)
{
	struct build b;

	cr_assert_eq(READ(&b, { "state", "\"canceled\"" }, { "status", "null" },
			     { "result", "null" }, { "status_message", "\"Canceled\"" },
			     { "started_at", "null" }, { "duration", "null" }),
		ERR_OK);
	cr_assert_eq(b.state, BUILD_CANCELED);
	cr_assert_eq(b.started_at.ms, WALL_NONE.ms);
	cr_assert_eq(b.finished_at.ms, 1773829811000);
	cr_assert_eq(b.duration_s, -1);
	build_release(&b);
}

Test(payload, knows_every_state_that_travis_has)
{
	static const struct {
		const char *json;
		enum build_state state;
	} states[] = { { "\"created\"", BUILD_QUEUED }, { "\"queued\"", BUILD_QUEUED },
		{ "\"received\"", BUILD_QUEUED }, { "\"started\"", BUILD_STARTED },
		{ "\"passed\"", BUILD_PASSED }, { "\"failed\"", BUILD_FAILED },
		{ "\"errored\"", BUILD_ERRORED }, { "\"canceled\"", BUILD_CANCELED } };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct build b;

		cr_assert_eq(READ(&b, { "state", states[i].json }), ERR_OK);
		cr_assert_eq(b.state, states[i].state);
		build_release(&b);
	}
	cr_assert_member("state", "\"Passed\"", ERR_PARSE);
	cr_assert_member("state", "\"restarted\"", ERR_PARSE);
	cr_assert_member("state", "\"\"", ERR_PARSE);
	cr_assert_member("state", "0", ERR_PARSE);
}

Test(payload, derives_the_state_where_old_ones_have_none)
{
	static const struct {
		const char *message, *status, *finished_at;
		enum build_state want;
	} cases[] = {
		{ "\"Pending\"", "1", "null", BUILD_STARTED }, /* 2013: 1 was also "not yet" */
		{ "\"Passed\"", "0", "\"2012-11-23T16:31:17Z\"", BUILD_PASSED },
		{ "\"Fixed\"", "0", "\"2012-11-23T16:31:17Z\"", BUILD_PASSED },
		{ "\"Failed\"", "1", "\"2012-11-23T16:31:17Z\"", BUILD_FAILED },
		{ "\"Broken\"", "1", "\"2012-11-23T16:31:17Z\"", BUILD_FAILED },
		{ "\"Still Failing\"", "1", "\"2012-11-23T16:31:17Z\"", BUILD_FAILED },
		{ "\"Errored\"", "1", "\"2012-11-23T16:31:17Z\"", BUILD_ERRORED },
		{ "\"Canceled\"", "1", "\"2012-11-23T16:31:17Z\"", BUILD_CANCELED },
		{ "null", "0", "\"2012-11-23T16:31:17Z\"", BUILD_PASSED },
		{ NULL, "1", "\"2012-11-23T16:31:17Z\"", BUILD_FAILED },
		{ NULL, "1", "null", BUILD_STARTED },
		{ NULL, NULL, NULL, BUILD_STARTED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const char *const states[] = { NULL, "null", "\"finished\"" };

		for (size_t j = 0; j < ARRAY_SIZE(states); j++) {
			struct build b;

			cr_assert_eq(READ(&b, { "state", states[j] },
					     { "status_message", cases[i].message },
					     { "status", cases[i].status },
					     { "result", cases[i].status },
					     { "finished_at", cases[i].finished_at }),
				ERR_OK, "case %zu", i);
			cr_assert_eq(b.state, cases[i].want, "case %zu", i);
			build_release(&b);
		}
	}
}

Test(payload, that_does_not_tell_the_state_is_refused)
{
	struct build b;

	cr_assert_eq(READ(&b, { "state", NULL }, { "status_message", NULL }, { "status", "null" },
			     { "result", NULL }),
		ERR_PARSE);
	build_release(&b);
	cr_assert_eq(READ(&b, { "state", NULL }, { "status_message", "\"Odd\"" }, { "status", "2" },
			     { "result", "2" }),
		ERR_PARSE);
	build_release(&b);
}

/* As the services of those years composed them: other keys, other order. */
static const char of_2012[] =
	"{\"id\":3329467,\"repository\":{\"id\":347744,\"name\":\"light\",\"owner_name\":\"idea\","
	"\"url\":\"https://github.com/idea/"
	"light\"},\"number\":\"2\",\"config\":{\"rvm\":[\"1.9.3\"],"
	"\".result\":\"configured\"},\"status\":0,\"result\":0,\"status_message\":\"Passed\","
	"\"result_message\":\"Passed\",\"started_at\":\"2012-11-23T16:29:59Z\","
	"\"finished_at\":\"2012-11-23T16:31:17Z\",\"duration\":78,"
	"\"build_url\":\"https://travis-ci.org/idea/light/builds/3329467\",\"commit\":\"05f7a7e3\","
	"\"branch\":\"master\",\"message\":\"map root\",\"compare_url\":\"https://github.com/x\","
	"\"matrix\":[{\"id\":3329468,\"number\":\"2.1\",\"state\":\"finished\"}],\"type\":"
	"\"push\"}";
static const char of_2013[] =
	"{\n \"id\": 11127910,\n \"repository\": {\"id\": 1220417, \"name\": \"demo\",\n"
	" \"owner_name\": \"ihab\", \"url\": \"https:\\/\\/github.com\\/ihab\\/demo\"},\n"
	" \"number\": \"25\", \"config\": {\"php\": [5.3, 5.4]}, \"status\": 1, \"result\": 1,\n"
	" \"status_message\": \"Pending\", \"result_message\": \"Pending\",\n"
	" \"started_at\": \"2013-09-08T18:25:28Z\", \"finished_at\": null, \"duration\": null,\n"
	" \"build_url\": \"https:\\/\\/travis-ci.org\\/ihab\\/demo\\/builds\\/11127910\",\n"
	" \"commit\": \"fb757c43\", \"branch\": \"master\", \"message\": \"Testing\",\n"
	" \"compare_url\": \"https:\\/\\/github.com\\/ihab\\/demo\\/compare\\/a...b\"\n}\n";
static const char of_2016[] =
	"{\"id\":176075135,\"repository\":{\"id\":6461770,\"name\":\"jsdoc\",\"owner_name\":"
	"\"Keg\","
	"\"url\":null},\"number\":18,\"status\":1,\"result\":1,\"status_message\":\"Broken\","
	"\"started_at\":\"2016-11-15T15:10:22Z\",\"finished_at\":\"2016-11-15T15:10:54Z\","
	"\"duration\":32,\"build_url\":\"https://travis-ci.org/Keg/jsdoc/builds/176075135\","
	"\"commit\":\"3a092c3a\",\"base_commit\":null,\"head_commit\":null,\"branch\":\"master\","
	"\"message\":\"Test\",\"matrix\":[{\"state\":\"finished\"}],\"type\":\"pull_request\","
	"\"state\":\"failed\",\"pull_request\":11,\"pull_request_title\":\"x\",\"tag\":null}";

static void read_text(const char *text, struct build *b)
{
	const char *why = "";

	build_init(b);
	cr_assert_eq(travis_payload_read(span_of(text), &nobody, b, &why), ERR_OK, "%s", why);
}

Test(payload, of_2012_is_read)
{
	struct build b;

	read_text(of_2012, &b);
	cr_assert_eq(b.id, 3329467);
	cr_assert_eq(b.state, BUILD_PASSED);
	cr_assert_eq(b.cause, BUILD_PUSH);
	cr_assert_eq(b.pull_request, -1);
	cr_assert_eq(b.duration_s, 78);
	cr_assert_eq(b.jobs, 1);
	build_release(&b);
}

Test(payload, of_2013_is_read)
{
	struct build b;

	read_text(of_2013, &b);
	cr_assert_eq(b.state, BUILD_STARTED);
	cr_assert_eq(b.finished_at.ms, WALL_NONE.ms);
	cr_assert_eq(b.jobs, -1);
	cr_assert_text(b.url, "https://travis-ci.org/ihab/demo/builds/11127910");
	cr_assert(travis_payload_is_from(&b, "travis-ci.org"));
	build_release(&b);
}

Test(payload, of_2016_is_read)
{
	struct build b;

	read_text(of_2016, &b);
	cr_assert_eq(b.state, BUILD_FAILED);
	cr_assert_eq(b.cause, BUILD_PULL_REQUEST);
	cr_assert_eq(b.pull_request, 11);
	cr_assert_text(b.number, "18");
	build_release(&b);
}

Test(payload, order_and_unknown_members_do_not_matter)
{
	struct build b, turned;
	CLEANUP(buf_release) struct buf text, one, two;
	const char *why;

	buf_init(&text, 65536);
	buf_init(&one, 65536);
	buf_init(&two, 65536);
	cr_assert_eq(read_with(NULL, 0, &b), ERR_OK);
	for (size_t i = ARRAY_SIZE(today); i-- > 0;)
		cr_assert_eq(buf_addf(&text, "%s\"%s\":%s,\"new_%zu\":[{\"id\":%zu}]",
				     text.len == 0 ? "{" : ",", today[i].name, today[i].json, i, i),
			ERR_OK);
	cr_assert_eq(buf_add_str(&text, "}"), ERR_OK);
	build_init(&turned);
	cr_assert_eq(travis_payload_read(buf_span(&text), &nobody, &turned, &why), ERR_OK);
	cr_assert_eq(build_write(&b, &one), ERR_OK);
	cr_assert_eq(build_write(&turned, &two), ERR_OK);
	cr_assert_str_eq(one.data, two.data);
	build_release(&b);
	build_release(&turned);
}

Test(payload, names_are_known_by_what_they_mean)
{
	struct build b;

	cr_assert_eq(READ(&b, { "state", NULL }, { "st\\u0061te", "\"failed\"" }), ERR_OK);
	cr_assert_eq(b.state, BUILD_FAILED);
	build_release(&b);
	cr_assert_member("st\\u0061te", "\"failed\"", ERR_PARSE);
}

Test(payload, must_say_which_build_of_which_repository)
{
	static const struct member bad[] = { { "id", NULL }, { "id", "0" }, { "id", "-1" },
		{ "id", "null" }, { "id", "\"277713381\"" }, { "id", "1.5" },
		{ "id", "9223372036854775808" }, { "id", "[1]" }, { "repository", NULL },
		{ "repository", "null" }, { "repository", "[]" }, { "repository", "\"acme/x\"" },
		{ "repository", "{}" }, { "repository", "{\"name\":\"x\",\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":0,\"name\":\"x\",\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":-4,\"name\":\"x\",\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":\"4\",\"name\":\"x\",\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":4,\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":4,\"name\":\"x\"}" },
		{ "repository", "{\"id\":4,\"name\":null,\"owner_name\":\"y\"}" },
		{ "repository", "{\"id\":4,\"name\":\"x\",\"owner_name\":true}" },
		{ "repository", "{\"id\":4,\"name\":\"\",\"owner_name\":\"y\"}" },
		{ "build_url", NULL }, { "build_url", "null" }, { "build_url", "\"\"" },
		{ "build_url", "{}" }, { "number", "[5]" }, { "number", "true" } };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_member(bad[i].name, bad[i].json, ERR_PARSE);
}

static enum err read_repository(const char *owner, const char *name)
{
	CLEANUP(buf_release) struct buf json;
	struct build b;
	enum err e;

	buf_init(&json, 4096);
	cr_assert_eq(
		buf_addf(&json, "{\"id\":4,\"owner_name\":\"%s\",\"name\":\"%s\"}", owner, name),
		ERR_OK);
	e = READ(&b, { "repository", json.data });
	build_release(&b);
	return e;
}

Test(payload, takes_proper_repository_names_only)
{
	static const char *const names[] = { "a", "A-b_c.d", ".github", "-", "x..y", "0" };
	static const char *const groups[] = { "acme/platform", "a/b/c/d" };
	static const char *const bad[] = { ".", "..", "a b", "a%2Fb", "a\\\\b", "a?b", "a#b", "a:b",
		"a\\u0000", "a\\nb", "\xc3\xa4", "a@b", "a\\\"b", "<a>", "a\\u202eb" };
	static const char *const bad_groups[] = { "/", "/a", "a/", "a//b", "a/../b", "a/./b",
		"../a" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cr_assert_eq(read_repository(names[i], "x"), ERR_OK, "%s", names[i]);
		cr_assert_eq(read_repository("x", names[i]), ERR_OK, "%s", names[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		cr_assert_eq(read_repository(groups[i], "x"), ERR_OK, "%s", groups[i]);
		cr_assert_eq(read_repository("x", groups[i]), ERR_PARSE, "%s", groups[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_assert_eq(read_repository(bad[i], "x"), ERR_PARSE, "%s", bad[i]);
		cr_assert_eq(read_repository("x", bad[i]), ERR_PARSE, "%s", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_groups); i++)
		cr_assert_eq(read_repository(bad_groups[i], "x"), ERR_PARSE, "%s", bad_groups[i]);
}

/* A string of n letters, in quotes. */
static void letters(struct buf *out, size_t n)
{
	buf_init(out, n + 3);
	cr_assert_not_null(buf_room(out, n + 2));
	memset(out->data, 'a', n + 2);
	out->data[0] = '"';
	out->data[n + 1] = '"';
	out->data[n + 2] = '\0';
	out->len = n + 2;
}

Test(payload, bounds_what_identifies_and_leaves_out_what_does_not)
{
	static const struct {
		const char *name;
		size_t max;
		enum err over;
	} cases[] = { { "branch", 1024, ERR_PARSE }, { "tag", 1024, ERR_PARSE },
		{ "commit", 128, ERR_PARSE }, { "head_commit", 128, ERR_PARSE },
		{ "base_commit", 128, ERR_PARSE }, { "number", 32, ERR_PARSE },
		{ "status_message", 64, ERR_OK }, { "compare_url", 2048, ERR_OK },
		{ "message", 100000, ERR_OK } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_release) struct buf fits, over;

		letters(&fits, cases[i].max);
		letters(&over, cases[i].max + 1);
		cr_assert_member(cases[i].name, fits.data, ERR_OK);
		cr_assert_member(cases[i].name, over.data, cases[i].over);
	}
}

Test(payload, refuses_control_characters_in_what_identifies)
{
	static const char *const names[] = { "branch", "tag", "commit", "build_url", "number" };
	static const char *const bad[] = { "\"a\\nb\"", "\"a\\u001bb\"", "\"\\u007f\"", "\"\\t\"" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			cr_assert_member(names[i], bad[j], ERR_PARSE);
	}
}

Test(payload, takes_rfc_3339_times_or_none)
{
	static const char *const fields[] = { "started_at", "finished_at" };
	static const char *const bad[] = { "\"\"", "\"yesterday\"", "1773829689", "true",
		"\"2026-02-30T00:00:00Z\"", "[]", "\"2026-03-18 10:28:09 UTC\"" };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		cr_assert_member(fields[i], "null", ERR_OK);
		cr_assert_member(fields[i], NULL, ERR_OK);
		cr_assert_member(fields[i], "\"2026-03-18T12:28:09+02:00\"", ERR_OK);
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			cr_assert_member(fields[i], bad[j], ERR_PARSE);
	}
}

Test(payload, an_unknown_type_is_a_push)
{
	struct build b;

	cr_assert_eq(READ(&b, { "type", "\"merge_group\"" }), ERR_OK);
	cr_assert_eq(b.cause, BUILD_PUSH);
	build_release(&b);
	cr_assert_eq(READ(&b, { "type", "\"cron\"" }), ERR_OK);
	cr_assert_eq(b.cause, BUILD_CRON);
	build_release(&b);
	cr_assert_eq(READ(&b, { "type", "\"api\"" }), ERR_OK);
	cr_assert_eq(b.cause, BUILD_API);
	build_release(&b);
}

static void cr_assert_subject(const char *json, const char *want)
{
	struct build b;

	cr_assert_eq(READ(&b, { "message", json }), ERR_OK, "%s", json);
	cr_assert_text(b.subject, want);
	cr_assert(utf8_is_valid(b.subject));
	build_release(&b);
}

Test(payload, subject_is_the_first_line_of_the_message)
{
	cr_assert_subject("null", "");
	cr_assert_subject(NULL, "");
	cr_assert_subject("\"\"", "");
	cr_assert_subject("\"one line\"", "one line");
	cr_assert_subject("\"first\\nsecond\"", "first");
	cr_assert_subject("\"first\\r\\nsecond\"", "first");
	cr_assert_subject("\"first\\u000asecond\"", "first");
	cr_assert_subject("\"\\nsecond\"", "");
	cr_assert_subject("\"a\\tb\\u001b[31mc\\u007f\"", "a b [31mc ");
	cr_assert_subject("\"\\ud83d\\ude00 \xc3\xa4 \\u003c\\u2028\"",
		"\xf0\x9f\x98\x80 \xc3\xa4 <\xe2\x80\xa8");
	cr_assert_subject("{\"a\":1}", "");
}

Test(payload, subject_is_cut_between_characters)
{
	static const char *const characters[] = { "a", "\xc3\xa4", "\xe6\x97\xa5",
		"\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\\n", "\\u00e4" };

	for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
		for (size_t before = 0; before < 5; before++) {
			CLEANUP(buf_release) struct buf json;
			struct build b;

			buf_init(&json, 8192);
			cr_assert_eq(buf_addf(&json, "\"%.*s", (int)before, "xxxxx"), ERR_OK);
			for (int j = 0; j < 300; j++)
				cr_assert_eq(buf_add_str(&json, characters[i]), ERR_OK);
			cr_assert_eq(buf_add_str(&json, "\""), ERR_OK);
			cr_assert_eq(READ(&b, { "message", json.data }), ERR_OK);
			cr_assert_leq(b.subject.n, 200);
			cr_assert(utf8_is_valid(b.subject));
			if (strcmp(characters[i], "\\n") != 0)
				cr_assert_gt(b.subject.n, 196);
			build_release(&b);
		}
	}
}

Test(payload, compare_url_is_a_web_address_or_nothing)
{
	static const char *const kept[] = { "https://github.com/a/b/compare/x...y",
		"http://git.example.org/a/b", "HTTPS://x/" };
	static const char *const left[] = { "javascript:alert(1)", "//x/y", "ftp://x/", "x",
		"data:text/html,x", "https:/x" };

	for (size_t i = 0; i < ARRAY_SIZE(kept) + ARRAY_SIZE(left); i++) {
		bool keep = i < ARRAY_SIZE(kept);
		const char *url = keep ? kept[i] : left[i - ARRAY_SIZE(kept)];
		CLEANUP(buf_release) struct buf json;
		struct build b;

		buf_init(&json, 200);
		cr_assert_eq(buf_addf(&json, "\"%s\"", url), ERR_OK);
		cr_assert_eq(READ(&b, { "compare_url", json.data }), ERR_OK);
		cr_assert_text(b.compare_url, keep ? url : "");
		build_release(&b);
	}
}

Test(payload, what_only_informs_may_be_odd)
{
	struct build b;

	cr_assert_eq(READ(&b, { "duration", "-3" }, { "matrix", "null" }, { "status", "\"0\"" },
			     { "pull_request_number", "\"\"" }, { "status_message", "7.5" },
			     { "compare_url", "false" }, { "commit", "null" }, { "config", "[]" }),
		ERR_OK);
	cr_assert_eq(b.duration_s, -1);
	cr_assert_text(b.compare_url, "");
	build_release(&b);
}

Test(payload, passes_the_gate_first)
{
	static const struct {
		const char *text;
		enum err want;
	} cases[] = { { "", ERR_PARSE }, { "{", ERR_PARSE }, { "[]", ERR_PARSE },
		{ "1", ERR_PARSE }, { "{\"id\":1,\"id\":2}", ERR_PARSE },
		{ "{\"id\":NaN}", ERR_PARSE }, { "\xef\xbb\xbf{}", ERR_PARSE },
		{ "{\"branch\":\"\xff\"}", ERR_PARSE },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ERR_LIMIT } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = NULL;
		struct build b;

		build_init(&b);
		cr_assert_eq(travis_payload_read(span_of(cases[i].text), &nobody, &b, &why),
			cases[i].want, "%s", cases[i].text);
		cr_assert_not_null(why);
		build_release(&b);
	}
}

Test(payload, of_200_jobs_is_read)
{
	CLEANUP(buf_release) struct buf jobs;
	struct build b;

	buf_init(&jobs, 1 << 20);
	for (int i = 0; i < 200; i++) {
		cr_assert_eq(buf_addf(&jobs, "%s{\"id\":%d,\"config\":{", i == 0 ? "[" : ",", i),
			ERR_OK);
		for (int j = 0; j < 60; j++)
			cr_assert_eq(buf_addf(&jobs, "\"option_%d\":[%d],", j, j), ERR_OK);
		cr_assert_eq(buf_add_str(&jobs, "\"os\":\"linux\"}}"), ERR_OK);
	}
	cr_assert_eq(buf_add_str(&jobs, "]"), ERR_OK);
	cr_assert_eq(READ(&b, { "matrix", jobs.data }), ERR_OK);
	cr_assert_eq(b.jobs, 200);
	build_release(&b);
}

Test(payload, is_from_the_host_of_its_url_and_no_other)
{
	static const struct {
		const char *url, *host;
		bool want;
	} cases[] = {
		{ "https://app.travis-ci.com/a/b/builds/1", "app.travis-ci.com", true },
		{ "https://APP.Travis-CI.com/a/b/builds/1", "app.travis-ci.com", true },
		{ "https://app.travis-ci.com/a/b/builds/1", "App.Travis-CI.Com", true },
		{ "http://ci.example.org/a/b/builds/1", "ci.example.org", true },
		{ "HTTPS://app.travis-ci.com/a", "app.travis-ci.com", true },
		{ "https://ci.example.org:8443/a/b", "ci.example.org:8443", true },
		{ "https://ci.example.org:8443/a/b", "ci.example.org", false },
		{ "https://ci.example.org/a/b", "ci.example.org:8443", false },
		{ "https://app.travis-ci.com:443/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com?/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com#/a", "app.travis-ci.com", false },
		{ "https://travis-ci.com/a/b", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com.evil.example/a", "app.travis-ci.com", false },
		{ "https://evil.example/app.travis-ci.com/", "app.travis-ci.com", false },
		{ "https://user@app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com@evil.example/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com:x@evil.example/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com\\\\@evil.example/a", "app.travis-ci.com", false },
		{ "https://app.travis-ci.com./a", "app.travis-ci.com", false },
		{ "https:///app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "https:app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "//app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "ftp://app.travis-ci.com/a", "app.travis-ci.com", false },
		{ " https://app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "app.travis-ci.com/a", "app.travis-ci.com", false },
		{ "https://app%2Etravis-ci.com/a", "app.travis-ci.com", false },
		{ "https:///a", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_release) struct buf json;
		struct build b;

		buf_init(&json, 200);
		cr_assert_eq(buf_addf(&json, "\"%s\"", cases[i].url), ERR_OK);
		cr_assert_eq(READ(&b, { "build_url", json.data }), ERR_OK);
		cr_assert_eq(travis_payload_is_from(&b, cases[i].host), cases[i].want, "%s",
			cases[i].url);
		build_release(&b);
	}
}

/* What the file names of the samples promise. */
static const struct {
	const char *part;
	enum build_state state;
	enum build_cause cause;
} promises[] = {
	{ "2012-11_push_passed", BUILD_PASSED, BUILD_PUSH },
	{ "2013-09_push_pending", BUILD_STARTED, BUILD_PUSH },
	{ "2016-11_push_passed", BUILD_PASSED, BUILD_PUSH },
	{ "2017-10_cron_passed", BUILD_PASSED, BUILD_CRON },
	{ "2017-10_pull-request_passed", BUILD_PASSED, BUILD_PULL_REQUEST },
	{ "2020-05_pull-request_started", BUILD_STARTED, BUILD_PULL_REQUEST },
	{ "2026-03_api_started", BUILD_STARTED, BUILD_API },
	{ "2026-03_push_started", BUILD_STARTED, BUILD_PUSH },
};

static void cr_assert_sample(const char *path)
{
	CLEANUP(buf_release) struct buf text;
	const char *why = "";
	bool promised = false;
	struct build b;

	buf_init(&text, 1 << 20);
	build_init(&b);
	cr_assert_eq(file_read(path, &text), ERR_OK);
	cr_assert_eq(travis_payload_read(buf_span(&text), &nobody, &b, &why), ERR_OK, "%s: %s",
		path, why);
	cr_assert(travis_payload_is_from(&b, "travis-ci.org") ||
			  travis_payload_is_from(&b, "app.travis-ci.com"),
		"%s", path);
	cr_assert_gt(b.branch.n, 0);
	cr_assert_gt(b.commit.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		if (strstr(path, promises[i].part) == NULL)
			continue;
		promised = true;
		cr_assert_eq(b.state, promises[i].state, "%s", path);
		cr_assert_eq(b.cause, promises[i].cause, "%s", path);
		cr_assert_eq(b.pull_request > 0, b.cause == BUILD_PULL_REQUEST, "%s", path);
	}
	cr_assert(promised, "nothing is promised of %s", path);
	build_release(&b);
}

Test(payload, of_every_genuine_sample_is_read)
{
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/../shared/fixtures/travis/samples/*.json",
		getenv("top_srcdir") == NULL ? "." : getenv("top_srcdir"));
	if (glob(pattern, 0, NULL, &found) != 0)
		cr_skip_test("no samples beside the source");
	for (size_t i = 0; i < found.gl_pathc; i++)
		cr_assert_sample(found.gl_pathv[i]);
	globfree(&found);
}

static void read_author(const char *email, struct build *b)
{
	static const uint8_t seed[PSEUDONYM_SEED_BYTES] = { 1 };
	CLEANUP(buf_release) struct buf text;
	struct travis_author_rules author = { .host = SPAN("github.com") };
	struct pseudonym_key *key;
	const char *why = NULL;

	cr_assert_eq(crypto_init(), ERR_OK);
	key = pseudonym_key_new(seed);
	author.names = key;
	compose(&text, (const struct member[]){ { "author_email", email } }, 1);
	build_init(b);
	cr_assert_eq(travis_payload_read(buf_span(&text), &author, b, &why), ERR_OK, "%s", why);
	pseudonym_key_free(key);
}

Test(payload, keeps_of_the_author_digests_only)
{
	CLEANUP(buf_release) struct buf json;
	struct build b, back;

	buf_init(&json, 1 << 16);
	read_author("\"583231+octocat@users.noreply.github.com\"", &b);
	cr_assert_eq(b.author_mail.n, PSEUDONYM_MAX - 1);
	cr_assert_eq(b.author_login.n, PSEUDONYM_MAX - 1);
	cr_assert_eq(build_write(&b, &json), ERR_OK);
	cr_expect_null(strstr(json.data, "octocat"));
	cr_expect_null(strchr(json.data, '@'));
	build_init(&back);
	cr_assert_eq(build_read(buf_span(&json), &back), ERR_OK);
	cr_expect(span_eq(back.author_mail, b.author_mail));
	cr_expect(span_eq(back.author_login, b.author_login));
	build_release(&b);
	build_release(&back);
	read_author("\"ada@example.com\"", &b);
	cr_expect_eq(b.author_mail.n, PSEUDONYM_MAX - 1);
	cr_expect_eq(b.author_login.n, 0);
	build_release(&b);
}

Test(payload, without_a_usable_author_has_none)
{
	static const char *const odd[] = { "null", "\"\"", "\"nobody\"", "7", "[\"a@b\"]", "{}",
		"\"a b@c\"" };

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct build b;

		read_author(odd[i], &b);
		cr_expect_eq(b.author_mail.n + b.author_login.n, 0, "%s", odd[i]);
		build_release(&b);
	}
}
