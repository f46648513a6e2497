/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_DIAL_H
#define IO_DIAL_H

#include "base/defs.h"
#include "base/err.h"

struct loop;

/*
 * Connects a stream socket to one place, a unix socket's path or a host and
 * port, as often as asked. A name is looked up each time, and its addresses are
 * tried in the system's order.
 */
struct dialler;

struct dial_conf {
	const char *path;        /* of a unix socket; or NULL */
	const char *host, *port; /* the port in digits */
};

/* ERR_IO if a thread to look up names cannot be had. */
MUST_CHECK enum err dialler_new(struct loop *l, const struct dial_conf *conf, struct dialler **out);

/* Cancels first. */
void dialler_free(struct dialler *d);

/*
 * Connect, once at a time. on_dialled is called exactly once, on a later turn of
 * the loop: with the socket, which the callee owns, or with -1 and why
 * (borrowed). It waits for as long as the system does: cancel it.
 */
void dialler_dial(
	struct dialler *d, void (*on_dialled)(void *ctx, int fd, const char *why), void *ctx);

/* on_dialled is not called. */
void dialler_cancel(struct dialler *d);

/* What is being waited for, to be told when that took too long. */
const char *dialler_late(const struct dialler *d);

#endif
