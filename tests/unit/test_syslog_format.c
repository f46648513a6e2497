/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/syslog_format.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "events.h"

#define OWNER SPAN("group:default/payments")
#define BOM   "\xef\xbb\xbf"

static struct syslog_format format(bool is_text)
{
	return (struct syslog_format){
		.facility = 16,
		.is_text = is_text,
		.max = 8192,
		.host = "relay.example.com",
		.pid = 7,
	};
}

static const char *message_of(const struct syslog_format *s, struct span event, struct buf *out)
{
	buf_init(out, EVENT_MAX);
	cr_assert_eq(syslog_write(s, event, out), ERR_OK);
	cr_assert(utf8_is_valid(buf_span(out)));
	cr_assert_leq(out->len, s->max);
	return out->data;
}

static const char *message_of_build(
	const struct syslog_format *s, const struct build *b, enum transition t, struct buf *out)
{
	CLEANUP(buf_release) struct buf event;

	event_write(b, t, &OWNER, 1, &event);
	return message_of(s, buf_span(&event), out);
}

Test(syslog_format, a_line_for_people_is_all_of_rfc_5424)
{
	CLEANUP(buf_release) struct buf out;
	struct syslog_format s = format(true);
	struct build b;

	event_build(&b);
	cr_expect_str_eq(message_of_build(&s, &b, TRANSITION_BROKEN, &out),
		"<131>1 2026-11-20T10:00:00Z relay.example.com stagewired 7 build "
		"[stagewire@32473 id=\"00000000-0000-0000-0000-000000000000\" "
		"type=\"dev.cdevents.pipelinerun.finished.0.3.0\" "
		"source=\"https://app.travis-ci.com/acme/parcel-api\" "
		"repository=\"acme/parcel-api\" build=\"417\" branch=\"main\" "
		"outcome=\"failure\" transition=\"broken\" owner=\"group:default/payments\" "
		"entity=\"component:default/parcel-api\"] "
		"acme/parcel-api: main is broken (build 417 failed)");
}

Test(syslog_format, severity_follows_outcome_and_transition)
{
	static const struct {
		enum build_state state;
		enum transition transition;
		const char *priority;
	} row[] = {
		{ BUILD_QUEUED, TRANSITION_NONE, "<134>" },
		{ BUILD_STARTED, TRANSITION_NONE, "<134>" },
		{ BUILD_PASSED, TRANSITION_NONE, "<134>" },
		{ BUILD_PASSED, TRANSITION_FIXED, "<133>" },
		{ BUILD_CANCELED, TRANSITION_NONE, "<133>" },
		{ BUILD_FAILED, TRANSITION_NONE, "<131>" },
		{ BUILD_FAILED, TRANSITION_STILL_FAILING, "<131>" },
		{ BUILD_ERRORED, TRANSITION_BROKEN, "<131>" },
	};
	struct syslog_format s = format(false);

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(buf_release) struct buf out;
		struct build b;

		event_build(&b);
		b.state = row[i].state;
		cr_expect_eq(strncmp(message_of_build(&s, &b, row[i].transition, &out),
				     row[i].priority, 5),
			0, "row %zu: %.8s", i, out.data);
	}
}

Test(syslog_format, an_operator_event_is_a_warning)
{
	CLEANUP(buf_release) struct buf out;
	struct syslog_format s = format(true);

	cr_expect_str_eq(message_of(&s, SPAN(EVENT_OPERATOR), &out),
		"<132>1 2026-11-20T10:00:00.250Z relay.example.com stagewired 7 operator "
		"[stagewire@32473 id=\"1\" type=\"dev.stagewire.operator.sink.tripped\" "
		"source=\"/stagewire\" sink=\"bus\"] Sink bus is failing");
}

Test(syslog_format, a_value_is_escaped_and_cut_and_has_no_control_characters)
{
	CLEANUP(buf_release) struct buf out, again;
	struct syslog_format s = format(true);
	char branch[301];
	struct build b;

	event_build(&b);
	b.branch = SPAN("a\"b\\c]d[e\nf\tg\x7f\xc2\x85\xc2\xa0");
	cr_expect_not_null(strstr(message_of_build(&s, &b, TRANSITION_NONE, &out),
		" branch=\"a\\\"b\\\\c\\]d[e?f?g??\xc2\xa0\" "));
	cr_expect_not_null(strstr(
		out.data, "] " BOM "acme/parcel-api: a\"b\\c]d[e?f?g??\xc2\xa0 build 417 failed"));
	memset(branch, 'x', sizeof(branch));
	memcpy(branch + 199, "\xc3\xa9", 2); /* across the cut */
	b.branch = (struct span){ branch, 300 };
	message_of_build(&s, &b, TRANSITION_NONE, &again);
	branch[199] = '\0';
	cr_expect_not_null(strstr(again.data, branch));
	cr_expect_eq(strstr(again.data, branch)[199], '"');
}

Test(syslog_format, utf_8_is_announced_and_ascii_is_not)
{
	CLEANUP(buf_release) struct buf ascii, accent;
	struct syslog_format s = format(true);
	struct build b;

	event_build(&b);
	message_of_build(&s, &b, TRANSITION_NONE, &ascii);
	cr_expect_null(strstr(ascii.data, BOM));
	b.branch = SPAN("gr\xc3\xb6\xc3\x9f"
			"e");
	message_of_build(&s, &b, TRANSITION_NONE, &accent);
	cr_expect_not_null(strstr(accent.data, "] " BOM "acme/parcel-api: gr\xc3\xb6\xc3\x9f"
					       "e "));
}

Test(syslog_format, json_goes_in_ascii_and_means_the_same)
{
	CLEANUP(buf_release) struct buf out, event;
	struct syslog_format s = format(false);
	const char *text;
	struct build b;

	event_build(&b);
	b.branch = SPAN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa6");
	event_write(&b, TRANSITION_NONE, NULL, 0, &event);
	text = strstr(message_of(&s, buf_span(&event), &out), "] {");
	cr_assert_not_null(text);
	cr_expect_not_null(strstr(text, "\"branch\":\"\\u00e9\\u20ac\\ud83d\\udce6\""));
	for (const char *p = text; *p != '\0'; p++)
		cr_expect(*p >= ' ' && *p < 0x7f);
	cr_expect_eq(out.data[out.len - 1], '}');
}

/* The text behind the structured data. */
static const char *text_of(const struct buf *message)
{
	const char *at = strstr(message->data, "\"] ");

	cr_assert_not_null(at);
	return at + 3;
}

Test(syslog_format, fills_a_message_to_its_last_byte_and_cuts_beyond)
{
	CLEANUP(buf_release) struct buf whole, fits, cut;
	struct syslog_format s = format(false);
	struct build b;
	char subject[3000];

	event_build(&b);
	memset(subject, 's', sizeof(subject));
	b.subject = (struct span){ subject, sizeof(subject) };
	message_of_build(&s, &b, TRANSITION_NONE, &whole);
	cr_expect_null(strstr(whole.data, " bytes="));
	s.max = whole.len;
	cr_expect_str_eq(message_of_build(&s, &b, TRANSITION_NONE, &fits), whole.data);
	s.max = whole.len - 1;
	message_of_build(&s, &b, TRANSITION_NONE, &cut);
	cr_expect_eq(cut.len, s.max);
	cr_expect_not_null(strstr(cut.data, " bytes=\""));
	cr_expect_eq(strtoul(strstr(cut.data, " bytes=\"") + 8, NULL, 10), strlen(text_of(&whole)));
	cr_expect_eq(strncmp(text_of(&cut), text_of(&whole), strlen(text_of(&cut))), 0);
}

Test(syslog_format, a_cut_falls_between_characters)
{
	struct syslog_format s = format(true);
	struct build b;
	char branch[6000];

	event_build(&b);
	for (size_t i = 0; i < sizeof(branch); i += 3)
		memcpy(branch + i, "\xe2\x82\xac", 3);
	b.branch = (struct span){ branch, sizeof(branch) };
	for (s.max = SYSLOG_MESSAGE_MIN; s.max < SYSLOG_MESSAGE_MIN + 3; s.max++) {
		CLEANUP(buf_release) struct buf out;

		message_of_build(&s, &b, TRANSITION_NONE, &out);
		cr_expect_gt(out.len, s.max - 3);
	}
}

Test(syslog_format, leaves_half_of_the_message_to_its_text)
{
	CLEANUP(buf_release) struct buf event, out;
	struct syslog_format s = format(false);
	struct span owner[CLOUDEVENT_ENTITIES];
	char name[CLOUDEVENT_ENTITIES][200];
	struct build b;

	for (size_t i = 0; i < ARRAY_SIZE(owner); i++) {
		memset(name[i], 'a' + (int)i % 26, sizeof(name[i]));
		name[i][0] = i < 26 ? 'x' : 'y';
		owner[i] = (struct span){ name[i], sizeof(name[i]) };
	}
	event_build(&b);
	event_write(&b, TRANSITION_NONE, owner, ARRAY_SIZE(owner), &event);
	s.max = SYSLOG_MESSAGE_MIN;
	memset(s.host, 'h', sizeof(s.host) - 1);
	message_of(&s, buf_span(&event), &out);
	cr_expect_eq(out.len, s.max);
	cr_expect_leq(text_of(&out) - out.data, (ptrdiff_t)s.max / 2);
	cr_expect_not_null(strstr(out.data, " owner=\"xaaa"));
}

Test(syslog_format, does_not_write_what_it_cannot_read)
{
	CLEANUP(buf_release) struct buf out;
	struct syslog_format s = format(false);

	buf_init(&out, EVENT_MAX);
	cr_assert_eq(syslog_write(&s, SPAN("{}"), &out), ERR_PARSE);
	cr_assert_eq(out.len, 0);
}

Test(syslog_format, knows_the_facilities_by_name)
{
	cr_expect_eq(syslog_facility("kern"), 0);
	cr_expect_eq(syslog_facility("daemon"), 3);
	cr_expect_eq(syslog_facility("authpriv"), 10);
	cr_expect_eq(syslog_facility("local0"), 16);
	cr_expect_eq(syslog_facility("local7"), 23);
	cr_expect_eq(syslog_facility("LOCAL0"), -1);
	cr_expect_eq(syslog_facility(""), -1);
}

Test(syslog_format, has_a_host_and_a_process)
{
	struct syslog_format s;

	syslog_format_init(&s);
	cr_expect_str_not_empty(s.host);
	cr_expect_gt(s.pid, 0);
}
