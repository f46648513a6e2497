/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_JOURNALD_H
#define SINK_JOURNALD_H

#include <stdint.h>

#include "base/defs.h"
#include "model/sink.h"

struct loop;

/*
 * The sink "journald": events as entries of the systemd journal with fields of
 * their own (STAGEWIRE_REPOSITORY=, STAGEWIRE_OWNER=), in journald's native
 * protocol. Delivered means that journald's socket has taken the entry.
 *
 * sd_journal_sendv(3) speaks the same protocol, but it blocks while journald is
 * busy, and calls it a success when there is no journald.
 */
struct journald_sink_conf {
	const char *path;   /* of journald's socket */
	int64_t timeout_ms; /* of a try */
};

/* Everything is copied. */
void journald_sink_init(
	struct sink *sink, struct loop *l, const char *name, const struct journald_sink_conf *conf);

#endif
