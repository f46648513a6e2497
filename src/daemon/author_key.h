/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_AUTHOR_KEY_H
#define DAEMON_AUTHOR_KEY_H

#include "base/defs.h"
#include "base/err.h"

struct conf;
struct pseudonym_key;

/*
 * The key of authors' digests: the configuration's, or author.key beside the
 * store, which is made if there is none. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err author_key_open(const struct conf *c, struct pseudonym_key **out, char **why);

#endif
