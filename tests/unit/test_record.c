/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "audit/entry.h"
#include "audit/record.h"
#include "base/json_gate.h"

Test(record, leaves_out_what_is_not_said)
{
	const struct audit_record r = {
		.at = { 1795485160031 },
		.action = "daemon.start",
		.outcome = "success",
	};
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 10000);
	cr_assert_eq(audit_record_write(&r, &json), ERR_OK);
	cr_expect_str_eq(json.data,
		"{\"category_uid\":6,\"class_uid\":6003,\"activity_id\":99,"
		"\"activity_name\":\"daemon.start\",\"type_uid\":600399,\"severity_id\":1,"
		"\"time\":1795485160031,\"status_id\":1,\"status\":\"Success\","
		"\"metadata\":{\"version\":\"1.8.0\",\"product\":{\"name\":\"stagewire\","
		"\"vendor_name\":\"stagewire\",\"version\":\"" PACKAGE_VERSION "\"}},"
		"\"actor\":{\"app_name\":\"stagewired\"},\"api\":{\"operation\":\"daemon.start\"},"
		"\"src_endpoint\":{\"svc_name\":\"stagewired\"},"
		"\"unmapped\":{\"policy\":{\"decision\":\"success\"}}}");
}

Test(record, is_one_line_of_json_whatever_is_in_it)
{
	static const uint8_t digest[32] = { 0xab, 0xcd };
	const struct span ref[] = { { "component:default/x", 19 } };
	const char *const to[] = { "bus", "record" };
	const struct audit_record r = {
		.at = { 0 },
		.action = "webhook.accept",
		.outcome = "success",
		.reason = "no-route",
		.repository = SPAN("acme/\nnew\"line\xff"),
		.detail = SPAN("a\tb"),
		.payload_sha256 = digest,
		.status = 202,
		.tries = 3,
		.entity = ref,
		.entities = 1,
		.to = to,
		.to_n = 2,
	};
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 10000);
	cr_assert_eq(audit_record_write(&r, &json), ERR_OK);
	cr_assert_eq(json_gate(buf_span(&json), NULL, NULL), ERR_OK);
	cr_expect_null(strchr(json.data, '\n'));
	cr_expect_not_null(strstr(json.data, "\"algorithm\":\"SHA-256\",\"value\":\"abcd00"));
	cr_expect_not_null(strstr(json.data, "\"to\":[\"bus\",\"record\"]"));
	cr_expect_not_null(strstr(json.data, "\"status_code\":\"202\""));
	cr_expect_not_null(strstr(json.data, "\"tries\":3"));
}

Test(record, that_does_not_fit_is_an_error)
{
	const struct audit_record r = { .action = "a", .outcome = "b" };
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 10);
	cr_assert_eq(audit_record_write(&r, &json), ERR_LIMIT);
}

Test(record, is_read_back_as_it_was_written)
{
	const struct span owner[] = { SPAN("group:default/a"), SPAN("user:default/b") };
	const struct audit_record r = {
		.at = { 1795485160031 },
		.action = "operator.replay",
		.outcome = "denied",
		.reason = "not-allowed",
		.actor = SPAN("uid:1000"),
		.address = SPAN("192.0.2.10"),
		.event = SPAN("6c67adc4-6536-8de3-8175-018d6e06a631"),
		.source = SPAN("travis-com"),
		.repository = SPAN("acme/\"quoted\""),
		.build = SPAN("app.travis-ci.com/7"),
		.sink = SPAN("bus"),
		.detail = SPAN("two\nlines"),
		.status = 403,
		.owner = owner,
		.owners = 2,
	};
	CLEANUP(audit_entry_release) struct audit_entry e;
	CLEANUP(buf_release) struct buf json;

	audit_entry_init(&e);
	buf_init(&json, 10000);
	cr_assert_eq(audit_record_write(&r, &json), ERR_OK);
	cr_assert_eq(audit_entry_read(buf_span(&json), &e), ERR_OK);
	cr_expect_eq(e.at.ms, 1795485160031);
	cr_expect(span_is(e.field[AUDIT_ACTION], "operator.replay"));
	cr_expect(span_is(e.field[AUDIT_OUTCOME], "denied"));
	cr_expect(span_is(e.field[AUDIT_REASON], "not-allowed"));
	cr_expect(span_is(e.field[AUDIT_ACTOR], "uid:1000"));
	cr_expect(span_is(e.field[AUDIT_ADDRESS], "192.0.2.10"));
	cr_expect(span_eq(e.field[AUDIT_EVENT], r.event));
	cr_expect(span_is(e.field[AUDIT_SOURCE], "travis-com"));
	cr_expect(span_is(e.field[AUDIT_REPOSITORY], "acme/\"quoted\""));
	cr_expect(span_is(e.field[AUDIT_BUILD], "app.travis-ci.com/7"));
	cr_expect(span_is(e.field[AUDIT_SINK], "bus"));
	cr_expect(span_is(e.field[AUDIT_DETAIL], "two\nlines"));
	cr_expect(span_is(e.field[AUDIT_STATUS], "403"));
	cr_assert_eq(e.owners, 2);
	cr_expect(audit_entry_has_owner(&e, SPAN("user:default/b")));
	cr_expect_not(audit_entry_has_owner(&e, SPAN("user:default/c")));
}

Test(record, of_another_shape_is_no_entry)
{
	CLEANUP(audit_entry_release) struct audit_entry e;

	audit_entry_init(&e);
	cr_expect_eq(audit_entry_read(SPAN("{}"), &e), ERR_PARSE);
	cr_expect_eq(audit_entry_read(SPAN("[1]"), &e), ERR_PARSE);
	cr_expect_eq(audit_entry_read(SPAN("{\"time\":1}"), &e), ERR_PARSE);
	cr_expect_eq(
		audit_entry_read(SPAN("{\"time\":1,\"api\":{\"operation\":\"x\"}"), &e), ERR_PARSE);
}

Test(record, longer_than_a_log_takes_is_refused)
{
	static char text[AUDIT_ENTRY_MAX];
	const struct audit_record r = {
		.action = "a", .outcome = "success", .detail = { text, sizeof(text) }
	};
	CLEANUP(buf_release) struct buf json;

	memset(text, 'x', sizeof(text));
	buf_init(&json, 200000);
	cr_assert_eq(audit_record_write(&r, &json), ERR_LIMIT);
}
