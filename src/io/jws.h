/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JWS_H
#define IO_JWS_H

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct signing_key;

/*
 * Append the compact form of a JSON Web Signature (RFC 7515) by Ed25519 (RFC 8037).
 * header is JSON and must say "alg":"EdDSA".
 */
MUST_CHECK enum err jws_sign(
	const struct signing_key *k, struct span header, struct span payload, struct buf *out);

#define JWK_THUMBPRINT_MAX 44

/* Name a key by its thumbprint (RFC 7638). Returns text. */
char *jwk_thumbprint(const struct signing_key *k, char text[JWK_THUMBPRINT_MAX]);

#endif
