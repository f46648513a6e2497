/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hub_signature.h"

#include "base/codec.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "io/signing.h"

#define SCHEME "sha256="

enum err hub_signature_verify(
	struct secret *const *secrets, size_t n, struct span value, struct span body, size_t *by)
{
	const size_t prefix = sizeof(SCHEME) - 1;
	uint8_t claimed[HMAC_SHA256_BYTES], mac[HMAC_SHA256_BYTES];
	size_t found = n;

	if (!span_starts(value, SCHEME) ||
		hex_decode((struct span){ value.p + prefix, value.n - prefix }, claimed,
			sizeof(claimed)) != ERR_OK)
		return ERR_PARSE;
	for (size_t i = 0; i < n; i++) {
		const struct span key = { secret_text(secrets[i]), secret_len(secrets[i]) };

		hmac_sha256(key, &body, 1, mac);
		if (bytes_equal_ct(mac, claimed, sizeof(mac)) && found == n)
			found = i;
	}
	if (found == n)
		return ERR_AUTH;
	*by = found;
	return ERR_OK;
}
