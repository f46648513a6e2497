/* SPDX-License-Identifier: Apache-2.0 */
#include "io/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"

#define P256_BYTES   32
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_E_BYTES  8
#define KID_MAX      256
#define NUMBER_MAX   (RSA_BITS_MAX / 8 + 1)

struct jwk {
	char *kid;
	enum jws_alg alg;
	EVP_PKEY *pkey;
};

struct jwk_set {
	struct jwk key[JWK_SET_KEYS];
	size_t n;
};

static const char *const algs[] = { [JWS_ES256] = "ES256", [JWS_RS256] = "RS256" };

const char *jws_alg_str(enum jws_alg a)
{
	return algs[a];
}

enum err jws_alg_parse(struct span text, enum jws_alg *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		if (span_is(text, algs[i])) {
			*a = (enum jws_alg)i;
			return ERR_OK;
		}
	}
	return ERR_PARSE;
}

/* --- one key --- */

static bool member_is(struct json_value key, const char *name, const char *want)
{
	struct json_value v;
	struct span text;

	return json_get(key, name, &v) && json_plain(v, &text) == ERR_OK && span_is(text, want);
}

/* Absent, or that. */
static bool member_may_be(struct json_value key, const char *name, const char *want)
{
	struct json_value v;

	return !json_get(key, name, &v) || member_is(key, name, want);
}

/* The bytes of a Base64urlUInt or a coordinate. */
static enum err member_bytes(struct json_value key, const char *name, struct buf *out)
{
	struct json_value v;
	struct span text;

	if (!json_get(key, name, &v) || json_plain(v, &text) != ERR_OK)
		return ERR_PARSE;
	return base64url_decode(text, out);
}

/* Import what b describes; takes b. NULL if it is no sound public key. */
static EVP_PKEY *key_import(const char *type, OSSL_PARAM_BLD *b)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || params == NULL)
		abort();
	if (EVP_PKEY_fromdata_init(ctx) == 1)
		IGNORE(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params));
	if (pkey != NULL)
		check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (check == NULL || EVP_PKEY_public_check(check) != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	ERR_clear_error();
	return pkey;
}

/* RFC 7518, section 6.2. */
static EVP_PKEY *ec_read(struct json_value key)
{
	char group[] = "P-256";
	char point[1 + 2 * P256_BYTES + 8];
	struct buf x, y;
	OSSL_PARAM_BLD *b;
	bool whole;

	buf_init(&x, P256_BYTES + 2);
	buf_init(&y, P256_BYTES + 2);
	whole = member_bytes(key, "x", &x) == ERR_OK && member_bytes(key, "y", &y) == ERR_OK &&
		x.len == P256_BYTES && y.len == P256_BYTES;
	if (whole) {
		point[0] = 4; /* not compressed */
		memcpy(point + 1, x.data, P256_BYTES);
		memcpy(point + 1 + P256_BYTES, y.data, P256_BYTES);
	}
	buf_release(&x);
	buf_release(&y);
	if (!whole || !member_is(key, "crv", "P-256"))
		return NULL;
	b = OSSL_PARAM_BLD_new();
	if (b == NULL ||
		OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
		OSSL_PARAM_BLD_push_octet_string(
			b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * P256_BYTES) != 1)
		abort();
	return key_import("EC", b);
}

static BIGNUM *number(const struct buf *b)
{
	BIGNUM *n = BN_bin2bn((const unsigned char *)b->data, (int)b->len, NULL);

	if (n == NULL)
		abort();
	return n;
}

static EVP_PKEY *rsa_import(const struct buf *modulus, const struct buf *exponent)
{
	BIGNUM *n = number(modulus), *e = number(exponent);
	int bits = BN_num_bits(n);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *b;

	if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) {
		b = OSSL_PARAM_BLD_new();
		if (b == NULL || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
			OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) != 1)
			abort();
		pkey = key_import("RSA", b);
	}
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* RFC 7518, section 6.3. */
static EVP_PKEY *rsa_read(struct json_value key)
{
	EVP_PKEY *pkey = NULL;
	struct buf n, e;

	buf_init(&n, NUMBER_MAX + 2);
	buf_init(&e, RSA_E_BYTES + 2);
	if (member_bytes(key, "n", &n) == ERR_OK && member_bytes(key, "e", &e) == ERR_OK &&
		n.len > 0 && e.len > 0)
		pkey = rsa_import(&n, &e);
	buf_release(&n);
	buf_release(&e);
	return pkey;
}

static bool set_has(const struct jwk_set *s, const char *kid)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->key[i].kid, kid) == 0)
			return true;
	}
	return false;
}

/* Add a key if it is one of ours. */
static enum err set_add(struct jwk_set *s, struct json_value key)
{
	bool ec = member_is(key, "kty", "EC"), rsa = member_is(key, "kty", "RSA");
	enum jws_alg alg = ec ? JWS_ES256 : JWS_RS256;
	struct json_value v;
	struct span kid;
	EVP_PKEY *pkey;
	char *name;

	if ((!ec && !rsa) || !member_may_be(key, "use", "sig") ||
		!member_may_be(key, "alg", algs[alg]) || !json_get(key, "kid", &v) ||
		json_plain(v, &kid) != ERR_OK || kid.n == 0 || kid.n > KID_MAX)
		return ERR_OK;
	pkey = ec ? ec_read(key) : rsa_read(key);
	if (pkey == NULL)
		return ERR_OK;
	name = xstrndup(kid.p, kid.n);
	if (set_has(s, name)) {
		EVP_PKEY_free(pkey);
		free(name);
		return ERR_PARSE;
	}
	s->key[s->n++] = (struct jwk){ name, alg, pkey };
	return ERR_OK;
}

/* --- the set --- */

static enum err set_read(struct jwk_set *s, struct span json)
{
	struct json_value keys, key;
	struct json_iter it;
	size_t seen = 0;
	enum err e;

	if (!json_get(json_root(json), "keys", &keys) || keys.type != JSON_ARRAY)
		return ERR_PARSE;
	it = json_iter(keys);
	while (json_next_element(&it, &key)) {
		if (++seen > JWK_SET_KEYS)
			return ERR_LIMIT;
		e = set_add(s, key);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err jwk_set_parse(struct span json, struct jwk_set **out)
{
	struct jwk_set *s;
	enum err e;

	if (json.n > JWK_SET_BYTES)
		return ERR_LIMIT;
	e = json_gate(json, NULL, NULL);
	if (e != ERR_OK)
		return e;
	s = xcalloc(1, sizeof(*s));
	e = set_read(s, json);
	if (e == ERR_OK)
		*out = s;
	else
		jwk_set_free(s);
	return e;
}

void jwk_set_free(struct jwk_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->key[i].kid);
		EVP_PKEY_free(s->key[i].pkey);
	}
	free(s);
}

size_t jwk_set_count(const struct jwk_set *s)
{
	return s->n;
}

/* --- signatures --- */

/* From r and s to the DER form that the library takes; *der is the library's to free. */
static int ecdsa_der(struct span signature, unsigned char **der)
{
	const unsigned char *raw = (const unsigned char *)signature.p;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(raw + P256_BYTES, P256_BYTES, NULL);
	int n;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1)
		abort();
	n = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		abort();
	return n;
}

static bool key_vouches(EVP_PKEY *pkey, struct span text, const void *sig, size_t n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good;

	if (md == NULL)
		abort();
	good = EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
	       EVP_DigestVerify(md, sig, n, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return good;
}

static bool es256_vouches(EVP_PKEY *pkey, struct span text, struct span signature)
{
	unsigned char *der = NULL;
	bool good;
	int n;

	if (signature.n != 2 * P256_BYTES)
		return false;
	n = ecdsa_der(signature, &der);
	good = key_vouches(pkey, text, der, (size_t)n);
	OPENSSL_free(der);
	return good;
}

enum err jwk_set_verify(const struct jwk_set *s, enum jws_alg alg, struct span kid,
	struct span text, struct span signature)
{
	const struct jwk *k = NULL;
	bool good = false;

	for (size_t i = 0; i < s->n; i++) {
		if (s->key[i].alg == alg && span_is(kid, s->key[i].kid))
			k = &s->key[i];
	}
	if (k == NULL)
		return ERR_NOTFOUND;
	switch (alg) {
	case JWS_ES256: good = es256_vouches(k->pkey, text, signature); break;
	case JWS_RS256: good = key_vouches(k->pkey, text, signature.p, signature.n); break;
	}
	return good ? ERR_OK : ERR_AUTH;
}
