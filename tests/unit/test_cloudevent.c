/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "model/address.h"
#include "model/catalog.h"
#include "model/cloudevent.h"
#include "model/operator_event.h"

static struct build a_build(enum build_state s)
{
	struct build b;

	build_init(&b);
	b.host = SPAN("app.travis-ci.com");
	b.id = 291847563;
	b.number = SPAN("417");
	b.state = s;
	b.repository_id = 42;
	b.owner = SPAN("acme");
	b.name = SPAN("parcel-api");
	b.branch = SPAN("feature/\"quoted\"");
	b.commit = SPAN("62aae5f70ceee39123ef");
	b.subject = SPAN("Say \xc3\xa9 and \\");
	b.url = SPAN("https://app.travis-ci.com/acme/parcel-api/builds/291847563");
	b.status_message = SPAN("Broken");
	b.started_at.ms = 1795485000000;
	if (build_is_final(s))
		b.finished_at.ms = 1795485160000;
	return b;
}

static struct entity an_entity(const char *ref, const char *owner)
{
	struct entity e = { .ref = span_of(ref), .etag = SPAN("9f1c"), .owners = 1 };

	e.owner[0] = span_of(owner);
	e.system = SPAN("system:default/shipping");
	return e;
}

static enum err write(const struct build *b, const struct entity *e, size_t n, struct buf *out)
{
	struct cloudevent ce = {
		.build = b,
		.transition = TRANSITION_BROKEN,
		.attempt = 2,
		.source_name = "travis-com",
		.received = { 1795485170000 },
		.entity = e,
		.entities = n,
	};

	for (size_t i = 0; i < sizeof(ce.id); i++)
		ce.id[i] = (uint8_t)i;
	return cloudevent_write(&ce, out);
}

/* The text of a string under a path of names, "" if it is not there. */
static const char *text_at(struct span json, const char *const *path, struct buf *out)
{
	struct json_value v = json_root(json);

	buf_clear(out);
	for (; *path != NULL; path++)
		IGNORE(json_get(v, *path, &v));
	IGNORE(json_string(v, out) != ERR_OK);
	return out->data;
}

#define TEXT_AT(json, out, ...) text_at(json, (const char *const[]){ __VA_ARGS__, NULL }, out)

Test(cloudevent, says_what_happened_in_the_words_of_cdevents)
{
	static const struct {
		enum build_state state;
		const char *type, *outcome;
	} row[] = {
		{ BUILD_QUEUED, "dev.cdevents.pipelinerun.queued.0.3.0", "" },
		{ BUILD_STARTED, "dev.cdevents.pipelinerun.started.0.3.0", "" },
		{ BUILD_PASSED, "dev.cdevents.pipelinerun.finished.0.3.0", "success" },
		{ BUILD_FAILED, "dev.cdevents.pipelinerun.finished.0.3.0", "failure" },
		{ BUILD_ERRORED, "dev.cdevents.pipelinerun.finished.0.3.0", "error" },
		{ BUILD_CANCELED, "dev.cdevents.pipelinerun.finished.0.3.0", "cancel" },
	};
	CLEANUP(buf_release) struct buf json, text;

	buf_init(&json, 100000);
	buf_init(&text, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(build_release) struct build b = a_build(row[i].state);
		struct span j;

		buf_clear(&json);
		cr_assert_eq(write(&b, NULL, 0, &json), ERR_OK);
		j = buf_span(&json);
		cr_assert_eq(json_gate(j, NULL, NULL), ERR_OK, "%s", json.data);
		cr_expect_str_eq(TEXT_AT(j, &text, "specversion"), "1.0");
		cr_expect_str_eq(TEXT_AT(j, &text, "type"), row[i].type);
		cr_expect_str_eq(TEXT_AT(j, &text, "data", "context", "type"), row[i].type);
		cr_expect_str_eq(TEXT_AT(j, &text, "data", "context", "specversion"), "0.5.1");
		cr_expect_str_eq(
			TEXT_AT(j, &text, "data", "subject", "content", "outcome"), row[i].outcome);
		cr_expect_str_eq(TEXT_AT(j, &text, "id"), "00010203-0405-0607-0809-0a0b0c0d0e0f");
	}
}

Test(cloudevent, happens_when_the_service_says_it_did)
{
	CLEANUP(build_release) struct build b = a_build(BUILD_FAILED);
	CLEANUP(buf_release) struct buf json, text;

	buf_init(&json, 100000);
	buf_init(&text, 1000);
	cr_assert_eq(write(&b, NULL, 0, &json), ERR_OK);
	cr_expect_str_eq(TEXT_AT(buf_span(&json), &text, "time"), "2026-11-24T01:52:40Z");
	b.finished_at = b.started_at = WALL_NONE;
	buf_clear(&json);
	cr_assert_eq(write(&b, NULL, 0, &json), ERR_OK);
	cr_expect_str_eq(TEXT_AT(buf_span(&json), &text, "time"), "2026-11-24T01:52:50Z");
}

Test(cloudevent, names_entities_and_each_owner_once)
{
	CLEANUP(build_release) struct build b = a_build(BUILD_PASSED);
	CLEANUP(buf_release) struct buf json, text;
	const struct entity e[] = {
		an_entity("component:default/one", "group:default/a"),
		an_entity("component:default/two", "group:default/a"),
	};

	buf_init(&json, 100000);
	buf_init(&text, 1000);
	cr_assert_eq(write(&b, e, 2, &json), ERR_OK);
	cr_expect_str_eq(TEXT_AT(buf_span(&json), &text, "entityref"),
		"component:default/one,component:default/two");
	cr_expect_str_eq(TEXT_AT(buf_span(&json), &text, "ownerref"), "group:default/a");
	cr_expect_str_eq(TEXT_AT(buf_span(&json), &text, "system"), "system:default/shipping");
}

Test(cloudevent, reads_back_what_it_wrote)
{
	CLEANUP(build_release) struct build b = a_build(BUILD_FAILED);
	CLEANUP(buf_release) struct buf json;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	const struct entity e[] = { an_entity("component:default/one", "group:default/a") };

	buf_init(&json, 100000);
	cr_assert_eq(write(&b, e, 1, &json), ERR_OK);
	cr_assert_eq(cloudevent_read(buf_span(&json), &f), ERR_OK);
	cr_expect(span_eq(f.branch, b.branch));
	cr_expect(span_eq(f.build_subject, b.subject));
	cr_expect(span_is(f.outcome, "failure"));
	cr_expect(span_is(f.transition, "broken"));
	cr_expect(span_is(f.repository, "acme/parcel-api"));
	cr_expect_eq(f.build_id, b.id);
	cr_expect_eq(f.attempt, 2);
	cr_expect_eq(f.pull_request, -1);
	cr_assert_eq(f.entities, 1);
	cr_expect(span_is(f.entity[0], "component:default/one"));
	cr_assert_eq(f.owners, 1);
	cr_expect(span_is(f.owner[0], "group:default/a"));
}

Test(cloudevent, reads_operator_events)
{
	const struct operator_event written = {
		.type = "dev.stagewire.operator.sink.tripped",
		.subject = SPAN("sink/bus"),
		.message = SPAN("it \"fails\""),
		.sink = SPAN("bus"),
	};
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 100000);
	cr_assert_eq(operator_event_write(&written, &json), ERR_OK);
	cr_assert_eq(cloudevent_read(buf_span(&json), &f), ERR_OK);
	cr_expect(span_is(f.type, written.type));
	cr_expect(span_eq(f.message, written.message));
	cr_expect(span_eq(f.sink, written.sink));
	cr_expect_eq(f.repository.n + f.outcome.n + f.entities, 0);
}

Test(cloudevent, does_not_read_what_is_not_ours)
{
	static const char *const bad[] = { "", "{}", "null", "{\"data\":{}}",
		"{\"data\":{\"customData\":{\"stagewire\":{\"build\":{}}}}}",
		"{\"id\":\"1\",\"type\":\"dev.stagewire.operator.x\"}",
		"{\"id\":\"1\",\"type\":\"dev.stagewire.operator.x\",\"data\":{\"sink\":\"a\"}}",
		"{\"id\":\"1\",\"type\":\"dev.other.operator.x\",\"data\":{\"message\":\"a\"}}" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;

		cr_expect_eq(cloudevent_read(span_of(bad[i]), &f), ERR_PARSE, "%s", bad[i]);
	}
}

Test(cloudevent, holds_no_more_than_the_most_entities)
{
	static struct entity many[CLOUDEVENT_ENTITIES + 3];
	CLEANUP(build_release) struct build b = a_build(BUILD_PASSED);
	CLEANUP(buf_release) struct buf json;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = an_entity("component:default/x", "group:default/a");
	buf_init(&json, 100000);
	cr_assert_eq(write(&b, many, ARRAY_SIZE(many), &json), ERR_OK);
	cr_assert_eq(cloudevent_read(buf_span(&json), &f), ERR_OK);
	cr_expect_eq(f.entities, CLOUDEVENT_ENTITIES);
}

Test(cloudevent, says_who_its_author_is_and_which_sinks_tell_others_than_owners)
{
	static const char *const sink[] = { "bus", "people", "all" };
	static const unsigned address[] = { ADDRESS_OWNER, ADDRESS_AUTHOR, ADDRESSES_ALL };
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf json;
	struct build b = a_build(BUILD_FAILED);
	const struct cloudevent ce = {
		.build = &b,
		.source_name = "travis-com",
		.author = SPAN("user:default/ada"),
		.sink = sink,
		.address = address,
		.sinks = ARRAY_SIZE(sink),
	};

	buf_init(&json, 1 << 16);
	cr_assert_eq(cloudevent_write(&ce, &json), ERR_OK);
	cr_assert_not_null(
		strstr(json.data, "\"author\":\"user:default/ada\",\"address\":"
				  "{\"people\":[\"author\"],\"all\":[\"owner\",\"author\"]}}"));
	cr_assert_eq(cloudevent_read(buf_span(&json), &f), ERR_OK);
	cr_expect(span_is(f.author, "user:default/ada"));
	cr_expect_eq(cloudevent_address(&f, "people"), ADDRESS_AUTHOR);
	cr_expect_eq(cloudevent_address(&f, "all"), ADDRESSES_ALL);
	cr_expect_eq(cloudevent_address(&f, "bus"), ADDRESS_OWNER);
	cr_expect_eq(cloudevent_address(&f, "later"), ADDRESS_OWNER);
}

Test(cloudevent, without_author_and_with_owners_alone_says_nothing_of_it)
{
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf json;
	struct build b = a_build(BUILD_FAILED);

	buf_init(&json, 1 << 16);
	cr_assert_eq(write(&b, NULL, 0, &json), ERR_OK);
	cr_expect_null(strstr(json.data, "\"author\""));
	cr_expect_null(strstr(json.data, "\"address\""));
	cr_assert_eq(cloudevent_read(buf_span(&json), &f), ERR_OK);
	cr_expect_eq(f.author.n, 0);
	cr_expect_eq(cloudevent_address(&f, "any"), ADDRESS_OWNER);
}
