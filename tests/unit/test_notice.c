/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "backstage/notice.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "io/crypto.h"
#include "model/catalog.h"

#define TEXT_MAX (64 * 1024)

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(notice, .init = setup);

static struct cloudevent_facts facts(const char *outcome, const char *transition)
{
	return (struct cloudevent_facts){
		.outcome = span_of(outcome),
		.transition = span_of(transition),
		.host = SPAN("app.travis-ci.com"),
		.repository_id = 42,
		.repository = SPAN("acme/parcel-api"),
		.number = SPAN("417"),
		.branch = SPAN("main"),
		.build_subject = SPAN("Round \"customs\" fees"),
		.commit = SPAN("62aae5f70ceee39123ef"),
		.url = SPAN("https://app.travis-ci.com/acme/parcel-api/builds/9"),
		.pull_request = -1,
		.duration_s = 125,
		.entity[0] = SPAN("component:default/parcel-api"),
		.entities = 1,
	};
}

static enum err write_one(const struct cloudevent_facts *f, const char *topic, struct buf *out)
{
	const struct notice n = { .newest = f, .topic = topic };

	return notice_write(&n, out);
}

static size_t characters(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* The text of payload's member, "" if it is not there. */
static const char *payload_text(const struct buf *body, const char *name, struct buf *out)
{
	struct json_value v;

	buf_clear(out);
	cr_assert(json_get(json_root(buf_span(body)), "payload", &v));
	IGNORE(json_get(v, name, &v));
	IGNORE(json_string(v, out) != ERR_OK);
	return out->data;
}

Test(notice, title_and_severity_follow_outcome_and_transition)
{
	static const struct {
		const char *outcome, *transition, *title, *severity;
	} row[] = {
		{ "queued", "none", "acme/parcel-api: main build 417 is queued", "low" },
		{ "started", "none", "acme/parcel-api: main build 417 started", "low" },
		{ "success", "none", "acme/parcel-api: main build 417 passed", "low" },
		{ "success", "fixed", "acme/parcel-api: main is fixed (build 417 passed)",
			"normal" },
		{ "failure", "none", "acme/parcel-api: main build 417 failed", "high" },
		{ "failure", "broken", "acme/parcel-api: main is broken (build 417 failed)",
			"high" },
		{ "failure", "still_failing",
			"acme/parcel-api: main is still failing (build 417 failed)", "normal" },
		{ "error", "none", "acme/parcel-api: main build 417 errored", "high" },
		{ "error", "broken", "acme/parcel-api: main is broken (build 417 errored)",
			"high" },
		{ "error", "still_failing",
			"acme/parcel-api: main is still failing (build 417 errored)", "normal" },
		{ "cancel", "none", "acme/parcel-api: main build 417 was canceled", "low" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(buf_release) struct buf title;
		struct cloudevent_facts f = facts(row[i].outcome, row[i].transition);

		buf_init(&title, TEXT_MAX);
		cr_assert_eq(notice_title(&f, &title), ERR_OK);
		cr_expect_str_eq(title.data, row[i].title);
		cr_expect_str_eq(notice_severity(&f), row[i].severity, "%s", row[i].title);
	}
}

Test(notice, names_a_tag_a_pull_request_and_a_build_without_number)
{
	CLEANUP(buf_release) struct buf title;
	struct cloudevent_facts f = facts("success", "none");

	buf_init(&title, TEXT_MAX);
	f.tag = SPAN("v1.2");
	cr_assert_eq(notice_title(&f, &title), ERR_OK);
	cr_assert_str_eq(title.data, "acme/parcel-api: tag v1.2 build 417 passed");
	f.pull_request = 12;
	buf_clear(&title);
	cr_assert_eq(notice_title(&f, &title), ERR_OK);
	cr_assert_str_eq(title.data, "acme/parcel-api: pull request 12 build 417 passed");
	f.number = (struct span){ NULL, 0 };
	buf_clear(&title);
	cr_assert_eq(notice_title(&f, &title), ERR_OK);
	cr_assert_str_eq(title.data, "acme/parcel-api: pull request 12 build passed");
}

Test(notice, a_long_title_is_cut_between_characters_at_255)
{
	CLEANUP(buf_release) struct buf branch, title;
	struct cloudevent_facts f = facts("success", "none");

	buf_init(&branch, TEXT_MAX);
	buf_init(&title, TEXT_MAX);
	while (characters(buf_span(&branch)) < 300)
		cr_assert_eq(buf_add_str(&branch, "\xf0\x9f\x93\xa6\xc3\xa9"), ERR_OK);
	f.branch = buf_span(&branch);
	cr_assert_eq(notice_title(&f, &title), ERR_OK);
	cr_assert_eq(characters(buf_span(&title)), 255);
	cr_assert(utf8_is_valid(buf_span(&title)));
	cr_assert_str_eq(title.data + title.len - 3, "\xe2\x80\xa6");
}

Test(notice, a_title_of_exactly_255_characters_stays_whole)
{
	CLEANUP(buf_release) struct buf title;
	char branch[256];
	struct cloudevent_facts f = facts("success", "none");
	size_t rest = strlen("acme/parcel-api:  build 417 passed");

	buf_init(&title, TEXT_MAX);
	memset(branch, 'b', sizeof(branch));
	f.branch = (struct span){ branch, 255 - rest };
	cr_assert_eq(notice_title(&f, &title), ERR_OK);
	cr_assert_eq(title.len, 255);
	cr_assert_str_eq(title.data + 255 - 6, "passed");
}

static void scope_of(const struct cloudevent_facts *f, struct buf *scope)
{
	buf_init(scope, TEXT_MAX);
	cr_assert_eq(notice_scope(f, scope), ERR_OK);
	cr_assert_leq(scope->len, NOTICE_COLUMN_MAX);
}

Test(notice, scope_is_that_of_the_line_of_history_and_nothing_else)
{
	CLEANUP(buf_release) struct buf broken, fixed, other_repository, other_host, tag, pull;
	struct cloudevent_facts f = facts("failure", "broken");

	scope_of(&f, &broken);
	f = facts("success", "fixed");
	f.number = SPAN("418");
	f.repository = SPAN("acme/renamed");
	f.entity[0] = SPAN("component:default/other");
	scope_of(&f, &fixed);
	cr_assert_str_eq(broken.data, fixed.data);
	f.repository_id = 43;
	scope_of(&f, &other_repository);
	cr_assert_str_neq(broken.data, other_repository.data);
	f = facts("success", "fixed");
	f.host = SPAN("travis.example.com");
	scope_of(&f, &other_host);
	cr_assert_str_neq(broken.data, other_host.data);
	f = facts("success", "fixed");
	f.tag = SPAN("main");
	scope_of(&f, &tag);
	cr_assert_str_neq(broken.data, tag.data);
	f.pull_request = 7;
	scope_of(&f, &pull);
	cr_assert_str_neq(tag.data, pull.data);
}

Test(notice, a_long_scope_is_a_digest_that_still_tells_lines_apart)
{
	CLEANUP(buf_release) struct buf one, same, two;
	char branch[400];
	struct cloudevent_facts f = facts("failure", "broken");

	memset(branch, 'b', sizeof(branch));
	f.branch = (struct span){ branch, sizeof(branch) };
	scope_of(&f, &one);
	scope_of(&f, &same);
	cr_assert_str_eq(one.data, same.data);
	branch[sizeof(branch) - 1] = 'c';
	scope_of(&f, &two);
	cr_assert_str_neq(one.data, two.data);
}

Test(notice, writes_what_the_notifications_api_takes)
{
	CLEANUP(buf_release) struct buf body, text;
	struct cloudevent_facts f = facts("failure", "broken");
	struct json_value refs;
	struct json_iter it;

	buf_init(&body, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	f.entity[f.entities++] = SPAN("component:default/parcel-ui");
	cr_assert_eq(write_one(&f, "travis-ci", &body), ERR_OK);
	cr_assert_eq(json_gate(buf_span(&body), NULL, NULL), ERR_OK);
	cr_assert(json_get(json_root(buf_span(&body)), "recipients", &refs));
	cr_assert(json_get(refs, "entityRef", &refs));
	it = json_iter(refs);
	for (size_t i = 0; i < f.entities; i++) {
		struct json_value ref;

		buf_clear(&text);
		cr_assert(json_next_element(&it, &ref));
		cr_assert_eq(json_string(ref, &text), ERR_OK);
		cr_assert(span_eq(buf_span(&text), f.entity[i]));
	}
	cr_assert_str_eq(payload_text(&body, "topic", &text), "travis-ci");
	cr_assert_str_eq(payload_text(&body, "severity", &text), "high");
	cr_assert_str_eq(payload_text(&body, "title", &text),
		"acme/parcel-api: main is broken (build 417 failed)");
	cr_assert_str_eq(payload_text(&body, "description", &text),
		"Round \"customs\" fees \xc2\xb7 62aae5f \xc2\xb7 2 min 5 s of jobs");
	cr_assert_str_eq(payload_text(&body, "link", &text),
		"https://app.travis-ci.com/acme/parcel-api/builds/9");
	cr_assert_str_not_empty(payload_text(&body, "scope", &text));
}

Test(notice, links_to_the_web_only)
{
	static const char *const bad[] = { "", "javascript:alert(1)", "//evil.example/",
		"ftp://host/", "HTTPS://host/" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_release) struct buf body, text;
		struct cloudevent_facts f = facts("success", "none");

		buf_init(&body, TEXT_MAX);
		buf_init(&text, TEXT_MAX);
		f.url = span_of(bad[i]);
		cr_assert_eq(write_one(&f, "t", &body), ERR_OK);
		cr_expect_str_empty(payload_text(&body, "link", &text), "%s", bad[i]);
	}
}

Test(notice, a_body_over_its_ceiling_is_refused_here_and_not_by_backstage)
{
	CLEANUP(buf_release) struct buf body;
	struct cloudevent_facts f = facts("success", "none");

	buf_init(&body, 100);
	cr_assert_eq(write_one(&f, "t", &body), ERR_LIMIT);
}

/* --- several events in one --- */

/* An event as stored, of a build of acme/parcel-api. */
static struct span an_event(
	int number, enum build_state state, const char *branch, const char *ref, struct buf *out)
{
	const struct entity e = { .ref = span_of(ref) };
	char text[16];
	struct build b;
	struct cloudevent ce = {
		.build = &b,
		.attempt = 1,
		.source_name = "travis",
		.entity = &e,
		.entities = 1,
	};

	build_init(&b);
	snprintf(text, sizeof(text), "%d", number);
	b.host = SPAN("app.travis-ci.com");
	b.id = number;
	b.repository_id = 42;
	b.number = span_of(text);
	b.state = state;
	b.owner = SPAN("acme");
	b.name = SPAN("parcel-api");
	b.branch = span_of(branch);
	buf_init(out, TEXT_MAX);
	cr_assert_eq(cloudevent_write(&ce, out), ERR_OK);
	return buf_span(out);
}

static const char operator_event[] =
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/stagewire\","
	"\"type\":\"dev.stagewire.operator.sink.tripped\",\"data\":{\"message\":"
	"\"Sink bus is failing\",\"sink\":\"bus\"}}";

/* The body for the newest of n events, told to two operators. */
static void write_several(const struct span *event, size_t n, struct buf *body)
{
	static const char *const operators[] = { "group:default/ops", "user:default/ada", NULL };
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	const struct notice notice = {
		.newest = &f,
		.earlier = event,
		.earlier_n = n - 1,
		.topic = "t",
		.recipients = operators,
	};

	buf_init(body, 100 * 1000);
	cr_assert_eq(cloudevent_read(event[n - 1], &f), ERR_OK);
	cr_assert_eq(notice_write(&notice, body), ERR_OK);
	cr_assert_eq(json_gate(buf_span(body), NULL, NULL), ERR_OK);
}

Test(notice, tells_of_several_builds_at_once)
{
	CLEANUP(buf_release) struct buf one, two, three, body, text;
	struct span event[] = {
		an_event(1, BUILD_PASSED, "main", "component:default/a", &one),
		an_event(2, BUILD_FAILED, "dev", "component:default/b", &two),
		an_event(3, BUILD_PASSED, "main", "component:default/a", &three),
	};

	buf_init(&text, TEXT_MAX);
	write_several(event, 3, &body);
	cr_expect_str_eq(
		payload_text(&body, "title", &text), "acme/parcel-api: main build 3 passed");
	cr_expect_str_eq(payload_text(&body, "description", &text),
		"2 earlier builds:\n"
		"\xe2\x80\xa2 acme/parcel-api: dev build 2 failed\n"
		"\xe2\x80\xa2 acme/parcel-api: main build 1 passed");
	cr_expect_str_eq(payload_text(&body, "severity", &text), "high");
	cr_expect_str_eq(
		payload_text(&body, "scope", &text), "stagewire:app.travis-ci.com/42:main");
	cr_expect_not_null(strstr(
		body.data, "\"entityRef\":[\"component:default/a\",\"component:default/b\"]"));
}

Test(notice, is_as_grave_as_the_gravest)
{
	CLEANUP(buf_release) struct buf failed, fixed, body, text;
	struct span event[] = {
		an_event(1, BUILD_FAILED, "main", "component:default/a", &failed),
		an_event(2, BUILD_PASSED, "main", "component:default/a", &fixed),
	};
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	const struct notice n = { .newest = &f, .earlier = event, .earlier_n = 1, .topic = "t" };

	buf_init(&body, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	cr_assert_eq(cloudevent_read(event[1], &f), ERR_OK);
	f.transition = SPAN("fixed");
	cr_expect_str_eq(notice_severity(&f), "normal");
	cr_assert_eq(notice_write(&n, &body), ERR_OK);
	cr_expect_str_eq(payload_text(&body, "severity", &text), "high");
}

Test(notice, good_news_for_operators_is_less_grave_than_bad)
{
	struct cloudevent_facts f = { .message = SPAN("m") };

	f.type = SPAN("dev.stagewire.operator.sink.recovered");
	cr_expect_str_eq(notice_severity(&f), "normal");
	f.type = SPAN("dev.stagewire.operator.sink.disabled");
	cr_expect_str_eq(notice_severity(&f), "high");
	f.type = SPAN("dev.stagewire.operator.audit.new");
	cr_expect_str_eq(notice_severity(&f), "high");
}

Test(notice, lists_a_screenful_of_a_storm_and_counts_the_rest)
{
	static struct buf text_of[500];
	static struct span event[500];
	CLEANUP(buf_release) struct buf body, text;
	char branch[256];
	size_t lines = 0;

	memset(branch, '"', sizeof(branch));
	branch[sizeof(branch) - 1] = '\0';
	for (int i = 0; i < 500; i++)
		event[i] = an_event(i, BUILD_FAILED, branch, "component:default/a", &text_of[i]);
	buf_init(&text, TEXT_MAX);
	write_several(event, 500, &body);
	payload_text(&body, "description", &text);
	for (const char *p = text.data; (p = strstr(p, "\n\xe2\x80\xa2 ")) != NULL; p++)
		lines++;
	cr_expect_eq(lines, 20);
	cr_expect_not_null(strstr(text.data, "499 earlier builds:"));
	cr_expect_not_null(strstr(text.data, "\n\xe2\x80\xa6 and 479 more"));
	for (int i = 0; i < 500; i++)
		buf_release(&text_of[i]);
}

Test(notice, an_earlier_event_that_cannot_be_read_is_not_passed_over)
{
	CLEANUP(buf_release) struct buf body;
	struct cloudevent_facts f = facts("success", "none");
	struct span bad = SPAN("{}");
	const struct notice n = { .newest = &f, .earlier = &bad, .earlier_n = 1, .topic = "t" };

	buf_init(&body, TEXT_MAX);
	cr_assert_eq(notice_write(&n, &body), ERR_PARSE);
}

Test(notice, operator_events_go_to_the_operators)
{
	CLEANUP(buf_release) struct buf body, text;
	struct span event = span_of(operator_event);

	buf_init(&text, TEXT_MAX);
	write_several(&event, 1, &body);
	cr_expect_str_eq(payload_text(&body, "title", &text), "Sink bus is failing");
	cr_expect_str_eq(payload_text(&body, "scope", &text), "stagewire:operator:bus");
	cr_expect_str_eq(payload_text(&body, "severity", &text), "high");
	cr_expect_str_empty(payload_text(&body, "description", &text));
	cr_expect_not_null(
		strstr(body.data, "\"entityRef\":[\"group:default/ops\",\"user:default/ada\"]"));
}

Test(notice, without_operators_an_operator_event_has_nobody_to_go_to)
{
	CLEANUP(buf_release) struct buf body;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;

	buf_init(&body, TEXT_MAX);
	cr_assert_eq(cloudevent_read(span_of(operator_event), &f), ERR_OK);
	cr_assert_eq(write_one(&f, "t", &body), ERR_NOTFOUND);
}

/* The refs that a notification of this event to this sink is for, joined. */
static void recipients_of(const struct cloudevent_facts *f, const char *sink, struct buf *out)
{
	const struct notice n = { .newest = f, .topic = "t", .sink = sink };
	CLEANUP(buf_release) struct buf body;
	struct json_value v;
	struct json_iter it;

	buf_init(&body, 1 << 20);
	buf_clear(out);
	IGNORE(buf_add_str(out, "") != ERR_OK);
	if (notice_write(&n, &body) == ERR_NOTFOUND)
		return;
	cr_assert(json_get(json_root(buf_span(&body)), "recipients", &v) &&
		  json_get(v, "entityRef", &v));
	it = json_iter(v);
	while (json_next_element(&it, &v))
		cr_assert_eq(buf_addf(out, "%.*s ", SPAN_ARGS(v.text)), ERR_OK);
}

Test(notice, goes_to_whom_the_event_addresses_at_this_sink)
{
	struct cloudevent_facts f = facts("failure", "broken");
	CLEANUP(buf_release) struct buf to;

	buf_init(&to, 4096);
	f.author = SPAN("user:default/ada");
	f.address =
		SPAN("{\"people\":[\"author\"],\"all\":[\"owner\",\"author\"],\"odd\":[\"x\"]}");
	recipients_of(&f, "notify", &to);
	cr_expect_str_eq(to.data, "\"component:default/parcel-api\" ");
	recipients_of(&f, "people", &to);
	cr_expect_str_eq(to.data, "\"user:default/ada\" ");
	recipients_of(&f, "all", &to);
	cr_expect_str_eq(to.data, "\"component:default/parcel-api\" \"user:default/ada\" ");
	recipients_of(&f, "odd", &to);
	cr_expect_str_eq(to.data, "\"component:default/parcel-api\" ");
	f.author = SPAN("");
	recipients_of(&f, "people", &to);
	cr_expect_str_eq(to.data, "", "nobody knows who that is");
}
