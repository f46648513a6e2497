/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "io/httpd.h"

struct daemon;

/*
 * The API listeners' handler: what the relay knows, for those who show a
 * credential (daemon/api_access.h). What there is, is a table in api.c.
 */
struct httpd_handler api_handler(struct daemon *d);

#endif
