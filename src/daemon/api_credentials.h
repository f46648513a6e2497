/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_CREDENTIALS_H
#define DAEMON_API_CREDENTIALS_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct conf;
struct safe;

/*
 * All credentials of a configuration, as fetched. The secrets themselves are not
 * kept, only what tells them again.
 */
struct api_credentials;

/*
 * Fetch them; what providers have is in safe, and while one value replaces another
 * both are known. On failure *why (free(3) it) is one line without a secret.
 */
MUST_CHECK enum err api_credentials_fetch(
	const struct conf *c, const struct safe *safe, struct api_credentials **out, char **why);
void api_credentials_free(struct api_credentials *c);

struct api_caller {
	const char *name; /* of the credential; borrowed from it */
	unsigned rights;
};

/*
 * Does the value of an Authorization field show one of them? As "Bearer SECRET",
 * as "token SECRET", which clients of Travis CI send, or as Basic with its name
 * and secret, which browsers do (RFC 6750, RFC 7617). Takes the same time for every
 * wrong secret of one length.
 */
bool api_credentials_know(
	const struct api_credentials *c, struct span authorization, struct api_caller *caller);

#endif
