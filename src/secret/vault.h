/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_VAULT_H
#define SECRET_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "secret/ref.h"

struct httpc;
struct loop;
struct provider;

/*
 * HashiCorp Vault or OpenBao: a KV engine of version 2, read as somebody who signs
 * in by AppRole, by a JWT, or has a token. A wrapped secret_id is unwrapped once;
 * that it was unwrapped already means that somebody else has it.
 */
enum vault_method {
	VAULT_APPROLE,
	VAULT_JWT,
	VAULT_TOKEN,
};

/* References are to what is on this host. */
struct vault_conf {
	const char *name;
	const char *address;   /* "https://vault.example.com:8200" */
	const char *namespace; /* or NULL */
	const char *mount;     /* of the KV engine */
	enum vault_method method;
	const char *auth_mount; /* of the method; NULL: its usual one */
	const char *role;       /* of VAULT_JWT */
	struct secret_ref role_id, secret_id, jwt, token;
	bool wrapped;   /* secret_id is a token to unwrap it with */
	const char *ca; /* or NULL */
	int64_t timeout_ms, refresh_ms, overlap_ms, grace_ms;
};

/* conf is copied. */
struct provider *vault_new(struct loop *l, struct httpc *http, const struct vault_conf *conf);

#endif
