/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "io/httpd.h"

struct daemon;

/*
 * The admin listeners' handler: GET /healthz, /readyz and /metrics for anyone who
 * reaches it; /v1/… for stagewirectl, on unix sockets only, where the socket's
 * mode says who may ask and order.
 */
struct httpd_handler admin_handler(struct daemon *d);

#endif
