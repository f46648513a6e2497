/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_SIGNING_H
#define IO_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

#define ED25519_SEED_BYTES      32
#define ED25519_PUBLIC_BYTES    32
#define ED25519_SIGNATURE_BYTES 64
#define HMAC_SHA256_BYTES       32

/* An Ed25519 private key (RFC 8032) in guarded memory. crypto_init() comes first. */
struct signing_key;

/* From its seed, of which no copy is kept elsewhere; wipe yours. */
struct signing_key *signing_key_new(const uint8_t seed[ED25519_SEED_BYTES]);

void signing_key_free(struct signing_key *k);

/* Borrowed. */
const uint8_t *signing_key_public(const struct signing_key *k);

void signing_key_sign(const struct signing_key *k, struct span message,
	uint8_t signature[ED25519_SIGNATURE_BYTES]);

/*
 * Does it hold? Refuses keys and points of small order and S that is not
 * reduced, as libsodium does.
 */
bool ed25519_verify(const uint8_t key[ED25519_PUBLIC_BYTES], struct span message,
	const uint8_t signature[ED25519_SIGNATURE_BYTES]);

/* HMAC-SHA-256 (RFC 2104) over the parts, one after the other. */
void hmac_sha256(
	struct span key, const struct span *parts, size_t n, uint8_t mac[HMAC_SHA256_BYTES]);

#endif
