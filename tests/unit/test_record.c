/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

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
	cr_expect_str_eq(json.data, "{\"time\":\"2026-11-24T01:52:40.031Z\","
				    "\"action\":\"daemon.start\",\"outcome\":\"success\"}");
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
	cr_expect_not_null(strstr(json.data, "\"payload_sha256\":\"abcd00"));
	cr_expect_not_null(strstr(json.data, "\"to\":[\"bus\",\"record\"]"));
	cr_expect_not_null(strstr(json.data, "\"status\":202,\"tries\":3"));
}

Test(record, that_does_not_fit_is_an_error)
{
	const struct audit_record r = { .action = "a", .outcome = "b" };
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 10);
	cr_assert_eq(audit_record_write(&r, &json), ERR_LIMIT);
}
