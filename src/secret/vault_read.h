/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_VAULT_READ_H
#define SECRET_VAULT_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "secret/provider.h"

/* Reading what Vault and OpenBao answer. ERR_PARSE and ERR_LIMIT for what it cannot be. */

struct vault_auth {
	struct secret *token; /* the callee's; NULL where the answer has none to give */
	int64_t lease_ms;     /* 0: it does not end */
	bool renewable;
};

/* Of a login or a renewal. */
MUST_CHECK enum err vault_read_auth(struct span body, struct vault_auth *out);

/* Of auth/token/lookup-self; no token is in it for us. */
MUST_CHECK enum err vault_read_lookup(struct span body, struct vault_auth *out);

/* Of sys/wrapping/unwrap: the wrapped secret_id. */
MUST_CHECK enum err vault_read_unwrapped(struct span body, struct secret **out);

/* Of a read of KV v2. Says all of *out, why included. */
void vault_read_kv(struct span body, const char *field, struct secret_answer *out);

#endif
