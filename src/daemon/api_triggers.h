/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_TRIGGERS_H
#define DAEMON_API_TRIGGERS_H

#include "io/httpd.h"

struct daemon;

/*
 * Builds of an entity, started, restarted, canceled and read by those whom the
 * policy lets: daemon/api_wish.h says what there is, daemon/visitors.h who asks.
 */
struct httpd_verdict api_triggers_head(struct daemon *d, struct httpd_req *req);
void api_triggers_request(struct daemon *d, struct httpd_req *req);

#endif
