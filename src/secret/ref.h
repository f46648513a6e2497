/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_REF_H
#define SECRET_REF_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/err.h"

struct secret;

/* Where a secret lies. The configuration holds references, never secrets. */
enum secret_place {
	SECRET_NONE,
	SECRET_FILE,       /* a path */
	SECRET_CREDENTIAL, /* a name below $CREDENTIALS_DIRECTORY (systemd.exec(5)) */
	SECRET_ENV,        /* an environment variable */
	SECRET_VAULT,      /* a path at a provider (secret/path.h), and a field there */
	SECRET_AWS,        /* the same, an id of AWS Secrets Manager; the field may be NULL */
};

struct secret_ref {
	enum secret_place place;
	char *name;
	char *field, *provider; /* of SECRET_VAULT and SECRET_AWS, else NULL */
};

/* Is it a provider that has it, so that it takes time to fetch (secret/safe.h)? */
bool secret_ref_is_remote(const struct secret_ref *r);

struct secret_ref secret_ref_copy(const struct secret_ref *r);

void secret_ref_release(struct secret_ref *r);

/* Can this name a credential? It is one step below the directory, no path. */
bool secret_credential_is_valid(const char *name);

/*
 * Fetch what is on this host: the bytes without one trailing newline. ERR_NOTFOUND, ERR_IO,
 * ERR_LIMIT (over 64 KiB) or ERR_PARSE (empty, or a zero byte in it) with *why
 * (free(3) it) naming the place, never the value.
 */
MUST_CHECK enum err secret_fetch(const struct secret_ref *r, struct secret **out, char **why);

#endif
