/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "backstage/identity.h"
#include "base/codec.h"
#include "io/crypto.h"
#include "io/jws.h"
#include "io/secmem.h"
#include "io/signing.h"

#define MINUTE INT64_C(60000)
#define DAY    (1440 * MINUTE)
#define BORN   INT64_C(1790000000000)

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(identity, .init = setup);

static struct wall at(int64_t ms)
{
	return (struct wall){ .ms = BORN + ms };
}

/* The key of RFC 8037, appendix A.1. */
static struct signing_key *rfc_key(void)
{
	uint8_t seed[ED25519_SEED_BYTES];

	cr_assert_eq(hex_decode(SPAN("9d61b19deffd5a60ba844af492ec2cc4"
				     "4449c5697b326919703bac031cae7f60"),
			     seed, sizeof(seed)),
		ERR_OK);
	return signing_key_new(seed);
}

static struct signing_key *key_of(uint8_t n)
{
	uint8_t seed[ED25519_SEED_BYTES] = { n };

	return signing_key_new(seed);
}

static struct identity *identity_of(struct signing_key *k)
{
	const struct identity_conf conf = {
		.issuer = "https://relay.example",
		.audience = "backstage-external",
		.subject = "stagewire",
		.lifetime_ms = 10 * MINUTE,
		.overlap_ms = 15 * MINUTE,
		.rotate_ms = 30 * DAY,
	};
	struct identity *i = identity_new();

	identity_set_conf(i, &conf);
	identity_add_key(i, k, at(0));
	return i;
}

static const char *token_at(struct identity *i, int64_t ms)
{
	return secret_text(identity_token(i, at(ms)));
}

static bool jwks_has(const struct identity *i, int64_t ms, struct signing_key *k)
{
	CLEANUP(buf_release) struct buf b;
	char name[JWK_THUMBPRINT_MAX];

	buf_init(&b, 4096);
	cr_assert_eq(identity_jwks(i, at(ms), &b), ERR_OK);
	return strstr(b.data, jwk_thumbprint(k, name)) != NULL;
}

/* Is this the key that its header names, and is its signature good by it? */
static bool is_signed_by(const char *token, struct signing_key *k)
{
	CLEANUP(buf_release) struct buf header, text;
	const char *dot = strrchr(token, '.'), *first = strchr(token, '.');
	const struct span claims = { token, (size_t)(dot - token) };
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	char name[JWK_THUMBPRINT_MAX];

	buf_init(&header, 1024);
	buf_init(&text, 4096);
	cr_assert_eq(buf_addf(&header, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
			     jwk_thumbprint(k, name)),
		ERR_OK);
	cr_assert_eq(base64url_encode(&text, header.data, header.len), ERR_OK);
	if (text.len != (size_t)(first - token) || memcmp(text.data, token, text.len) != 0)
		return false;
	signing_key_sign(k, claims, signature);
	buf_clear(&text);
	cr_assert_eq(base64url_encode(&text, signature, sizeof(signature)), ERR_OK);
	return strcmp(text.data, dot + 1) == 0;
}

Test(identity, signs_as_rfc_8037_says)
{
	CLEANUP(buf_release) struct buf b;
	struct signing_key *k = rfc_key();

	buf_init(&b, 1024);
	cr_assert_eq(
		jws_sign(k, SPAN("{\"alg\":\"EdDSA\"}"), SPAN("Example of Ed25519 signing"), &b),
		ERR_OK);
	cr_assert_str_eq(b.data, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
				 "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5Bh"
				 "VsPt9g7sVvpAr_MuM0KAg");
	signing_key_free(k);
}

Test(identity, names_a_key_as_rfc_8037_says)
{
	struct signing_key *k = rfc_key();
	char name[JWK_THUMBPRINT_MAX];

	cr_assert_str_eq(jwk_thumbprint(k, name), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	signing_key_free(k);
}

Test(identity, publishes_a_key_without_its_private_half)
{
	CLEANUP(buf_release) struct buf b;
	struct identity *i = identity_of(rfc_key());

	buf_init(&b, 4096);
	cr_assert_eq(identity_jwks(i, at(0), &b), ERR_OK);
	cr_assert_str_eq(b.data, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
				 "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
				 "\"kid\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\","
				 "\"alg\":\"EdDSA\",\"use\":\"sig\"}]}");
	identity_free(i);
}

Test(identity, claims_what_backstage_asks_for)
{
	CLEANUP(buf_release) struct buf b;
	struct identity *i = identity_of(rfc_key());
	struct signing_key *k = rfc_key();
	const char *token = token_at(i, 0), *claims = strchr(token, '.') + 1;

	buf_init(&b, 1024);
	cr_assert_eq(
		base64url_encode(&b,
			SPAN("{\"iss\":\"https://relay.example\","
			     "\"aud\":\"backstage-external\",\"sub\":\"stagewire\","
			     "\"iat\":1790000000,\"exp\":1790000600,\"jti\":\"")
				.p,
			strlen("{\"iss\":\"https://relay.example\",\"aud\":\"backstage-external\","
			       "\"sub\":\"stagewire\",\"iat\":1790000000,\"exp\":1790000600,"
			       "\"jti\":\"")),
		ERR_OK);
	/* The last characters depend on what follows. */
	cr_assert_eq(strncmp(claims, b.data, b.len - 2), 0, "%s", claims);
	cr_assert(is_signed_by(token, k));
	signing_key_free(k);
	identity_free(i);
}

Test(identity, mints_a_new_token_at_half_its_life)
{
	struct identity *i = identity_of(key_of(1));
	char *first = xstrdup(token_at(i, 0));

	cr_assert_str_eq(token_at(i, 5 * MINUTE - 1), first);
	cr_assert_str_neq(token_at(i, 5 * MINUTE), first);
	free(first);
	identity_free(i);
}

Test(identity, mints_a_new_token_when_the_clock_is_set_back)
{
	struct identity *i = identity_of(key_of(1));
	char *first = xstrdup(token_at(i, MINUTE));

	cr_assert_str_neq(token_at(i, -60 * MINUTE), first);
	free(first);
	identity_free(i);
}

Test(identity, signs_with_a_key_only_after_it_was_published_for_the_overlap)
{
	struct signing_key *one = key_of(1), *two = key_of(2);
	struct identity *i = identity_of(key_of(1));
	const int64_t change = 30 * DAY;

	cr_assert_not(identity_is_due(i, at(change - 1)));
	cr_assert(identity_is_due(i, at(change)));
	identity_add_key(i, key_of(2), at(change));
	cr_assert_not(identity_is_due(i, at(change)));
	cr_assert(is_signed_by(token_at(i, change), one));
	cr_assert(is_signed_by(token_at(i, change + 15 * MINUTE - 1), one));
	cr_assert(jwks_has(i, change, two));
	cr_assert(is_signed_by(token_at(i, change + 15 * MINUTE), two));
	signing_key_free(one);
	signing_key_free(two);
	identity_free(i);
}

Test(identity, publishes_the_old_key_until_its_last_token_has_ended)
{
	struct signing_key *one = key_of(1);
	struct identity *i = identity_of(key_of(1));

	identity_add_key(i, key_of(2), at(DAY));
	cr_assert(jwks_has(i, DAY + 25 * MINUTE, one));
	cr_assert(jwks_has(i, DAY + 40 * MINUTE - 1, one));
	cr_assert_not(jwks_has(i, DAY + 40 * MINUTE, one));
	signing_key_free(one);
	identity_free(i);
}

Test(identity, mints_nothing_without_a_conf_or_a_key)
{
	const struct identity_conf none = { 0 };
	struct identity *i = identity_new();

	cr_assert_null(identity_token(i, at(0)));
	cr_assert(identity_is_due(i, at(0)));
	identity_add_key(i, key_of(1), at(0));
	identity_set_conf(i, &none);
	cr_assert_null(identity_token(i, at(0)));
	identity_free(i);
}
