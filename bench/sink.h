/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "ledger.h"

/*
 * The far end: an HTTP server on loopback that answers every request with one
 * status and enters the build that its body names into the ledger.
 */
struct sink_conf {
	int epoll;
	int port;
	int status;            /* 201 is Backstage's */
	struct ledger *ledger; /* borrowed */
};

/* Listen from now until exit. Exits if the port is taken. */
void sink_start(const struct sink_conf *conf);

#endif
