/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_IDENTITY_H
#define BACKSTAGE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"

struct secret;
struct signing_key;

/*
 * Who we are to Backstage without a shared secret: short JWTs signed by Ed25519
 * (EdDSA), and the JWKS by which Backstage's externalAccess of type jwks verifies
 * them. Time is passed in.
 *
 * A key is published before it signs, as Backstage keeps the JWKS that it has
 * fetched, and stays published until its last token has ended:
 *
 *	new key:  | published: overlap | signs ...
 *	old key:  ... signs            | published: overlap and a lifetime | gone
 */
struct identity;

struct identity_conf {
	const char *issuer, *audience, *subject; /* NULL: it mints nothing */
	int64_t lifetime_ms;                     /* of a token */
	int64_t overlap_ms;                      /* that a key is published before it signs */
	int64_t rotate_ms;                       /* the age at which a key is to be replaced */
};

struct identity *identity_new(void);
void identity_free(struct identity *i);

/* Say so from now on. conf is copied. */
void identity_set_conf(struct identity *i, const struct identity_conf *conf);

/* The newest key from now on, made then. k is taken. The one before the last is dropped. */
void identity_add_key(struct identity *i, struct signing_key *k, struct wall made);

/* Should there be a newer key? Also when there is none. */
bool identity_is_due(const struct identity *i, struct wall now);

/* The name (kid) of the newest key; "" if there is none. */
const char *identity_newest(const struct identity *i);

/* When it was made; and the name of the key that signs now. */
struct wall identity_newest_made(const struct identity *i);
const char *identity_signer(const struct identity *i, struct wall now);

/*
 * A token that is good for half its lifetime at least; the same one until then.
 * Borrowed until the next call. NULL without a conf or a key.
 */
const struct secret *identity_token(struct identity *i, struct wall now);

/* Append the JSON Web Key Set (RFC 7517) of all that may have signed or will soon. */
MUST_CHECK enum err identity_jwks(const struct identity *i, struct wall now, struct buf *out);

#endif
