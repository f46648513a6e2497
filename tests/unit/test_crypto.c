/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "scratch.h"

/* Keys and signatures are made by the openssl command, so that nothing is judged by itself. */
#define KEY_BYTES 256

static struct scratch scratch;
static struct rsa_key *key;
static const char message[] = "{\"id\":1,\"state\":\"passed\"}";

static struct rsa_key *load_key(const char *file)
{
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *k = NULL;

	buf_init(&pem, 65536);
	scratch_read(&scratch, file, &pem);
	cr_assert_eq(rsa_key_parse(buf_span(&pem), &k), ERR_OK);
	return k;
}

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	scratch_make(&scratch);
	scratch_run(&scratch, "openssl genrsa -out key.pem 2048 2>/dev/null && "
			      "openssl rsa -in key.pem -pubout -out pub.pem 2>/dev/null");
	scratch_write(&scratch, "message", span_of(message));
	key = load_key("pub.pem");
}

static void teardown(void)
{
	rsa_key_free(key);
	scratch_remove(&scratch);
}

static enum err verify_file(const char *file)
{
	CLEANUP(buf_release) struct buf sig;

	buf_init(&sig, 4096);
	scratch_read(&scratch, file, &sig);
	return rsa_verify_sha1(key, span_of(message), (uint8_t *)sig.data, sig.len);
}

static void sign(const char *options)
{
	CLEANUP(buf_release) struct buf command;

	buf_init(&command, 4096);
	cr_assert_eq(buf_addf(&command, "openssl dgst %s -sign key.pem -out sig message", options),
		ERR_OK);
	scratch_run(&scratch, command.data);
}

TestSuite(crypto);
TestSuite(rsa, .init = setup, .fini = teardown);

static void cr_assert_digest(const uint8_t digest[SHA256_BYTES], const char *hex)
{
	char text[2 * SHA256_BYTES + 1];

	hex_encode(digest, SHA256_BYTES, text);
	cr_assert_str_eq(text, hex);
}

Test(crypto, init_may_be_called_again)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	cr_assert_eq(crypto_init(), ERR_OK);
}

Test(crypto, sha256_gives_the_values_of_fips_180)
{
	uint8_t d[SHA256_BYTES];

	cr_assert_eq(crypto_init(), ERR_OK);
	sha256(SPAN("abc"), d);
	cr_assert_digest(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256((struct span){ NULL, 0 }, d);
	cr_assert_digest(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(crypto, sha256_parts_keeps_the_parts_apart)
{
	struct span one[] = { SPAN("ab"), SPAN("c") }, two[] = { SPAN("a"), SPAN("bc") };
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

	cr_assert_eq(crypto_init(), ERR_OK);
	sha256_parts(one, 2, a);
	sha256_parts(two, 2, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
	/* printf '\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c' | sha256sum */
	cr_assert_digest(a, "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f");
}

Test(crypto, random_bytes_differ_from_call_to_call)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	cr_assert_eq(crypto_init(), ERR_OK);
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
	cr_assert_neq(random_u64(), random_u64());
}

Test(crypto, bytes_equal_ct_sees_every_byte)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	cr_assert(bytes_equal_ct(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 0x80;
		cr_assert_not(bytes_equal_ct(a, b, sizeof(a)));
		b[i] = 0;
	}
}

Test(rsa, verifies_what_openssl_signed_with_sha1)
{
	sign("-sha1");
	cr_assert_eq(verify_file("sig"), ERR_OK);
	cr_assert_eq(verify_file("sig"), ERR_OK, "a key serves more than once");
}

Test(rsa, verifies_an_empty_message)
{
	CLEANUP(buf_release) struct buf sig;

	buf_init(&sig, 4096);
	scratch_run(&scratch, "openssl dgst -sha1 -sign key.pem -out sig /dev/null");
	scratch_read(&scratch, "sig", &sig);
	cr_assert_eq(rsa_verify_sha1(key, (struct span){ NULL, 0 }, (uint8_t *)sig.data, sig.len),
		ERR_OK);
}

Test(rsa, refuses_other_digests_and_paddings)
{
	static const char *const options[] = { "-sha256", "-sha224", "-md5", "-sha512",
		"-sha1 -sigopt rsa_padding_mode:pss", "-sha256 -sigopt rsa_padding_mode:pss",
		"-sha1 -sigopt rsa_padding_mode:x931" };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		sign(options[i]);
		cr_assert_eq(verify_file("sig"), ERR_AUTH, "%s", options[i]);
	}
}

Test(rsa, refuses_another_key_and_another_message)
{
	sign("-sha1");
	scratch_run(&scratch,
		"openssl genrsa -out other.pem 2048 2>/dev/null && openssl dgst -sha1 "
		"-sign other.pem -out other.sig message");
	cr_assert_eq(verify_file("other.sig"), ERR_AUTH);
	scratch_write(&scratch, "message", SPAN("{\"id\":2}"));
	sign("-sha1");
	cr_assert_eq(verify_file("sig"), ERR_AUTH);
}

Test(rsa, refuses_a_signature_with_any_bit_flipped)
{
	CLEANUP(buf_release) struct buf sig;

	buf_init(&sig, 4096);
	sign("-sha1");
	scratch_read(&scratch, "sig", &sig);
	cr_assert_eq(sig.len, KEY_BYTES);
	for (size_t bit = 0; bit < 8 * sig.len; bit++) {
		uint8_t *at = (uint8_t *)sig.data + bit / 8;

		*at ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(rsa_verify_sha1(key, span_of(message), (uint8_t *)sig.data, sig.len),
			ERR_AUTH);
		*at ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(rsa_verify_sha1(key, span_of(message), (uint8_t *)sig.data, sig.len), ERR_OK);
}

Test(rsa, refuses_a_signature_that_is_cut_or_lengthened)
{
	uint8_t longer[KEY_BYTES + 1] = { 0 };
	CLEANUP(buf_release) struct buf sig;

	buf_init(&sig, 4096);
	sign("-sha1");
	scratch_read(&scratch, "sig", &sig);
	memcpy(longer + 1, sig.data, KEY_BYTES);
	for (size_t n = 0; n < KEY_BYTES; n++)
		cr_assert_eq(
			rsa_verify_sha1(key, span_of(message), (uint8_t *)sig.data, n), ERR_AUTH);
	cr_assert_eq(rsa_verify_sha1(key, span_of(message), longer, sizeof(longer)), ERR_AUTH);
	memcpy(longer, sig.data, KEY_BYTES);
	longer[KEY_BYTES] = 0;
	cr_assert_eq(rsa_verify_sha1(key, span_of(message), longer, sizeof(longer)), ERR_AUTH);
}

static const uint8_t digest_info[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02,
	0x1a, 0x05, 0x00, 0x04, 0x14 };
static const uint8_t digest_info_without_null[] = { 0x30, 0x1f, 0x30, 0x07, 0x06, 0x05, 0x2b, 0x0e,
	0x03, 0x02, 0x1a, 0x04, 0x14 };

/* How an encoded message departs from the one right form. */
struct forgery {
	const char *what;
	const uint8_t *info;
	size_t info_n;
	uint8_t block_type, filler;
	size_t behind; /* bytes of our choice behind the digest, padding shortened to fit */
	size_t digest_n;
	bool good;
};

/* 00 || type || filler... || 00 || info || digest || behind, signed without any padding. */
static enum err verify_forgery(const struct forgery *f)
{
	uint8_t em[KEY_BYTES], *at = em;
	size_t tail = f->info_n + f->digest_n + f->behind;
	CLEANUP(buf_release) struct buf digest;

	buf_init(&digest, 64);
	scratch_read(&scratch, "digest", &digest);
	*at++ = 0;
	*at++ = f->block_type;
	memset(at, f->filler, KEY_BYTES - 3 - tail);
	at += KEY_BYTES - 3 - tail;
	*at++ = 0;
	memcpy(at, f->info, f->info_n);
	memcpy(at + f->info_n, digest.data, f->digest_n);
	memset(at + f->info_n + f->digest_n, 0x5a, f->behind);
	scratch_write(&scratch, "em", (struct span){ (char *)em, sizeof(em) });
	scratch_run(&scratch, "openssl pkeyutl -decrypt -inkey key.pem -in em -out em.sig "
			      "-pkeyopt rsa_padding_mode:none");
	return verify_file("em.sig");
}

Test(rsa, compares_the_whole_encoded_message)
{
#define INFO      .info = digest_info, .info_n = sizeof(digest_info)
#define SHORTINFO .info = digest_info_without_null, .info_n = sizeof(digest_info_without_null)
	static const struct forgery forgeries[] = {
		{ "the right form", INFO, 1, 0xff, 0, 20, true },
		{ "bytes behind the digest", INFO, 1, 0xff, 100, 20, false },
		{ "one byte behind the digest", INFO, 1, 0xff, 1, 20, false },
		{ "bytes behind, almost no padding", INFO, 1, 0xff, KEY_BYTES - 46, 20, false },
		{ "bytes behind, padding too short", INFO, 1, 0xff, KEY_BYTES - 39, 20, false },
		{ "a digest cut short", INFO, 1, 0xff, 0, 19, false },
		{ "parameters left out", SHORTINFO, 1, 0xff, 0, 20, false },
		{ "the digest alone", .info = digest_info, .info_n = 0, 1, 0xff, 0, 20, false },
		{ "an encryption block", INFO, 2, 0xaa, 0, 20, false },
		{ "a block of type 0", INFO, 0, 0x00, 0, 20, false },
		{ "another filler", INFO, 1, 0xfe, 0, 20, false },
	};

	scratch_run(&scratch, "openssl dgst -sha1 -binary -out digest message");
	for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++)
		cr_assert_eq(verify_forgery(&forgeries[i]), forgeries[i].good ? ERR_OK : ERR_AUTH,
			"%s", forgeries[i].what);
}

Test(rsa, names_a_key_by_the_digest_of_its_der)
{
	CLEANUP(buf_release) struct buf hex;

	buf_init(&hex, 256);
	scratch_run(&scratch, "openssl pkey -pubin -in pub.pem -outform DER | sha256sum | "
			      "cut -d ' ' -f 1 | tr -d '\\n' >hex");
	cr_assert_eq(buf_add_str(&hex, "sha256:"), ERR_OK);
	scratch_read(&scratch, "hex", &hex);
	cr_assert_str_eq(rsa_key_fingerprint(key), hex.data);
	cr_assert_eq(hex.len + 1, RSA_FINGERPRINT_MAX);
}

static enum err parse_file(const char *file)
{
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *k = NULL;
	enum err e;

	buf_init(&pem, 65536);
	scratch_read(&scratch, file, &pem);
	e = rsa_key_parse(buf_span(&pem), &k);
	rsa_key_free(k);
	return e;
}

Test(rsa, key_is_a_public_rsa_key_in_pem)
{
	static const struct {
		const char *command;
		enum err want;
	} cases[] = {
		{ "cp pub.pem k", ERR_OK },
		{ "{ echo 'a line before it'; cat pub.pem; } >k", ERR_OK },
		{ "sed 's/$/\\r/' pub.pem >k", ERR_OK },
		{ ": >k", ERR_PARSE },
		{ "echo ssh-rsa AAAA >k", ERR_PARSE },
		{ "head -c 300 pub.pem >k", ERR_PARSE },
		{ "openssl pkey -pubin -in pub.pem -outform DER -out k", ERR_PARSE },
		{ "cp key.pem k", ERR_PARSE },
		{ "openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out k",
			ERR_PARSE },
		{ "openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out k", ERR_PARSE },
		{ "openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 2>/dev/null | "
		  "openssl pkey -pubout -out k",
			ERR_PARSE },
		{ "openssl genrsa 1024 2>/dev/null | openssl pkey -pubout -out k", ERR_LIMIT },
		{ "openssl genrsa 2040 2>/dev/null | openssl pkey -pubout -out k", ERR_LIMIT },
		{ "openssl genrsa -3 2048 2>/dev/null | openssl pkey -pubout -out k", ERR_OK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scratch_run(&scratch, cases[i].command);
		cr_assert_eq(parse_file("k"), cases[i].want, "%s", cases[i].command);
	}
}

/* Write a public key with this modulus and exponent, both in hex, as the file "k". */
static void compose_key(const char *modulus, const char *exponent)
{
	CLEANUP(buf_release) struct buf conf;

	buf_init(&conf, 65536);
	cr_assert_eq(
		buf_addf(&conf,
			"asn1=SEQUENCE:spki\n[spki]\nalg=SEQUENCE:alg\nkey=BITWRAP,SEQUENCE:rsa\n"
			"[alg]\noid=OID:rsaEncryption\nnull=NULL\n"
			"[rsa]\nn=INTEGER:0x%s\ne=INTEGER:0x%s\n",
			modulus, exponent),
		ERR_OK);
	scratch_write(&scratch, "conf", buf_span(&conf));
	scratch_run(&scratch, "openssl asn1parse -genconf conf -noout -out der && "
			      "{ echo '-----BEGIN PUBLIC KEY-----'; openssl base64 -in der; "
			      "echo '-----END PUBLIC KEY-----'; } >k");
}

Test(rsa, key_has_a_sane_exponent_and_modulus)
{
	CLEANUP(buf_release) struct buf n;
	char even[2 * KEY_BYTES + 1], wide[2 * 1025 + 1];

	buf_init(&n, 4096);
	scratch_run(&scratch, "openssl rsa -in key.pem -noout -modulus | sed 's/.*=//' | "
			      "tr -d '\\n' >modulus");
	scratch_read(&scratch, "modulus", &n);
	compose_key(n.data, "10001");
	cr_assert_eq(parse_file("k"), ERR_OK);
	compose_key(n.data, "1");
	cr_assert_eq(parse_file("k"), ERR_PARSE, "anybody could sign for exponent 1");
	compose_key(n.data, "0");
	cr_assert_eq(parse_file("k"), ERR_PARSE);
	compose_key(n.data, "10000");
	cr_assert_eq(parse_file("k"), ERR_PARSE);
	compose_key(n.data, "10000000000000001");
	cr_assert_eq(parse_file("k"), ERR_LIMIT);
	memcpy(even, n.data, sizeof(even));
	even[sizeof(even) - 2] = '4';
	compose_key(even, "10001");
	cr_assert_eq(parse_file("k"), ERR_PARSE);
	memset(wide, 'f', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	compose_key(wide, "10001");
	cr_assert_eq(parse_file("k"), ERR_LIMIT);
}
