/* SPDX-License-Identifier: Apache-2.0 */
#include "io/crypto.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

#define SHA1_BYTES        20
#define RSA_BITS_MIN      2048
#define RSA_BITS_MAX      8192
#define RSA_EXPONENT_BITS 64

/* DER of DigestInfo up to the digest: SEQUENCE { { sha1, NULL }, OCTET STRING (RFC 8017, 9.2). */
static const uint8_t sha1_info[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02,
	0x1a, 0x05, 0x00, 0x04, 0x14 };

/* Fetched once and never changed: looking one up by name costs more than a short hash. */
static struct {
	EVP_MD *sha1, *sha256;
} digests;

struct rsa_key {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *recover; /* set up for the one thing that is done with the key */
	size_t bytes;          /* of the modulus, and so of every signature */
	char fingerprint[RSA_FINGERPRINT_MAX];
};

enum err crypto_init(void)
{
	if (sodium_init() < 0)
		return ERR_IO;
	if (digests.sha1 == NULL)
		digests.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (digests.sha256 == NULL)
		digests.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ERR_clear_error();
	return digests.sha1 != NULL && digests.sha256 != NULL ? ERR_OK : ERR_IO;
}

/* Only memory can fail here, and then nothing else goes on either. */
static void must(int done)
{
	if (done != 1)
		abort();
}

void sha256(struct span bytes, uint8_t digest[SHA256_BYTES])
{
	assert(digests.sha256 != NULL);
	must(EVP_Digest(bytes.p, bytes.n, digest, NULL, digests.sha256, NULL));
}

void sha256_parts(const struct span *parts, size_t n, uint8_t digest[SHA256_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert(digests.sha256 != NULL);
	must(md != NULL && EVP_DigestInit_ex(md, digests.sha256, NULL) == 1);
	for (size_t i = 0; i < n; i++) {
		uint64_t length = htobe64(parts[i].n);

		must(EVP_DigestUpdate(md, &length, sizeof(length)));
		must(EVP_DigestUpdate(md, parts[i].p, parts[i].n));
	}
	must(EVP_DigestFinal_ex(md, digest, NULL));
	EVP_MD_CTX_free(md);
}

void sha256_joined(const struct span *parts, size_t n, uint8_t digest[SHA256_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert(digests.sha256 != NULL);
	must(md != NULL && EVP_DigestInit_ex(md, digests.sha256, NULL) == 1);
	for (size_t i = 0; i < n; i++)
		must(EVP_DigestUpdate(md, parts[i].p, parts[i].n));
	must(EVP_DigestFinal_ex(md, digest, NULL));
	EVP_MD_CTX_free(md);
}

struct sha256 {
	EVP_MD_CTX *md;
};

struct sha256 *sha256_begin(void)
{
	struct sha256 *s = xcalloc(1, sizeof(*s));

	assert(digests.sha256 != NULL);
	s->md = EVP_MD_CTX_new();
	must(s->md != NULL && EVP_DigestInit_ex(s->md, digests.sha256, NULL) == 1);
	return s;
}

void sha256_add(struct sha256 *s, struct span bytes)
{
	must(EVP_DigestUpdate(s->md, bytes.p, bytes.n));
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES])
{
	must(EVP_DigestFinal_ex(s->md, digest, NULL));
	EVP_MD_CTX_free(s->md);
	free(s);
}

void random_bytes(void *p, size_t n)
{
	randombytes_buf(p, n);
}

uint64_t random_u64(void)
{
	uint64_t n;

	random_bytes(&n, sizeof(n));
	return n;
}

bool bytes_equal_ct(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

static EVP_PKEY *pem_read(struct span pem)
{
	EVP_PKEY *pkey;
	BIO *bio;

	if (pem.n == 0 || pem.n > INT_MAX)
		return NULL;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (bio == NULL)
		abort();
	pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return pkey;
}

/* A modulus of a sane size, and an exponent that is neither 1 nor slow on purpose. */
static enum err key_check(EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);
	EVP_PKEY_CTX *ctx;
	BIGNUM *e = NULL;
	int e_bits, sound;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return ERR_LIMIT;
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return ERR_PARSE;
	e_bits = BN_num_bits(e);
	BN_free(e);
	if (e_bits > RSA_EXPONENT_BITS)
		return ERR_LIMIT;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	sound = ctx == NULL ? 0 : EVP_PKEY_public_check(ctx);
	EVP_PKEY_CTX_free(ctx);
	return sound == 1 ? ERR_OK : ERR_PARSE;
}

static void key_name(struct rsa_key *k)
{
	uint8_t digest[SHA256_BYTES];
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(k->pkey, &der);

	if (n <= 0)
		abort();
	sha256((struct span){ (char *)der, (size_t)n }, digest);
	OPENSSL_free(der);
	memcpy(k->fingerprint, "sha256:", 7);
	hex_encode(digest, sizeof(digest), k->fingerprint + 7);
}

/* No digest is set, so that the library hands out what was signed and judges nothing. */
static EVP_PKEY_CTX *recover_new(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (ctx == NULL || EVP_PKEY_verify_recover_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		abort();
	return ctx;
}

enum err rsa_key_parse(struct span pem, struct rsa_key **out)
{
	EVP_PKEY *pkey = pem_read(pem);
	struct rsa_key *k;
	enum err e = ERR_PARSE;

	if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
		e = key_check(pkey);
	ERR_clear_error();
	if (e != ERR_OK) {
		EVP_PKEY_free(pkey);
		return e;
	}
	k = xcalloc(1, sizeof(*k));
	k->pkey = pkey;
	k->recover = recover_new(pkey);
	k->bytes = (size_t)EVP_PKEY_get_size(pkey);
	key_name(k);
	*out = k;
	return ERR_OK;
}

void rsa_key_free(struct rsa_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_CTX_free(k->recover);
	EVP_PKEY_free(k->pkey);
	free(k);
}

const char *rsa_key_fingerprint(const struct rsa_key *k)
{
	return k->fingerprint;
}

enum err rsa_verify_sha1(struct rsa_key *k, struct span message, const uint8_t *sig, size_t sig_len)
{
	uint8_t want[sizeof(sha1_info) + SHA1_BYTES], got[RSA_BITS_MAX / 8];
	size_t n = sizeof(got);
	int recovered;

	assert(digests.sha1 != NULL);
	if (sig_len != k->bytes)
		return ERR_AUTH;
	recovered = EVP_PKEY_verify_recover(k->recover, got, &n, sig, sig_len);
	if (recovered != 1 || n != sizeof(want)) {
		ERR_clear_error();
		return ERR_AUTH;
	}
	memcpy(want, sha1_info, sizeof(sha1_info));
	must(EVP_Digest(message.p, message.n, want + sizeof(sha1_info), NULL, digests.sha1, NULL));
	return CRYPTO_memcmp(want, got, sizeof(want)) == 0 ? ERR_OK : ERR_AUTH;
}
