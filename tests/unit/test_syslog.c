/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/system/test_syslog.py cannot reach; the ways that messages go are there. */
#include "sink/syslog.h"

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
static char address[128];

static void setup(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	scratch_make(&scratch);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/log", scratch.dir);
	snprintf(address, sizeof(address), "unix:%s/log", scratch.dir);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(receiver, (struct sockaddr *)&at, sizeof(at)), 0);
	loop = loop_new();
}

static void teardown(void)
{
	loop_free(loop);
	close(receiver);
	scratch_remove(&scratch);
}

TestSuite(syslog, .init = setup, .fini = teardown, .timeout = 30);

static struct sink sink_to(const char *to)
{
	const struct syslog_sink_conf conf = {
		.address = to,
		.facility = "daemon",
		.message_max = 1 << 20,
		.timeout_ms = 1000,
	};
	struct sink sink;
	char *why = NULL;

	cr_assert_eq(syslog_sink_init(&sink, loop, "log", &conf, &why), ERR_OK, "%s", why);
	return sink;
}

static void sink_end(struct sink *sink)
{
	sink->ops->free(sink->self);
	free(sink->name);
}

static void on_result(void *ctx, const struct sink_result *r)
{
	*(struct sink_result *)ctx = *r;
}

/* The result, status -1 while there is none. */
static void start_try(struct sink *sink, struct span event, struct sink_result *r)
{
	const struct delivery d = { .event_id = "id", .event = event };

	r->status = -1;
	sink->ops->send(sink->self, &d, on_result, r);
}

Test(syslog, what_no_datagram_can_hold_is_not_tried_again)
{
	CLEANUP(buf_release) struct buf event;
	struct sink sink = sink_to(address);
	static char subject[400 << 10];
	struct sink_result r;
	struct build b;

	memset(subject, 's', sizeof(subject));
	event_build(&b);
	b.subject = (struct span){ subject, sizeof(subject) };
	event_write(&b, TRANSITION_NONE, NULL, 0, &event);
	start_try(&sink, buf_span(&event), &r);
	cr_expect_eq(r.status, 0);
	cr_expect_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_expect_str_eq(r.note, "the message is larger than the socket takes");
	sink_end(&sink);
}

Test(syslog, what_cannot_be_read_is_not_tried_again)
{
	struct sink sink = sink_to(address);
	struct sink_result r;

	start_try(&sink, SPAN("{}"), &r);
	cr_expect_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_expect_str_eq(r.note, "the event cannot be read");
	sink_end(&sink);
}

Test(syslog, cancel_and_free_silence_what_is_under_way)
{
	static const char *const to[] = { "tcp:127.0.0.1:9", "tcp:localhost:9", "tls:localhost:9",
		"unix-stream:/nonexistent" };

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		struct sink sink = sink_to(to[i]);
		struct sink_result one, two;

		start_try(&sink, SPAN(EVENT_OPERATOR), &one);
		sink.ops->cancel(sink.self);
		start_try(&sink, SPAN(EVENT_OPERATOR), &two);
		sink_end(&sink);
		cr_expect_eq(one.status, -1);
		cr_expect_eq(two.status, -1);
	}
}

Test(syslog, a_place_in_brackets_is_an_address)
{
	struct sink sink = sink_to("tcp:[::1]:9");

	sink_end(&sink);
}
