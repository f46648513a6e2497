/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_ENV_VAR_H
#define TRAVIS_ENV_VAR_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "base/span.h"

struct secret;

/*
 * The environment variables in a repository's settings (API v3, env_vars and
 * env_var). A repository has one value for a name and a branch, and never tells a
 * private one. It keeps all of them in one text, which it reads, changes and
 * writes: two writers at a time lose one's change.
 */
#define TRAVIS_ENV_VAR_ID_MAX 64

struct travis_env_var {
	char id[TRAVIS_ENV_VAR_ID_MAX]; /* fit to stand in a path */
	bool is_public;
};

/*
 * Find one in the answer to GET /repo/…/env_vars; an empty branch is of all
 * branches. ERR_NOTFOUND if there is none, ERR_PARSE if this is no such answer.
 */
MUST_CHECK enum err travis_env_vars_find(
	struct json_value body, struct span name, struct span branch, struct travis_env_var *out);

/* Read one that was written. ERR_PARSE if it is none of that name. */
MUST_CHECK enum err travis_env_var_read(
	struct json_value body, struct span name, struct travis_env_var *out);

/*
 * The body that writes one, never public. What a job's shell would not take as it
 * stands is in single quotes, since the value becomes part of an export. ERR_PARSE
 * if it is not UTF-8, or has a zero byte.
 */
MUST_CHECK enum err travis_env_var_write(
	struct span name, struct span branch, const struct secret *value, struct secret **out);

#endif
