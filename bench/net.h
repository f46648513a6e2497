/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* What epoll's data.ptr points at. */
struct watch {
	int fd;
	void (*on_ready)(struct watch *w, uint32_t events);
};

/* Start to watch w->fd, edge triggered, for reading and writing. */
void watch_add(int epoll, struct watch *w);

/* Bytes that have arrived and are not used yet. */
struct inbox {
	char *data;
	size_t len, cap;
};

/* Read all there is. False when the peer has closed or the connection broke. */
bool inbox_fill(struct inbox *in, int fd);
void inbox_drop(struct inbox *in, size_t n);

/* One HTTP message with a Content-Length or without a body; borrowed. */
struct message {
	struct span head, body;
	size_t size; /* both and the blank line */
	int status;  /* of a response; 0 in a request */
	bool closes; /* says Connection: close */
};

/* False while it is not complete. Trusts the peer's HTTP: this is no server. */
bool message_parse(struct span bytes, struct message *m);

#endif
