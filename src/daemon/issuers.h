/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ISSUERS_H
#define DAEMON_ISSUERS_H

#include <stdbool.h>

#include "base/span.h"

struct conf;
struct httpc;
struct issuer;
struct loop;

/*
 * Those whose tokens are taken: Backstage for its users, and the issuers of
 * agents. None is another's deputy: each has its own rules and keys, and a token
 * is judged by the one that it names.
 */
struct issuers;

struct issuers *issuers_new(struct loop *l, struct httpc *http);
void issuers_free(struct issuers *s);

/*
 * From now on those of this configuration, which is borrowed until the next one.
 * Who is the same as before keeps its keys.
 */
void issuers_set(struct issuers *s, const struct conf *c);

/* The one that calls itself that. Of an unknown one the users' says why it is refused; or NULL. */
struct issuer *issuers_find(const struct issuers *s, struct span iss);

/* The name in the configuration; NULL for the users', and for one that is no more. */
const char *issuers_name(const struct issuers *s, const struct issuer *i);

/* Is it, and is it still, the users'? */
bool issuers_is_of_users(const struct issuers *s, const struct issuer *i);

#endif
