/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>

#include "hooks.h"
#include "ledger.h"

/*
 * The near end: keep-alive connections that post requests first, first + 1, …
 * Without a rate each connection sends its next request when it has its answer
 * (closed loop). With one, requests fall due by the clock and wait for a free
 * connection if they must (open loop).
 */
struct load_conf {
	int epoll;
	int port;
	size_t connections;
	double rate;               /* requests a second; 0: closed loop */
	size_t first, count;       /* of hooks */
	const struct hooks *hooks; /* borrowed */
	struct ledger *ledger;     /* borrowed; counts from first */
};

struct load;

/* Connect and begin. Exits if nobody listens. */
struct load *load_start(const struct load_conf *conf);

/* Send what is due. Returns when to call again, in ns of CLOCK_MONOTONIC; -1: need not. */
int64_t load_tick(struct load *l);

/* Fall silent: what is under way may end, nothing new is sent. */
void load_stop(struct load *l);

/* Is there nothing left to send? */
bool load_is_over(const struct load *l);

#endif
