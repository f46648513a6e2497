/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "io/signing.h"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(signing, .init = setup);

static void bytes_of(const char *hex, uint8_t *out)
{
	cr_assert_eq(hex_decode(span_of(hex), out, strlen(hex) / 2), ERR_OK);
}

/* RFC 8032, section 7.1, test 2. */
Test(signing, signs_as_rfc_8032_says)
{
	uint8_t seed[ED25519_SEED_BYTES], sig[ED25519_SIGNATURE_BYTES];
	char hex[2 * ED25519_SIGNATURE_BYTES + 1];
	struct signing_key *k;

	bytes_of("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed);
	k = signing_key_new(seed);
	hex_encode(signing_key_public(k), ED25519_PUBLIC_BYTES, hex);
	cr_assert_str_eq(hex, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	signing_key_sign(k, SPAN("r"), sig);
	hex_encode(sig, sizeof(sig), hex);
	cr_assert_str_eq(hex, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	signing_key_free(k);
}

Test(signing, verifies_what_was_signed_and_nothing_else)
{
	uint8_t seed[ED25519_SEED_BYTES], sig[ED25519_SIGNATURE_BYTES];
	struct signing_key *k, *again;

	random_bytes(seed, sizeof(seed));
	k = signing_key_new(seed);
	again = signing_key_new(seed);

	cr_assert_arr_eq(signing_key_public(k), signing_key_public(again), ED25519_PUBLIC_BYTES);
	signing_key_sign(k, SPAN("told"), sig);
	cr_assert(ed25519_verify(signing_key_public(again), SPAN("told"), sig));
	cr_assert_not(ed25519_verify(signing_key_public(k), SPAN("tolt"), sig));
	sig[3] ^= 1;
	cr_assert_not(ed25519_verify(signing_key_public(k), SPAN("told"), sig));
	signing_key_free(k);
	signing_key_free(again);
}

/* RFC 4231, test case 2, the data in two parts. */
Test(signing, makes_an_hmac_as_rfc_4231_says)
{
	const struct span parts[] = { SPAN("what do ya want "), SPAN("for nothing?") };
	uint8_t mac[HMAC_SHA256_BYTES];
	char hex[2 * HMAC_SHA256_BYTES + 1];

	hmac_sha256(SPAN("Jefe"), parts, ARRAY_SIZE(parts), mac);
	hex_encode(mac, sizeof(mac), hex);
	cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
