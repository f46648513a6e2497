/* SPDX-License-Identifier: Apache-2.0 */
#include "io/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/resolve.h"

struct dialler {
	struct loop *l;
	char *path, *host, *port;
	struct loop_task task;      /* start */
	struct resolver *resolver;  /* NULL if no name is to be looked up */
	struct lookup *lookup;      /* under way */
	struct addrinfo *addresses; /* all of the host */
	struct addrinfo *next;      /* to be tried, among them */
	int fd;                     /* being connected, or -1 */
	struct loop_watch *watch;
	char why[200]; /* the last address failed */
	void (*on_dialled)(void *ctx, int fd, const char *why);
	void *ctx;
};

static void dialler_try_next(struct dialler *d);

static void dialler_hang_up(struct dialler *d)
{
	loop_watch_free(TAKE(d->watch));
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static void address_failed(struct dialler *d, int error)
{
	dialler_hang_up(d);
	snprintf(d->why, sizeof(d->why), "%s", strerror(error));
	dialler_try_next(d);
}

static void on_connected(void *ctx, unsigned ready)
{
	struct dialler *d = ctx;
	int error = 0, fd = d->fd;
	socklen_t n = sizeof(error);

	(void)ready;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error != 0) {
		address_failed(d, error);
		return;
	}
	d->fd = -1;
	loop_watch_free(TAKE(d->watch));
	d->on_dialled(d->ctx, fd, NULL);
}

static void dialler_connect(struct dialler *d, const struct sockaddr *at, socklen_t len)
{
	const int on = 1;

	d->fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0) {
		address_failed(d, errno);
		return;
	}
	/* What is written here is small, whole and waited for. */
	if (at->sa_family != AF_UNIX)
		IGNORE(setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0);
	IGNORE(setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0);
	if (connect(d->fd, at, len) != 0 && errno != EINPROGRESS) {
		address_failed(d, errno);
		return;
	}
	d->watch = loop_watch_new(d->l, d->fd, LOOP_WRITE, on_connected, d);
}

static void dialler_try_next(struct dialler *d)
{
	const struct addrinfo *a = d->next;

	if (a == NULL) {
		d->on_dialled(d->ctx, -1, d->why);
		return;
	}
	d->next = a->ai_next;
	dialler_connect(d, a->ai_addr, a->ai_addrlen);
}

static void dialler_connect_unix(struct dialler *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	d->next = NULL;
	if (strlen(d->path) >= sizeof(at.sun_path)) {
		address_failed(d, ENAMETOOLONG);
		return;
	}
	strcpy(at.sun_path, d->path);
	dialler_connect(d, (const struct sockaddr *)&at, sizeof(at));
}

static void on_found(void *ctx, struct addrinfo *list, const char *why)
{
	struct dialler *d = ctx;

	d->lookup = NULL;
	if (list == NULL) {
		d->on_dialled(d->ctx, -1, why);
		return;
	}
	if (d->addresses != NULL)
		freeaddrinfo(d->addresses);
	d->addresses = d->next = list;
	dialler_try_next(d);
}

static void dialler_start(struct loop_task *t)
{
	struct dialler *d = CONTAINER_OF(t, struct dialler, task);

	if (d->path != NULL) {
		dialler_connect_unix(d);
	} else if (d->resolver != NULL) {
		d->lookup = resolver_ask(d->resolver, d->host, d->port, on_found, d);
	} else {
		d->next = d->addresses;
		dialler_try_next(d);
	}
}

void dialler_dial(
	struct dialler *d, void (*on_dialled)(void *ctx, int fd, const char *why), void *ctx)
{
	d->on_dialled = on_dialled;
	d->ctx = ctx;
	loop_defer(d->l, &d->task);
}

void dialler_cancel(struct dialler *d)
{
	loop_undefer(d->l, &d->task);
	if (d->lookup != NULL)
		lookup_cancel(TAKE(d->lookup));
	dialler_hang_up(d);
}

const char *dialler_late(const struct dialler *d)
{
	return d->lookup != NULL ? "the name server did not answer in time"
				 : "no connection in time";
}

static char *copy_of(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

enum err dialler_new(struct loop *l, const struct dial_conf *conf, struct dialler **out)
{
	struct dialler *d = xcalloc(1, sizeof(*d));

	*d = (struct dialler){
		.l = l,
		.task.run = dialler_start,
		.path = copy_of(conf->path),
		.host = copy_of(conf->host),
		.port = copy_of(conf->port),
		.fd = -1,
	};
	if (d->path == NULL)
		d->addresses = resolve_numeric(d->host, d->port);
	if (d->path == NULL && d->addresses == NULL && resolver_new(l, &d->resolver) != ERR_OK) {
		dialler_free(d);
		return ERR_IO;
	}
	*out = d;
	return ERR_OK;
}

void dialler_free(struct dialler *d)
{
	if (d == NULL)
		return;
	dialler_cancel(d);
	resolver_free(d->resolver);
	if (d->addresses != NULL)
		freeaddrinfo(d->addresses);
	free(d->path);
	free(d->host);
	free(d->port);
	free(d);
}
