/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_SECRETS_H
#define DAEMON_SECRETS_H

#include <stdbool.h>

struct conf;
struct httpc;
struct safe;
struct safe_needs;

/* A safe with the providers of a configuration; NULL if it has none. */
struct safe *secrets_open(const struct conf *c, struct httpc *http, const struct safe_needs *needs);

/* Do both have the same providers, so that one safe is good for both? */
bool secrets_are_same(const struct conf *a, const struct conf *b);

/* Are any secrets at providers? */
bool secrets_are_remote(const struct conf *c);

/* A sink, or Backstage where it is NULL, did not take what we showed it. */
void secrets_doubt(struct safe *s, const struct conf *c, const char *sink);

#endif
