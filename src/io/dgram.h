/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_DGRAM_H
#define IO_DGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;

/*
 * Sends datagrams to a unix socket, such as /dev/log. The kernel takes a whole
 * one or none. Those that do not fit into the receiver's queue wait here, in
 * order, and never the loop. A receiver that was restarted is found again.
 */
struct dgram;

struct dgram_conf {
	const char *path;
	int64_t wait_ms; /* for room in the receiver's queue */
	bool memfd;      /* what is too large for a datagram goes as a sealed memfd(2) */
};

struct dgram *dgram_new(struct loop *l, const struct dgram_conf *conf);

/* Cancels first. */
void dgram_free(struct dgram *d);

/*
 * Send a copy of the bytes. on_sent is called exactly once, perhaps from inside:
 * ERR_OK when the kernel has queued them for the receiver, ERR_LIMIT when they
 * are larger than a datagram can be, else ERR_IO; why (borrowed) has the words.
 */
void dgram_send(struct dgram *d, struct span bytes,
	void (*on_sent)(void *ctx, enum err e, const char *why), void *ctx);

/* Forget what waits; on_sent is not called. */
void dgram_cancel(struct dgram *d);

#endif
