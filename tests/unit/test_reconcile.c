/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/json_gate.h"
#include "model/build.h"
#include "travis/payload.h"
#include "travis/reconcile.h"

/* As Travis's API renders a build, with what varies in between. */
#define BUILD(state, times, rest)                                                                  \
	"{\"@type\":\"build\",\"@href\":\"/build/280000001\",\"id\":280000001,\"number\":\"17\","  \
	"\"state\":\"" state "\",\"duration\":271,\"previous_state\":null," times rest             \
	"\"repository\":{\"@type\":\"repository\",\"id\":7,\"name\":\"parcel-api\","               \
	"\"slug\":\"acme/parcel-api\"},\"branch\":{\"@type\":\"branch\",\"name\":\"main\"},"       \
	"\"commit\":{\"id\":5,\"sha\":\"8f2d6c1b\",\"message\":\"Weigh \\\"twice\\\"\\n\\nMore\"," \
	"\"compare_url\":\"https://github.com/acme/parcel-api/compare/a...b\"},"                   \
	"\"jobs\":[{\"id\":1},{\"id\":2}]}"

#define RAN  "\"started_at\":\"2026-11-20T10:00:00Z\",\"finished_at\":\"2026-11-20T10:04:31Z\","
#define PUSH "\"event_type\":\"push\",\"pull_request_number\":null,\"tag\":null,"

static struct json_value gated(const char *json)
{
	cr_assert_eq(json_gate(span_of(json), NULL, NULL), ERR_OK, "%s", json);
	return json_root(span_of(json));
}

/* What the build would be if a webhook had told it. */
static enum err read_build(const char *json, struct build *b, struct buf *payload)
{
	const struct travis_author_rules author = { NULL, { NULL, 0 } };
	const char *why = NULL;
	struct travis_found f;
	enum err e = travis_found_read(gated(json), &f);

	build_init(b);
	buf_init(payload, 65536);
	if (e == ERR_OK)
		e = travis_found_payload(&f, "app.travis-ci.com", payload);
	return e == ERR_OK ? travis_payload_read(buf_span(payload), &author, b, &why) : e;
}

static void expect_text(struct span got, const char *want)
{
	cr_expect(span_is(got, want), "%.*s, not %s", SPAN_ARGS(got), want);
}

Test(reconcile, a_build_of_the_api_is_what_its_webhook_would_have_told)
{
	struct buf payload;
	struct build b;

	cr_assert_eq(read_build(BUILD("passed", RAN, PUSH), &b, &payload), ERR_OK);
	cr_expect_eq(b.id, 280000001);
	cr_expect_eq(b.repository_id, 7);
	cr_expect_eq(b.state, BUILD_PASSED);
	cr_expect_eq(b.cause, BUILD_PUSH);
	cr_expect_eq(b.duration_s, 271);
	cr_expect_eq(b.jobs, 2);
	cr_expect_eq(b.finished_at.ms - b.started_at.ms, 271000);
	cr_expect_eq(b.pull_request, -1);
	expect_text(b.owner, "acme");
	expect_text(b.name, "parcel-api");
	expect_text(b.number, "17");
	expect_text(b.branch, "main");
	expect_text(b.commit, "8f2d6c1b");
	expect_text(b.subject, "Weigh \"twice\"");
	expect_text(b.url, "https://app.travis-ci.com/acme/parcel-api/builds/280000001");
	expect_text(b.compare_url, "https://github.com/acme/parcel-api/compare/a...b");
	cr_expect(b.author_mail.n == 0 && b.status_message.n == 0 && b.tag.n == 0);
	build_release(&b);
	buf_release(&payload);
}

Test(reconcile, pull_requests_and_tags_are_told_apart)
{
	struct buf payload;
	struct build b;

	cr_assert_eq(
		read_build(BUILD("failed", RAN,
				   "\"event_type\":\"pull_request\",\"pull_request_number\":42,"),
			&b, &payload),
		ERR_OK);
	cr_expect_eq(b.cause, BUILD_PULL_REQUEST);
	cr_expect_eq(b.pull_request, 42);
	build_release(&b);
	buf_release(&payload);
	cr_assert_eq(read_build(BUILD("errored", RAN,
					"\"event_type\":\"push\",\"tag\":{\"name\":\"v1.0\"},"),
			     &b, &payload),
		ERR_OK);
	expect_text(b.tag, "v1.0");
	build_release(&b);
	buf_release(&payload);
}

Test(reconcile, a_build_that_was_canceled_before_it_began_has_an_end_only)
{
	struct buf payload;
	struct build b;

	cr_assert_eq(
		read_build(BUILD("canceled",
				   "\"started_at\":null,\"finished_at\":\"2026-11-20T10:04:31Z\",",
				   PUSH),
			&b, &payload),
		ERR_OK);
	cr_expect_eq(b.started_at.ms, WALL_NONE.ms);
	cr_expect_gt(b.finished_at.ms, 0);
	build_release(&b);
	buf_release(&payload);
}

Test(reconcile, tells_what_is_over_and_what_no_webhook_tells_yet)
{
	static const struct {
		const char *json;
		bool told, over;
	} row[] = {
		{ BUILD("created", "\"started_at\":null,\"finished_at\":null,", PUSH), false,
			false },
		{ BUILD("configured", "", PUSH), false, false },
		{ BUILD("started", "\"started_at\":\"2026-11-20T10:00:00Z\",", PUSH), true, false },
		{ BUILD("passed", RAN, PUSH), true, true },
		{ BUILD("canceled", RAN, PUSH), true, true },
	};
	struct travis_found f;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cr_assert_eq(travis_found_read(gated(row[i].json), &f), ERR_OK);
		cr_expect_eq(f.told, row[i].told, "%s", row[i].json);
		cr_expect_eq(f.over, row[i].over, "%s", row[i].json);
	}
}

Test(reconcile, what_is_no_build_is_refused)
{
	static const char no_time[] = "{\"id\":1,\"state\":\"passed\",\"finished_at\":\"soon\","
				      "\"repository\":{\"slug\":\"a/b\"}}";
	static const char *const row[] = { "{}", "[]", "null", "{\"id\":1}",
		"{\"id\":0,\"state\":\"passed\",\"repository\":{\"slug\":\"a/b\"}}",
		"{\"id\":1,\"state\":\"passed\",\"repository\":{}}",
		"{\"id\":1,\"repository\":{\"slug\":\"a/b\"}}", no_time };
	struct travis_found f;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(travis_found_read(gated(row[i]), &f), ERR_PARSE, "%s", row[i]);
}

Test(reconcile, what_makes_no_payload_is_refused)
{
	static const char *const row[] = {
		"{\"id\":1,\"state\":\"passed\",\"repository\":{\"slug\":\"ab\",\"id\":7}}",
		"{\"id\":1,\"state\":\"passed\",\"repository\":{\"slug\":\"a/..\",\"id\":7}}",
		"{\"id\":1,\"state\":\"passed\",\"repository\":{\"slug\":\"a/b\"}}",
		"{\"id\":1,\"state\":\"created\",\"repository\":{\"slug\":\"a/b\",\"id\":7}}",
		/* It would pass for a build of the branch that it asks to change. */
		BUILD("passed", RAN,
			"\"event_type\":\"pull_request\",\"pull_request_number\":null,"),
	};
	struct buf payload;
	struct build b;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cr_expect_eq(read_build(row[i], &b, &payload), ERR_PARSE, "%s", row[i]);
		build_release(&b);
		buf_release(&payload);
	}
}

Test(reconcile, a_page_is_asked_for_with_its_order)
{
	struct buf path;

	buf_init(&path, 1024);
	cr_assert_eq(travis_path_builds(SPAN("acme/parcel api"), 20, &path), ERR_OK);
	cr_expect_str_eq(path.data,
		"/repo/acme%2Fparcel%20api/builds?limit=25&offset=20&sort_by=finished_at:desc"
		"&skip_count=true");
	buf_release(&path);
}

Test(reconcile, a_list_is_walked)
{
	struct json_iter it;
	struct json_value v;
	size_t n = 0;

	cr_assert_eq(travis_builds_read(gated("{\"builds\":[{},{}]}"), &it), ERR_OK);
	while (json_next_element(&it, &v))
		n++;
	cr_expect_eq(n, 2);
	cr_expect_eq(travis_builds_read(gated("{\"builds\":{}}"), &it), ERR_PARSE);
	cr_expect_eq(travis_builds_read(gated("[]"), &it), ERR_PARSE);
}
