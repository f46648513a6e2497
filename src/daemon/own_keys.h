/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_OWN_KEYS_H
#define DAEMON_OWN_KEYS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "io/httpd.h"

struct conf;
struct identity;

/*
 * The keys by which Backstage knows us, in files beside the store: identity.key,
 * and identity-old.key while a newer one takes over. Each has the time it was made at.
 */
struct own_keys;

/* Read them, or make the first. On failure *why (free(3) it) is one line. */
MUST_CHECK enum err own_keys_open(
	const struct conf *c, struct wall now, struct own_keys **out, char **why);
void own_keys_free(struct own_keys *k);

/* Take over what a reload may change. */
void own_keys_reload(struct own_keys *k, const struct conf *c);

/* What mints tokens; NULL while the configuration has no backstage.identity. */
struct identity *own_keys_identity(struct own_keys *k);

/*
 * Make a new key if it is time. Then *name (borrowed) is its name, else NULL. On
 * failure, which is tried again a minute later, *why (free(3) it).
 */
MUST_CHECK enum err own_keys_tick(
	struct own_keys *k, struct wall now, const char **name, char **why);

/* For people. Texts are borrowed. */
struct own_keys_status {
	bool minting;
	const char *key, *signing; /* names of the newest, and of the one that signs now */
	struct wall made, next;    /* the newest; when there is to be a newer one */
};

struct own_keys_status own_keys_status(const struct own_keys *k, const struct conf *c);

/* Serves the JWKS, and nothing else. */
struct httpd_handler own_keys_handler(struct own_keys *k);

#endif
