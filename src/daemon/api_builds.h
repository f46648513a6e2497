/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_BUILDS_H
#define DAEMON_API_BUILDS_H

#include "io/httpd.h"

struct daemon;

/*
 * Builds as Travis CI's API v3 would tell them (travis/v3_read.h), from the store,
 * of the repositories that an entity of the catalog claims now. For credentials
 * that allow "builds", and for users whom the policy lets read them, who may have
 * them restarted and canceled too. Errors are in v3's shape but for tokens that
 * are not taken (daemon/visitors.h).
 */
struct httpd_verdict api_builds_head(struct daemon *d, struct httpd_req *req);
void api_builds_request(struct daemon *d, struct httpd_req *req);

#endif
