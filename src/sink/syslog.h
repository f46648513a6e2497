/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_SYSLOG_H
#define SINK_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "io/tls.h"
#include "model/sink.h"

struct loop;

/*
 * The sink "syslog": events as messages of RFC 5424, one a datagram, or each
 * behind its length (RFC 6587, RFC 5425) on a connection. Syslog has no answer:
 * delivered means that the local daemon's socket has it, or that the other
 * host's kernel has acknowledged it on a connection that is still good. A
 * collector that dies with a message unread loses it.
 */
struct syslog_sink_conf {
	/* "unix:/dev/log", "unix-stream:/path", "tcp:host:port", "tls:host:port" */
	const char *address;
	const char *facility; /* "daemon", "local0" */
	bool is_text;         /* one line for people, not JSON */
	size_t message_max;   /* bytes */
	int64_t timeout_ms;   /* of a try */
	struct tls_client_conf tls;
};

/* ERR_IO with *why (free(3) it) if a certificate cannot be read. */
MUST_CHECK enum err syslog_sink_init(struct sink *sink, struct loop *l, const char *name,
	const struct syslog_sink_conf *conf, char **why);

#endif
