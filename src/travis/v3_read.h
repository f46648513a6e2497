/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_V3_READ_H
#define TRAVIS_V3_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What is asked for in the words of Travis CI's API v3, of which this is the part
 * that reads builds: the resources that Backstage's card and its client call.
 */
enum v3_what {
	V3_NOTHING, /* that we have */
	V3_BUILDS,  /* /repo/{slug}/builds: of one repository, newest first */
	V3_BUILD,   /* /build/{id}, or /builds/{id} as it is on Travis CI's site */
	V3_USER,    /* /user */
	V3_ACT,     /* /build/{id}/restart and its like, which are posted */
};

#define V3_LIMIT      25
#define V3_LIMIT_MOST 100

struct v3_request {
	enum v3_what what;
	struct buf slug; /* "owner/name", of V3_BUILDS */
	int64_t id;      /* of V3_BUILD and V3_ACT */
	const char *act; /* "restart", "cancel" */
	int64_t offset, limit;
	uint32_t states; /* bits of enum build_state; 0: all */
};

/* Is a path below one of those that v3 has, whether there is something or not? */
bool v3_owns(struct span path);

/*
 * Read a path as it was sent, where %2F is no slash; "/travisci/api" and "/v3"
 * before it do not count. What it does not say is V3_NOTHING.
 */
void v3_path_read(struct span path, struct v3_request *out);

/*
 * Read the query of V3_BUILDS; what only shapes the answer is passed over, as
 * is what nobody knows. ERR_PARSE for a parameter that is wrong, ERR_NOTFOUND for
 * one that would choose among the builds and cannot be had; then *why is a
 * sentence about it.
 */
MUST_CHECK enum err v3_query_read(struct span query, struct v3_request *out, const char **why);

void v3_request_release(struct v3_request *r);

#endif
