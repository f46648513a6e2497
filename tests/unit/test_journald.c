/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/journald.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "events.h"
#include "io/loop.h"
#include "scratch.h"

static struct scratch scratch;
static struct loop *loop;
static int receiver;
static struct sink sink;

static void setup(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct journald_sink_conf conf = { .path = at.sun_path, .timeout_ms = 1000 };

	scratch_make(&scratch);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", scratch.dir);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(receiver, (struct sockaddr *)&at, sizeof(at)), 0);
	loop = loop_new();
	journald_sink_init(&sink, loop, "journal", &conf);
}

static void teardown(void)
{
	sink.ops->free(sink.self);
	free(sink.name);
	loop_free(loop);
	close(receiver);
	scratch_remove(&scratch);
}

TestSuite(journald, .init = setup, .fini = teardown, .timeout = 30);

static void on_result(void *ctx, const struct sink_result *r)
{
	*(struct sink_result *)ctx = *r;
}

static struct sink_result send_event(struct span event)
{
	const struct delivery d = { .event_id = "id", .event = event };
	struct sink_result r = { .status = -1 };

	sink.ops->send(sink.self, &d, on_result, &r);
	cr_assert_eq(r.status, 0);
	return r;
}

static size_t read_entry(char *entry, size_t max)
{
	ssize_t n = recv(receiver, entry, max - 1, 0);

	cr_assert_gt(n, 0);
	entry[n] = '\0';
	return (size_t)n;
}

Test(journald, an_operator_event_is_a_warning_of_its_own_kind)
{
	char entry[8192];

	cr_assert_eq(send_event(SPAN(EVENT_OPERATOR)).outcome, OUTCOME_OK);
	read_entry(entry, sizeof(entry));
	cr_expect_str_eq(entry, "MESSAGE=Sink bus is failing\n"
				"PRIORITY=4\n"
				"SYSLOG_IDENTIFIER=stagewired\n"
				"MESSAGE_ID=42b0f839dc9845988a67d285a149088a\n"
				"STAGEWIRE_EVENT_ID=1\n"
				"STAGEWIRE_TYPE=dev.stagewire.operator.sink.tripped\n"
				"STAGEWIRE_SOURCE=/stagewire\n"
				"STAGEWIRE_TIME=2026-11-20T10:00:00.250Z\n"
				"STAGEWIRE_SINK=bus\n"
				"STAGEWIRE_EVENT=" EVENT_OPERATOR "\n");
}

Test(journald, text_with_line_breaks_cannot_forge_a_field)
{
	static const char field[] =
		"STAGEWIRE_BRANCH\n\x11\0\0\0\0\0\0\0main\nPRIORITY=0\n\n\nSTAGE";
	CLEANUP(buf_release) struct buf event;
	char entry[8192];
	struct build b;
	size_t n;

	event_build(&b);
	b.branch = SPAN("main\nPRIORITY=0\n\n");
	event_write(&b, TRANSITION_NONE, NULL, 0, &event);
	cr_assert_eq(send_event(buf_span(&event)).outcome, OUTCOME_OK);
	n = read_entry(entry, sizeof(entry));
	cr_expect_not_null(memmem(entry, n, field, sizeof(field) - 1));
	cr_expect_eq(strncmp(entry, "MESSAGE\n", 8), 0);
}

Test(journald, what_cannot_be_read_is_never_sent)
{
	struct sink_result r = send_event(SPAN("{}"));
	char byte;

	cr_expect_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_expect_str_eq(r.note, "the event cannot be read");
	cr_expect_lt(recv(receiver, &byte, 1, 0), 0);
}
