/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_DESCRIPTION_H
#define DAEMON_API_DESCRIPTION_H

#include <stdbool.h>

#include "base/span.h"

struct daemon;
struct httpd_req;

/*
 * What there is at listen.api, as an OpenAPI document: doc/openapi.json as it is.
 * Nothing in it is secret, so no credential is asked for.
 */
bool api_description_is(struct span path);
void api_description_request(struct daemon *d, struct httpd_req *req);

#endif
