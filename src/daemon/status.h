/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "base/buf.h"

struct daemon;

/* Append how the daemon is, as the JSON object that `stagewirectl status` shows. */
MUST_CHECK enum err status_write(const struct daemon *d, struct buf *out);

#endif
