/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_V3_WRITE_H
#define TRAVIS_V3_WRITE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/span.h"
#include "model/build.h"

/*
 * Answers in the shape of Travis CI's API v3. What a webhook does not tell, such as
 * who started a build, is left out; a build's branch and commit are always there,
 * because readers rely on it.
 */

/* Beside what v3 has, build_num is the count of all, which Backstage's card pages by; or -1. */
struct v3_build {
	const struct build *build;
	struct wall updated;
	int64_t count;
};

void v3_put_build(struct json_writer *w, const struct v3_build *b);

/* A page of the builds of a repository; between begin and end, v3_put_build() of each. */
struct v3_page {
	struct span slug;
	int64_t offset, limit, count;
};

void v3_put_builds_begin(struct json_writer *w, const struct v3_page *p);
void v3_put_builds_end(struct json_writer *w);

void v3_put_user(struct json_writer *w, const char *login);

/*
 * What is done to a build, "restart", is under way. location is ours: where it
 * can be followed.
 */
void v3_put_pending(struct json_writer *w, int64_t build, const char *act, const char *location);

/* type as "not_found"; resource, as "repository", and permission may be NULL. */
struct v3_error {
	const char *type, *message, *resource, *permission;
};

void v3_put_error(struct json_writer *w, const struct v3_error *e);

#endif
