/* SPDX-License-Identifier: Apache-2.0 */
#include "io/dgram.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/loop.h"
#include "scratch.h"
#include "standin.h"

#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define PLENTY_MS 60000

static struct scratch scratch;
static struct loop *loop;
static char path[128];

static void setup(void)
{
	scratch_make(&scratch);
	scratch_path(&scratch, "socket", path);
	loop = loop_new();
}

static void teardown(void)
{
	loop_free(loop);
	scratch_remove(&scratch);
}

TestSuite(dgram, .init = setup, .fini = teardown, .timeout = 30);

static int receiver_of(int type)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", scratch.dir);
	unlink(path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int receiver(void)
{
	return receiver_of(SOCK_DGRAM);
}

static struct dgram *sender(int64_t wait_ms, bool memfd)
{
	const struct dgram_conf conf = { .path = path, .wait_ms = wait_ms, .memfd = memfd };

	return dgram_new(loop, &conf);
}

struct heard {
	unsigned ok, failed, wanted;
	bool done;
	enum err last;
	char why[100];
};

static void on_sent(void *ctx, enum err e, const char *why)
{
	struct heard *h = ctx;

	if (e == ERR_OK)
		h->ok++;
	else
		h->failed++;
	cr_assert_eq(why == NULL, e == ERR_OK);
	h->last = e;
	snprintf(h->why, sizeof(h->why), "%s", why == NULL ? "" : why);
	if (h->ok + h->failed != h->wanted)
		return;
	h->done = true;
	loop_stop(loop);
}

/* A send that is answered at once. */
static struct heard send_now(struct dgram *d, struct span bytes)
{
	struct heard h = { .wanted = 1 };

	dgram_send(d, bytes, on_sent, &h);
	cr_assert(h.done);
	return h;
}

static void expect_datagram(int fd, const char *text)
{
	char found[256] = { 0 };

	cr_assert_geq(recv(fd, found, sizeof(found) - 1, 0), 0, "%s", strerror(errno));
	cr_assert_str_eq(found, text);
}

Test(dgram, keeps_the_bounds_of_messages)
{
	int fd = receiver();
	struct dgram *d = sender(PLENTY_MS, false);

	cr_expect_eq(send_now(d, SPAN("one")).last, ERR_OK);
	cr_expect_eq(send_now(d, SPAN("two\nlines")).last, ERR_OK);
	expect_datagram(fd, "one");
	expect_datagram(fd, "two\nlines");
	dgram_free(d);
	close(fd);
}

/* Fill the receiver's queue with "0", "1" and so on; returns how many were sent in all. */
static unsigned send_too_many(struct dgram *d, struct heard *h)
{
	unsigned n = 0, beyond = 50;
	char text[16];

	while (beyond > 0) {
		snprintf(text, sizeof(text), "%u", n);
		dgram_send(d, span_of(text), on_sent, h);
		n++;
		if (h->ok < n)
			beyond--;
		cr_assert_lt(n, 100000);
	}
	return n;
}

struct drain {
	int fd;
	unsigned read;
};

static void on_datagram(void *ctx, unsigned ready)
{
	struct drain *r = ctx;
	char text[16];

	(void)ready;
	snprintf(text, sizeof(text), "%u", r->read++);
	expect_datagram(r->fd, text);
}

Test(dgram, what_finds_no_room_waits_in_order)
{
	struct drain r = { .fd = receiver() };
	struct dgram *d = sender(PLENTY_MS, false);
	struct heard h = { 0 };
	struct loop_watch *w;

	h.wanted = send_too_many(d, &h);
	w = loop_watch_new(loop, r.fd, LOOP_READ, on_datagram, &r);
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.ok, h.wanted);
	while (r.read < h.wanted)
		on_datagram(&r, LOOP_READ);
	loop_watch_free(w);
	dgram_free(d);
	close(r.fd);
}

Test(dgram, what_finds_no_room_for_long_fails)
{
	int fd = receiver();
	struct dgram *d = sender(20, false);
	struct heard h = { 0 };

	h.wanted = send_too_many(d, &h);
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.failed, 50);
	cr_expect_eq(h.last, ERR_IO);
	cr_expect_str_eq(h.why, "its queue is full");
	dgram_free(d);
	close(fd);
}

Test(dgram, a_receiver_that_goes_while_one_waits_fails_it)
{
	int fd = receiver();
	struct dgram *d = sender(PLENTY_MS, false);
	struct heard h = { 0 };

	h.wanted = send_too_many(d, &h);
	close(fd);
	unlink(path);
	loop_run_until(loop, &h.done);
	cr_expect_eq(h.failed, 50);
	cr_expect_str_eq(h.why, "No such file or directory");
	dgram_free(d);
}

Test(dgram, cancel_is_silent)
{
	int fd = receiver();
	struct dgram *d = sender(20, false);
	struct heard h = { 0 };
	unsigned n = send_too_many(d, &h), ok = h.ok;

	h.wanted = n;
	dgram_cancel(d);
	cr_assert_eq(h.ok, ok);
	cr_assert_eq(h.failed, 0);
	dgram_send(d, SPAN("waits"), on_sent, &h);
	dgram_free(d);
	cr_assert_eq(h.ok + h.failed, ok);
	close(fd);
}

Test(dgram, a_receiver_is_found_when_it_comes_and_when_it_comes_back)
{
	struct dgram *d = sender(PLENTY_MS, false);
	struct heard h = send_now(d, SPAN("early"));
	int fd;

	cr_expect_eq(h.last, ERR_IO);
	cr_expect_str_eq(h.why, "No such file or directory");
	fd = receiver();
	cr_expect_eq(send_now(d, SPAN("one")).last, ERR_OK);
	expect_datagram(fd, "one");
	close(fd);
	fd = receiver();
	cr_expect_eq(send_now(d, SPAN("two")).last, ERR_OK);
	expect_datagram(fd, "two");
	close(fd);
	h = send_now(d, SPAN("late"));
	cr_expect_eq(h.last, ERR_IO);
	cr_expect_str_eq(h.why, "Connection refused");
	dgram_free(d);
}

Test(dgram, says_what_is_no_datagram_socket)
{
	int fd = receiver_of(SOCK_STREAM);
	struct dgram *d = sender(PLENTY_MS, false);
	struct heard h;

	cr_assert_eq(listen(fd, 1), 0);
	h = send_now(d, SPAN("x"));
	cr_expect_eq(h.last, ERR_IO);
	cr_expect_str_eq(h.why, "it is no datagram socket");
	dgram_free(d);
	close(fd);
}

static struct span large(size_t n)
{
	char *text = xcalloc(n, 1);

	memset(text, 'x', n);
	return (struct span){ text, n };
}

/* The descriptor passed with an empty datagram. */
static int passed_descriptor(int fd)
{
	char bytes[16], control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { bytes, sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int passed;

	cr_assert_eq(recvmsg(fd, &message, 0), 0);
	cr_assert_not_null(CMSG_FIRSTHDR(&message));
	memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return passed;
}

Test(dgram, what_is_too_large_is_refused_or_passed_as_a_sealed_file)
{
	struct span bytes = large(4 << 20);
	int fd = receiver(), passed;
	struct dgram *d = sender(PLENTY_MS, false);
	struct heard h = send_now(d, bytes);
	char *found = xcalloc(bytes.n + 1, 1);

	cr_expect_eq(h.last, ERR_LIMIT);
	dgram_free(d);
	d = sender(PLENTY_MS, true);
	cr_expect_eq(send_now(d, bytes).last, ERR_OK);
	passed = passed_descriptor(fd);
	cr_expect_eq(fcntl(passed, F_GET_SEALS), SEALS);
	cr_expect_eq(pread(passed, found, bytes.n + 1, 0), (ssize_t)bytes.n);
	cr_expect_eq(memcmp(found, bytes.p, bytes.n), 0);
	close(passed);
	cr_expect_eq(send_now(d, SPAN("small")).last, ERR_OK);
	expect_datagram(fd, "small");
	dgram_free(d);
	close(fd);
	free(found);
	free((void *)(uintptr_t)bytes.p);
}
