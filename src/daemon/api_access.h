/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_ACCESS_H
#define DAEMON_API_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/api_credentials.h"
#include "io/httpd.h"
#include "model/api_right.h"

struct relay;

/* Who may ask on the API listener: whoever shows a credential of the configuration. */
struct api_access;

/* relay keeps the journal of refusals. */
struct api_access *api_access_new(struct relay *relay);
void api_access_free(struct api_access *a);

/* From now on these, which are taken; before, nobody may. */
void api_access_set(struct api_access *a, struct api_credentials *c);

/*
 * May whoever sent this? NULL: yes, and *caller says who. Else the problem to
 * answer with: 401 with its challenges, or 403; it has been counted, logged and
 * audited. *caller lives until api_access_set().
 */
const struct httpd_problem *api_access_check(struct api_access *a, const struct httpd_req *req,
	enum api_right right, struct api_caller *caller);

/* Does a request show one of the credentials, whatever it allows? Nothing is counted or told. */
bool api_access_knows(const struct api_access *a, const struct httpd_req *req);

struct api_access_stats {
	uint64_t granted, missing, wrong, not_allowed;
};

struct api_access_stats api_access_stats(const struct api_access *a);

#endif
