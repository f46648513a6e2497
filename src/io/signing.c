/* SPDX-License-Identifier: Apache-2.0 */
#include "io/signing.h"

#include <sodium.h>
#include <stdlib.h>

#include "io/secmem.h"

struct signing_key {
	uint8_t secret[crypto_sign_SECRETKEYBYTES]; /* the seed and the public key */
};

/* Guarded: kept out of core files, wiped by sodium_free(). */
static struct signing_key *key_alloc(void)
{
	struct signing_key *k = sodium_malloc(sizeof(*k));

	if (k == NULL)
		abort();
	return k;
}

struct signing_key *signing_key_new(const uint8_t seed[ED25519_SEED_BYTES])
{
	struct signing_key *k = key_alloc();
	uint8_t public[ED25519_PUBLIC_BYTES];

	IGNORE(crypto_sign_seed_keypair(public, k->secret, seed) != 0);
	return k;
}

void signing_key_free(struct signing_key *k)
{
	sodium_free(k);
}

const uint8_t *signing_key_public(const struct signing_key *k)
{
	return k->secret + crypto_sign_SEEDBYTES;
}

void signing_key_sign(const struct signing_key *k, struct span message,
	uint8_t signature[ED25519_SIGNATURE_BYTES])
{
	IGNORE(crypto_sign_detached(signature, NULL, (const unsigned char *)message.p, message.n,
		       k->secret) != 0);
}

bool ed25519_verify(const uint8_t key[ED25519_PUBLIC_BYTES], struct span message,
	const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
	return crypto_sign_verify_detached(
		       signature, (const unsigned char *)message.p, message.n, key) == 0;
}

void hmac_sha256(
	struct span key, const struct span *parts, size_t n, uint8_t mac[HMAC_SHA256_BYTES])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.p, key.n);
	for (size_t i = 0; i < n; i++)
		crypto_auth_hmacsha256_update(
			&state, (const unsigned char *)parts[i].p, parts[i].n);
	crypto_auth_hmacsha256_final(&state, mac);
	secret_wipe(&state, sizeof(state));
}
