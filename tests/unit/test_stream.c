/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real sockets: the test is the other side, on the same loop. TLS is in
 * tests/system/test_syslog.py.
 */
#include "io/stream.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/loop.h"
#include "scratch.h"
#include "standin.h"

#define PLENTY_MS 60000

static struct scratch scratch;
static struct loop *loop;

/* The other side: it accepts, and reads unless it is told not to. */
static struct peer {
	int listening;
	struct loop_watch *watch;
	int fd; /* the connection of now, -1: none */
	struct loop_watch *reading;
	unsigned accepted;
	bool reads;
	struct buf got;
	char path[128];
	char port[8];
} peer;

static void setup(void)
{
	scratch_make(&scratch);
	loop = loop_new();
	peer = (struct peer){ .fd = -1, .reads = true };
	buf_init(&peer.got, 64 << 20);
	scratch_path(&scratch, "socket", peer.path);
}

static void peer_hang_up(void)
{
	loop_watch_free(TAKE(peer.reading));
	if (peer.fd >= 0)
		close(peer.fd);
	peer.fd = -1;
}

static void peer_down(void)
{
	peer_hang_up();
	loop_watch_free(TAKE(peer.watch));
	if (peer.listening > 0)
		close(peer.listening);
	peer.listening = 0;
}

static void teardown(void)
{
	peer_down();
	buf_release(&peer.got);
	loop_free(loop);
	scratch_remove(&scratch);
}

TestSuite(stream, .init = setup, .fini = teardown, .timeout = 30);

static void on_bytes(void *ctx, unsigned ready)
{
	char bytes[65536];
	ssize_t n = recv(peer.fd, bytes, sizeof(bytes), 0);

	(void)ctx;
	(void)ready;
	if (n > 0)
		cr_assert_eq(buf_add(&peer.got, bytes, (size_t)n), ERR_OK);
	else
		peer_hang_up();
}

static void on_client(void *ctx, unsigned ready)
{
	(void)ctx;
	(void)ready;
	peer_hang_up();
	peer.fd = accept4(peer.listening, NULL, NULL, SOCK_NONBLOCK);
	cr_assert_geq(peer.fd, 0);
	peer.accepted++;
	if (peer.reads)
		peer.reading = loop_watch_new(loop, peer.fd, LOOP_READ, on_bytes, NULL);
}

static void peer_listen(int fd, struct sockaddr *at, socklen_t len)
{
	cr_assert_eq(bind(fd, at, len), 0, "%s", strerror(errno));
	cr_assert_eq(listen(fd, 8), 0);
	peer.listening = fd;
	peer.watch = loop_watch_new(loop, fd, LOOP_READ, on_client, NULL);
}

static void peer_up_unix(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	unlink(peer.path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", scratch.dir);
	peer_listen(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at));
}

static void peer_up_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer_listen(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at));
	cr_assert_eq(getsockname(peer.listening, (struct sockaddr *)&at, &len), 0);
	snprintf(peer.port, sizeof(peer.port), "%u", (unsigned)ntohs(at.sin_port));
}

static struct stream *stream_to(const struct stream_conf *conf)
{
	struct stream *s;

	cr_assert_eq(stream_new(loop, conf, &s), ERR_OK);
	return s;
}

static struct stream *unix_stream(int64_t timeout_ms)
{
	return stream_to(&(struct stream_conf){ .path = peer.path, .timeout_ms = timeout_ms });
}

static struct stream *tcp_stream(const char *host, int64_t timeout_ms)
{
	return stream_to(
		&(struct stream_conf){ .host = host, .port = peer.port, .timeout_ms = timeout_ms });
}

struct heard {
	unsigned ok, failed, wanted;
	bool done;
	char why[100];
	struct stream *again; /* write once more from within */
};

static void on_written(void *ctx, const char *why)
{
	struct heard *h = ctx;

	if (why == NULL)
		h->ok++;
	else
		h->failed++;
	snprintf(h->why, sizeof(h->why), "%s", why == NULL ? "" : why);
	if (h->again != NULL)
		stream_write(TAKE(h->again), SPAN("again;"), on_written, h);
	if (h->ok + h->failed < h->wanted)
		return;
	h->done = true;
	loop_stop(loop);
}

static void start_write(struct stream *s, struct span bytes, struct heard *h)
{
	unsigned before = h->ok + h->failed;

	h->wanted++;
	h->done = false;
	stream_write(s, bytes, on_written, h);
	cr_assert_eq(h->ok + h->failed, before, "answered from inside");
}

static struct heard write_one(struct stream *s, struct span bytes)
{
	struct heard h = { 0 };

	start_write(s, bytes, &h);
	loop_run_until(loop, &h.done);
	return h;
}

static void check_many(struct stream *s)
{
	CLEANUP(buf_release) struct buf want;
	struct heard h = { 0 };
	char text[32];

	buf_init(&want, 1 << 20);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%u;", i);
		cr_assert_eq(buf_add_str(&want, text), ERR_OK);
		start_write(s, span_of(text), &h);
	}
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.ok, 1000);
	while (peer.got.len < want.len)
		on_bytes(NULL, LOOP_READ);
	cr_expect_str_eq(peer.got.data, want.data);
	cr_expect_eq(peer.accepted, 1);
	stream_free(s);
}

Test(stream, writes_all_in_order_on_one_connection)
{
	peer_up_unix();
	check_many(unix_stream(PLENTY_MS));
}

Test(stream, writes_over_tcp_to_an_address)
{
	peer_up_tcp();
	check_many(tcp_stream("127.0.0.1", PLENTY_MS));
}

Test(stream, writes_over_tcp_to_a_name)
{
	peer_up_tcp();
	check_many(tcp_stream("localhost", PLENTY_MS));
}

Test(stream, what_is_larger_than_all_buffers_is_written_whole)
{
	struct span bytes = { xcalloc(20 << 20, 1), 20 << 20 };
	struct stream *s;

	peer_up_tcp();
	s = tcp_stream("127.0.0.1", PLENTY_MS);
	cr_expect_eq(write_one(s, bytes).ok, 1);
	stream_free(s);
	while (peer.fd >= 0)
		on_bytes(NULL, LOOP_READ);
	cr_expect_eq(peer.got.len, bytes.n);
	free((void *)(uintptr_t)bytes.p);
}

Test(stream, may_be_written_to_from_within)
{
	struct stream *s;
	struct heard h = { .wanted = 1 };

	peer_up_unix();
	s = unix_stream(PLENTY_MS);
	h.again = s;
	start_write(s, SPAN("first;"), &h);
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.ok, 2);
	cr_expect_str_eq(peer.got.data, "first;again;");
	stream_free(s);
}

Test(stream, a_connection_lost_while_idle_is_made_anew)
{
	struct stream *s;

	peer_up_unix();
	s = unix_stream(PLENTY_MS);
	cr_expect_eq(write_one(s, SPAN("one;")).ok, 1);
	peer_hang_up();
	cr_expect_eq(write_one(s, SPAN("two;")).ok, 1);
	cr_expect_str_eq(peer.got.data, "one;two;");
	cr_expect_eq(peer.accepted, 2);
	peer_down();
	cr_expect_str_eq(write_one(s, SPAN("lost;")).why, "Connection refused");
	peer_up_unix();
	cr_expect_eq(write_one(s, SPAN("three;")).ok, 1);
	stream_free(s);
}

static void on_hang_up_due(void *ctx)
{
	(void)ctx;
	peer_hang_up();
}

/* Once it was accepted, though nothing is read: the message is lost in the peer's kernel. */
static void check_closed_unread(struct stream *s)
{
	struct loop_timer *t = loop_timer_new(loop, on_hang_up_due, NULL);
	struct heard h;

	loop_timer_set(t, 20);
	h = write_one(s, SPAN("unread;"));
	cr_expect_eq(h.failed, 1);
	cr_expect(strcmp(h.why, "the other side closed the connection") == 0 ||
			  strcmp(h.why, "Connection reset by peer") == 0,
		"%s", h.why);
	loop_timer_free(t);
	stream_free(s);
}

Test(stream, closed_before_it_was_read_is_not_written)
{
	peer.reads = false;
	peer_up_unix();
	check_closed_unread(unix_stream(PLENTY_MS));
}

Test(stream, a_new_tcp_connection_that_does_not_hold_has_written_nothing)
{
	peer.reads = false;
	peer_up_tcp();
	check_closed_unread(tcp_stream("127.0.0.1", PLENTY_MS));
}

Test(stream, what_is_not_acknowledged_in_time_fails)
{
	struct span bytes = { xcalloc(20 << 20, 1), 20 << 20 };
	struct stream *s;

	peer.reads = false;
	peer_up_tcp();
	s = tcp_stream("127.0.0.1", 300);
	cr_expect_str_eq(write_one(s, bytes).why, "not acknowledged in time");
	stream_free(s);
	peer_down();
	peer_up_unix();
	s = unix_stream(50);
	cr_expect_str_eq(write_one(s, SPAN("unread;")).why, "not acknowledged in time");
	stream_free(s);
	free((void *)(uintptr_t)bytes.p);
}

Test(stream, a_failure_fails_all_and_the_next_starts_anew)
{
	struct heard h = { 0 };
	struct stream *s = unix_stream(PLENTY_MS);

	start_write(s, SPAN("one"), &h);
	start_write(s, SPAN("two"), &h);
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.failed, 2);
	cr_expect_str_eq(h.why, "No such file or directory");
	peer_up_unix();
	cr_expect_eq(write_one(s, SPAN("three")).ok, 1);
	cr_expect_str_eq(peer.got.data, "three");
	stream_free(s);
}

Test(stream, cancel_and_free_are_silent_at_any_time)
{
	struct heard silent = { 0 };
	struct stream *s;

	peer_up_tcp();
	s = tcp_stream("localhost", PLENTY_MS);
	start_write(s, SPAN("one;"), &silent);
	stream_free(s); /* before it began */
	s = tcp_stream("127.0.0.1", PLENTY_MS);
	start_write(s, SPAN("two;"), &silent);
	stream_cancel(s);
	cr_expect_eq(write_one(s, SPAN("three;")).ok, 1);
	start_write(s, SPAN("four;"), &silent);
	stream_cancel(s); /* it is with the kernel */
	cr_expect_eq(write_one(s, SPAN("five;")).ok, 1);
	start_write(s, SPAN("six;"), &silent); /* which the end comes before */
	stream_free(s);
	cr_expect_eq(silent.ok + silent.failed, 0);
	while (peer.fd >= 0)
		on_bytes(NULL, LOOP_READ);
	cr_expect_str_eq(peer.got.data, "three;four;five;");
}
