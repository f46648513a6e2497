/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "base/buf.h"

struct daemon;

/* Append everything that is counted, in Prometheus's text format 0.0.4. */
MUST_CHECK enum err metrics_write(const struct daemon *d, struct buf *out);

#endif
