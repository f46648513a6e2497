/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_SYSLOG_FORMAT_H
#define SINK_SYSLOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * How an event becomes a message of RFC 5424. Its time is the event's, so that a
 * second try sends the same. What it is about stands in one structured data
 * element; each value there is cut to 200 bytes, and what has no room in half of
 * the message is left out. The text after it is the event in JSON, in ASCII so
 * that it needs no byte order mark, or one line for people. A message over its
 * size ends cut, and the parameter bytes says how long its text was.
 */
struct syslog_format {
	int facility; /* 0 to 23 */
	bool is_text; /* not JSON */
	size_t max;   /* bytes of a message, SYSLOG_MESSAGE_MIN at least */
	char host[256];
	int pid;
};

/* What every receiver should take (RFC 5424, section 6.1). */
#define SYSLOG_MESSAGE_MIN 2048

/* By the system's name and this process; the rest is the caller's. */
void syslog_format_init(struct syslog_format *s);

/* The number of "daemon", "local0" and so on; -1 if there is none of that name. */
int syslog_facility(const char *name);

/* Append the message of an event; ERR_PARSE if it cannot be read. */
MUST_CHECK enum err syslog_write(const struct syslog_format *s, struct span event, struct buf *out);

#endif
