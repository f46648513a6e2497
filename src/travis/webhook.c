/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/webhook.h"

#include "base/codec.h"
#include "io/crypto.h"

/* An RSA key of 8192 bits signs with this many bytes. */
#define SIGNATURE_MAX 1024

enum err travis_webhook_decode(struct span body, struct buf *payload)
{
	struct span value;

	if (form_find(body, "payload", &value) != ERR_OK)
		return ERR_PARSE;
	/* One field and nothing else: another one would not be signed. */
	if (value.n + strlen("payload=") != body.n)
		return ERR_PARSE;
	return form_decode(value, payload);
}

enum err travis_webhook_verify(struct span payload, struct span signature,
	struct rsa_key *const *keys, size_t n, size_t *by)
{
	uint8_t sig[SIGNATURE_MAX];
	size_t len;

	if (base64_decode(signature, sig, sizeof(sig), &len) != ERR_OK || len == 0)
		return ERR_PARSE;
	for (size_t i = 0; i < n; i++) {
		if (rsa_verify_sha1(keys[i], payload, sig, len) == ERR_OK) {
			*by = i;
			return ERR_OK;
		}
	}
	return ERR_AUTH;
}
