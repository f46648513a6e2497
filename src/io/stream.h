/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;
struct tls_client;

/*
 * A connection that messages are written to and nothing is read from, over a
 * unix socket, TCP or TLS. It is made when there is something to write, kept
 * open, and made anew for the next message after it was lost.
 *
 * The other side never answers, so a message counts as written only when its
 * kernel has acknowledged every byte (over a unix socket: when it has read them)
 * and the connection is still good. A connection that is new has to hold for a
 * moment first: who is refused (a TLS certificate, a proxy without a backend)
 * is told so after the handshake.
 */
struct stream;

struct stream_conf {
	const char *path;             /* of a unix socket; or NULL */
	const char *host, *port;      /* the port in digits */
	const struct tls_client *tls; /* borrowed; NULL: plain */
	int64_t timeout_ms;           /* to connect; and for each message to be acknowledged */
};

/* ERR_IO if a thread to look up names cannot be had. */
MUST_CHECK enum err stream_new(struct loop *l, const struct stream_conf *conf, struct stream **out);

/* Cancels first. */
void stream_free(struct stream *s);

/*
 * Write a copy of the bytes. on_written is called exactly once, on a later turn
 * of the loop: why (borrowed) is NULL when they were acknowledged, else says
 * what happened; they may have arrived all the same.
 */
void stream_write(struct stream *s, struct span bytes,
	void (*on_written)(void *ctx, const char *why), void *ctx);

/* Forget all messages; on_written is not called. What is half written is finished. */
void stream_cancel(struct stream *s);

#endif
