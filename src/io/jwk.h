/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JWK_H
#define IO_JWK_H

#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* How an issuer signs (RFC 7518, section 3.1). The configuration says which; a token never does. */
enum jws_alg {
	JWS_ES256, /* ECDSA over P-256 with SHA-256; a signature is r and s, 32 bytes each */
	JWS_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
};

const char *jws_alg_str(enum jws_alg a);
MUST_CHECK enum err jws_alg_parse(struct span text, enum jws_alg *a);

/* The public keys of one issuer (RFC 7517), ready to verify. */
struct jwk_set;

#define JWK_SET_KEYS  32
#define JWK_SET_BYTES (64 * 1024)

/*
 * Read a JWK Set. Keys of other kinds and uses, without a name, too short or
 * not on the curve are passed over, so a set may come out empty. ERR_PARSE if it
 * is no JWK Set, or has two usable keys of one name; ERR_LIMIT if it has more
 * than JWK_SET_KEYS keys or JWK_SET_BYTES bytes.
 */
MUST_CHECK enum err jwk_set_parse(struct span json, struct jwk_set **out);
void jwk_set_free(struct jwk_set *s);

size_t jwk_set_count(const struct jwk_set *s);

/*
 * Does the key of that name vouch for text? ERR_NOTFOUND if the set has none of
 * that name for alg, ERR_AUTH if it does not hold.
 */
MUST_CHECK enum err jwk_set_verify(const struct jwk_set *s, enum jws_alg alg, struct span kid,
	struct span text, struct span signature);

#endif
