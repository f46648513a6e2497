/* SPDX-License-Identifier: Apache-2.0 */
#include "io/jws.h"

#include <assert.h>
#include <string.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "io/signing.h"

enum err jws_sign(
	const struct signing_key *k, struct span header, struct span payload, struct buf *out)
{
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	size_t begin = out->len;
	enum err e = base64url_encode(out, header.p, header.n);

	if (e == ERR_OK)
		e = buf_add_str(out, ".");
	if (e == ERR_OK)
		e = base64url_encode(out, payload.p, payload.n);
	if (e != ERR_OK)
		return e;
	signing_key_sign(k, (struct span){ out->data + begin, out->len - begin }, signature);
	e = buf_add_str(out, ".");
	return e == ERR_OK ? base64url_encode(out, signature, sizeof(signature)) : e;
}

char *jwk_thumbprint(const struct signing_key *k, char text[JWK_THUMBPRINT_MAX])
{
	CLEANUP(buf_release) struct buf b;
	uint8_t digest[SHA256_BYTES];
	enum err e;

	buf_init(&b, 256);
	e = buf_add_str(&b, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
	if (e == ERR_OK)
		e = base64url_encode(&b, signing_key_public(k), ED25519_PUBLIC_BYTES);
	if (e == ERR_OK)
		e = buf_add_str(&b, "\"}");
	assert(e == ERR_OK);
	sha256(buf_span(&b), digest);
	buf_clear(&b);
	e = base64url_encode(&b, digest, sizeof(digest));
	assert(e == ERR_OK && b.len < JWK_THUMBPRINT_MAX);
	memcpy(text, b.data, b.len + 1);
	return text;
}
