/* SPDX-License-Identifier: Apache-2.0 */
#include "io/dgram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/loop.h"

/* One datagram that waits for room. */
struct waiting {
	STAILQ_ENTRY(waiting) entry;
	char *bytes;
	size_t len;
	int64_t deadline_ms; /* monotonic */
	void (*on_sent)(void *ctx, enum err e, const char *why);
	void *ctx;
};

STAILQ_HEAD(waiting_list, waiting);

struct dgram {
	struct loop *l;
	char *path;
	int64_t wait_ms;
	bool memfd;
	int fd; /* -1: to be connected */
	struct waiting_list waiting;
	struct loop_watch *watch; /* for room; while any waits */
	struct loop_timer *timer; /* the first one's deadline; while any waits */
};

/* --- one datagram --- */

/* Returns errno, 0 if it is connected now. */
static int dgram_connect(struct dgram *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int error;

	if (strlen(d->path) >= sizeof(at.sun_path))
		return ENAMETOOLONG;
	strcpy(at.sun_path, d->path);
	d->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return errno;
	if (connect(d->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return 0;
	error = errno;
	close(d->fd);
	d->fd = -1;
	return error;
}

static void dgram_close(struct dgram *d)
{
	loop_watch_free(TAKE(d->watch));
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static int write_all(int fd, struct span bytes)
{
	size_t done = 0;

	while (done < bytes.n) {
		ssize_t n = write(fd, bytes.p + done, bytes.n - done);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* A file in memory that nobody can change any more, as journald wants it; -1 with errno. */
static int memfd_of(struct span bytes)
{
	int fd = memfd_create("stagewire-datagram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -1;
	error = write_all(fd, bytes);
	if (error == 0 && fcntl(fd, F_ADD_SEALS,
				  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		error = errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static int put_descriptor(int fd, int passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &passed, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static int put_memfd(const struct dgram *d, struct span bytes)
{
	int passed = memfd_of(bytes), error;

	if (passed < 0)
		return errno;
	error = put_descriptor(d->fd, passed);
	close(passed);
	return error;
}

static int put_bytes(const struct dgram *d, struct span bytes)
{
	int error = send(d->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;

	return error == EMSGSIZE && d->memfd ? put_memfd(d, bytes) : error;
}

static bool is_receiver_gone(int error)
{
	return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN || error == EPIPE;
}

/* Returns errno, 0 if it was taken. The socket of a receiver that went away is opened anew. */
static int dgram_put(struct dgram *d, struct span bytes)
{
	int error = d->fd < 0 ? dgram_connect(d) : 0;

	if (error == 0)
		error = put_bytes(d, bytes);
	if (!is_receiver_gone(error))
		return error;
	dgram_close(d);
	error = dgram_connect(d);
	return error != 0 ? error : put_bytes(d, bytes);
}

static enum err err_of(int error)
{
	if (error == 0)
		return ERR_OK;
	return error == EMSGSIZE ? ERR_LIMIT : ERR_IO;
}

static const char *words_of(int error)
{
	if (error == EPROTOTYPE)
		return "it is no datagram socket";
	return error == 0 ? NULL : strerror(error);
}

/* --- waiting for room --- */

static void waiting_free(struct waiting *w)
{
	free(w->bytes);
	free(w);
}

static struct waiting *waiting_take(struct dgram *d)
{
	struct waiting *w = STAILQ_FIRST(&d->waiting);

	STAILQ_REMOVE_HEAD(&d->waiting, entry);
	return w;
}

static void waiting_end(struct waiting *w, enum err e, const char *why)
{
	w->on_sent(w->ctx, e, why);
	waiting_free(w);
}

static void on_room(void *ctx, unsigned ready);

/* Wait for room for the first one, if there is one, until its deadline. */
static void dgram_settle(struct dgram *d)
{
	struct waiting *w = STAILQ_FIRST(&d->waiting);

	if (w == NULL) {
		loop_watch_free(TAKE(d->watch));
		loop_timer_stop(d->timer);
		return;
	}
	if (d->watch == NULL && d->fd >= 0)
		d->watch = loop_watch_new(d->l, d->fd, LOOP_WRITE, on_room, d);
	loop_timer_set(d->timer, w->deadline_ms - clock_mono().ms);
}

/* Their owners may send on from within, which puts it behind those that wait still. */
static void on_room(void *ctx, unsigned ready)
{
	struct dgram *d = ctx;

	(void)ready;
	while (!STAILQ_EMPTY(&d->waiting)) {
		struct waiting *w = STAILQ_FIRST(&d->waiting);
		int error = dgram_put(d, (struct span){ w->bytes, w->len });

		if (error == EAGAIN)
			break;
		waiting_end(waiting_take(d), err_of(error), words_of(error));
	}
	dgram_settle(d);
}

static void on_due(void *ctx)
{
	struct dgram *d = ctx;
	int64_t now_ms = clock_mono().ms;

	while (!STAILQ_EMPTY(&d->waiting) && STAILQ_FIRST(&d->waiting)->deadline_ms <= now_ms)
		waiting_end(waiting_take(d), ERR_IO, "its queue is full");
	dgram_settle(d);
}

/* --- life --- */

void dgram_send(struct dgram *d, struct span bytes,
	void (*on_sent)(void *ctx, enum err e, const char *why), void *ctx)
{
	struct waiting *w;
	int error = EAGAIN;

	if (STAILQ_EMPTY(&d->waiting))
		error = dgram_put(d, bytes);
	if (error != EAGAIN) {
		on_sent(ctx, err_of(error), words_of(error));
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiting){
		.bytes = xstrndup(bytes.p, bytes.n),
		.len = bytes.n,
		.deadline_ms = clock_mono().ms + d->wait_ms,
		.on_sent = on_sent,
		.ctx = ctx,
	};
	STAILQ_INSERT_TAIL(&d->waiting, w, entry);
	dgram_settle(d);
}

void dgram_cancel(struct dgram *d)
{
	while (!STAILQ_EMPTY(&d->waiting))
		waiting_free(waiting_take(d));
	dgram_settle(d);
}

struct dgram *dgram_new(struct loop *l, const struct dgram_conf *conf)
{
	struct dgram *d = xcalloc(1, sizeof(*d));

	*d = (struct dgram){
		.l = l,
		.path = xstrdup(conf->path),
		.wait_ms = conf->wait_ms,
		.memfd = conf->memfd,
		.fd = -1,
	};
	STAILQ_INIT(&d->waiting);
	d->timer = loop_timer_new(l, on_due, d);
	return d;
}

void dgram_free(struct dgram *d)
{
	if (d == NULL)
		return;
	dgram_cancel(d);
	dgram_close(d);
	loop_timer_free(d->timer);
	free(d->path);
	free(d);
}
