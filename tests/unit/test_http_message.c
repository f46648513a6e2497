/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sink/http_message.h"

static struct http_message message;

static void setup(void)
{
	http_message_init(&message);
}

static void teardown(void)
{
	http_message_release(&message);
}

TestSuite(http_message, .init = setup, .fini = teardown);

static bool has(const char *field)
{
	for (size_t i = 0; i < message.fields; i++) {
		if (strcmp(message.field[i], field) == 0)
			return true;
	}
	return false;
}

static enum err binary(const char *event)
{
	return http_message_binary(&message, span_of(event));
}

#define BODY_IS(text) cr_assert(span_is(message.body, text), "%.*s", SPAN_ARGS(message.body))

Test(http_message, binary_mode_has_attributes_as_fields_and_data_as_body)
{
	cr_assert_eq(binary("{\"specversion\":\"1.0\",\"id\":\"a-1\",\"source\":\"https://h/x\","
			    "\"type\":\"t.0.3.0\",\"datacontenttype\":\"application/json\","
			    "\"number\":17,\"flag\":true,\"gone\":null,\"empty\":\"\","
			    "\"data\": {\"a\" : [1, 2]} }"),
		ERR_OK);
	cr_assert(has("ce-specversion: 1.0"));
	cr_assert(has("ce-id: a-1"));
	cr_assert(has("ce-source: https://h/x"));
	cr_assert(has("ce-type: t.0.3.0"));
	cr_assert(has("ce-number: 17"));
	cr_assert(has("ce-flag: true"));
	cr_assert(has("Content-Type: application/json"));
	cr_assert_eq(message.fields, 7, "null, empty, data and its type are no attributes");
	BODY_IS("{\"a\" : [1, 2]}");
	cr_assert_null(message.field[message.fields]);
}

/* The examples of CloudEvents' HTTP binding 1.0.2, section 3.1.3.2, and more. */
static const struct {
	const char *json, *field;
} escapes[] = {
	{ "Euro \\u20ac \\ud83d\\ude00", "ce-x: Euro%20%E2%82%AC%20%F0%9F%98%80" },
	{ "a b", "ce-x: a%20b" },
	{ "\\\"", "ce-x: %22" },
	{ "100%", "ce-x: 100%25" },
	{ "%20", "ce-x: %2520" },
	{ "a,b;c=d!~", "ce-x: a,b;c=d!~" },
	{ "\\u007f\\u0001", "ce-x: %7F%01" },
	{ "a\\r\\nX-Evil: 1", "ce-x: a%0D%0AX-Evil:%201" },
	{ "\u00e4", "ce-x: %C3%A4" },
	{ "\\\\", "ce-x: \\" },
};

Test(http_message, attributes_are_escaped_as_the_binding_says)
{
	char event[256];

	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		http_message_release(&message);
		http_message_init(&message);
		snprintf(event, sizeof(event), "{\"x\":\"%s\"}", escapes[i].json);
		cr_assert_eq(binary(event), ERR_OK, "%s", event);
		cr_expect(has(escapes[i].field), "%s", escapes[i].field);
	}
}

Test(http_message, an_event_without_data_has_no_body)
{
	cr_assert_eq(binary("{\"id\":\"1\"}"), ERR_OK);
	cr_assert_eq(message.body.n, 0);
}

Test(http_message, text_that_is_no_json_goes_without_quotes)
{
	cr_assert_eq(binary("{\"id\":\"1\",\"datacontenttype\":\"text/plain\",\"data\":\"a\\nb\"}"),
		ERR_OK);
	cr_assert(has("Content-Type: text/plain"));
	BODY_IS("a\nb");
}

Test(http_message, a_json_string_keeps_its_quotes)
{
	cr_assert_eq(binary("{\"datacontenttype\":\"application/x+json; a=b\",\"data\":\"a\\nb\"}"),
		ERR_OK);
	BODY_IS("\"a\\nb\"");
}

static const char *const unsendable[] = {
	"",
	"[]",
	"null",
	"\"x\"",
	"{",
	"{\"id\":\"1\"}x",
	"{\"Id\":\"1\"}",
	"{\"i_d\":\"1\"}",
	"{\"i:d\":\"1\"}",
	"{\"\":\"1\"}",
	"{\"id\":{}}",
	"{\"id\":[\"a\"]}",
	"{\"data_base64\":\"AA==\"}",
	"{\"datacontenttype\":7}",
	"{\"a23456789012345678901234567890123456789012345678x\":1}",
};

Test(http_message, what_is_no_cloudevent_is_not_sent)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsendable); i++) {
		http_message_release(&message);
		http_message_init(&message);
		cr_expect_eq(binary(unsendable[i]), ERR_PARSE, "%s", unsendable[i]);
	}
}

Test(http_message, structured_mode_sends_the_event_as_it_is)
{
	static const char event[] = "{\"id\":\"1\",\"data\":{}}";

	cr_assert_eq(http_message_structured(&message, span_of(event)), ERR_OK);
	cr_assert(has("Content-Type: application/cloudevents+json; charset=UTF-8"));
	cr_assert_eq(message.fields, 1);
	cr_assert_eq(message.body.p, event);
}

Test(http_message, holds_so_many_fields_and_no_more)
{
	for (size_t i = 0; i < HTTP_FIELDS_MAX; i++)
		cr_assert_eq(http_message_add(&message, "x", SPAN("y")), ERR_OK);
	cr_assert_eq(http_message_add(&message, "x", SPAN("y")), ERR_LIMIT);
	cr_assert_eq(http_message_borrow(&message, "x: y"), ERR_LIMIT);
	cr_assert_null(message.field[HTTP_FIELDS_MAX]);
}

static const char *const free_fields[] = { "X-Env: prod", "Authorization: Bearer x", "a: b c",
	"Accept: */*", "User-Agent: me", "Cookie: a=b", "webhooks: x", "cell: 1" };

static const char *const taken_fields[] = { "", "X-Env", "X-Env:", "X-Env: ", "X-Env:prod", ": x",
	"X Env: x", "X-Env: a\r\nb", "X-Env: a\nb: c", "Host: x", "host: x", "Content-Length: 1",
	"Content-Type: text/plain", "Transfer-Encoding: chunked", "Connection: close",
	"Expect: 100-continue", "TE: x", "Trailer: x", "Upgrade: x", "Content-Encoding: gzip",
	"traceparent: x", "ce-id: 1", "CE-Source: 1", "webhook-id: 1", "Webhook-Signature: v1,x",
	"WebHook-Request-Origin: x" };

Test(http_message, knows_the_fields_that_can_be_added)
{
	for (size_t i = 0; i < ARRAY_SIZE(free_fields); i++)
		cr_expect(http_field_is_free(free_fields[i]), "%s", free_fields[i]);
	for (size_t i = 0; i < ARRAY_SIZE(taken_fields); i++)
		cr_expect_not(http_field_is_free(taken_fields[i]), "%s", taken_fields[i]);
}
