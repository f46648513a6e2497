/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_CRYPTO_H
#define IO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* Call once, before any other function here. ERR_IO if the libraries refuse. */
MUST_CHECK enum err crypto_init(void);

#define SHA256_BYTES 32

void sha256(struct span bytes, uint8_t digest[SHA256_BYTES]);

/* SHA-256 over parts, each preceded by its length, so that parts cannot run together. */
void sha256_parts(const struct span *parts, size_t n, uint8_t digest[SHA256_BYTES]);

/* SHA-256 over the parts as one text. */
void sha256_joined(const struct span *parts, size_t n, uint8_t digest[SHA256_BYTES]);

/* SHA-256 of what comes piece by piece; sha256_end() frees. */
struct sha256;

struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *s, struct span bytes);
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES]);

/* From the operating system's generator. */
void random_bytes(void *p, size_t n);
uint64_t random_u64(void);

/* Equal, in time that depends on n only. */
bool bytes_equal_ct(const void *a, const void *b, size_t n);

/* An RSA public key, ready to verify many times. */
struct rsa_key;

#define RSA_FINGERPRINT_MAX (7 + 2 * SHA256_BYTES + 1)

/*
 * Read a PEM SubjectPublicKeyInfo. ERR_PARSE if it is none or not RSA,
 * ERR_LIMIT if the modulus has fewer than 2048 or more than 8192 bits.
 */
MUST_CHECK enum err rsa_key_parse(struct span pem, struct rsa_key **out);
void rsa_key_free(struct rsa_key *k);

/* "sha256:" and the digest of the key's DER form: names a key in logs and audit. */
const char *rsa_key_fingerprint(const struct rsa_key *k);

/*
 * Verify an RSASSA-PKCS1-v1_5 signature with SHA-1 (RFC 8017, section 8.2.2)
 * by recovering the DigestInfo and comparing it whole: works also where the
 * distribution's policy forbids SHA-1 signatures. ERR_AUTH if it does not hold.
 */
MUST_CHECK enum err rsa_verify_sha1(
	struct rsa_key *k, struct span message, const uint8_t *sig, size_t sig_len);

#endif
