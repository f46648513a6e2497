/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "scratch.h"
#include "travis/webhook.h"

TestSuite(webhook);

static enum err decode(struct span body, struct buf *payload)
{
	buf_init(payload, 1 << 20);
	return travis_webhook_decode(body, payload);
}

Test(webhook, decodes_the_one_field_once)
{
	static const struct {
		const char *body, *payload;
	} cases[] = { { "payload=%7B%22id%22%3A1%7D", "{\"id\":1}" }, { "payload=", "" },
		{ "payload=a+b%2Bc%2520d", "a b+c%20d" }, { "payload=a=b", "a=b" },
		{ "payload=%26payload=x", "&payload=x" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_release) struct buf payload;

		cr_assert_eq(decode(span_of(cases[i].body), &payload), ERR_OK);
		cr_assert_str_eq(payload.data, cases[i].payload);
	}
}

Test(webhook, refuses_a_body_that_is_no_such_form)
{
	static const char *const bad[] = { "", "payload", "Payload=x", "payloads=x", "x=1",
		"payload=x&a=1", "a=1&payload=x", "payload=x&payload=x", "payload=x&", "&payload=x",
		"payload=%", "payload=%4", "payload=100%", "{\"id\":1}", "%70ayload=x",
		"payload%3Dx" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_release) struct buf payload;

		cr_assert_eq(decode(span_of(bad[i]), &payload), ERR_PARSE, "%s", bad[i]);
		cr_assert_eq(payload.len, 0);
	}
}

Test(webhook, keeps_to_the_payloads_ceiling)
{
	CLEANUP(buf_release) struct buf payload;

	buf_init(&payload, 4);
	cr_assert_eq(travis_webhook_decode(SPAN("payload=abcde"), &payload), ERR_LIMIT);
	cr_assert_eq(travis_webhook_decode(SPAN("payload=abcd"), &payload), ERR_OK);
}

/* Two keys, and a payload signed by each. */
static struct scratch scratch;
static struct rsa_key *keys[TRAVIS_KEYS_MAX];
static const char payload_text[] = "{\"id\":1,\"message\":\"100% sure + a few\"}";

static struct rsa_key *key_of(const char *file)
{
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *k = NULL;

	buf_init(&pem, 65536);
	cr_assert_eq(file_read(file, &pem), ERR_OK, "%s", file);
	cr_assert_eq(rsa_key_parse(buf_span(&pem), &k), ERR_OK);
	return k;
}

static void setup(void)
{
	char path[128];

	cr_assert_eq(crypto_init(), ERR_OK);
	scratch_make(&scratch);
	scratch_write(&scratch, "payload", SPAN(payload_text));
	scratch_run(&scratch,
		"for k in 0 1; do openssl genrsa -out $k.pem 2048 2>/dev/null && "
		"openssl rsa -in $k.pem -pubout -out $k.pub 2>/dev/null && "
		"openssl dgst -sha1 -sign $k.pem payload | openssl base64 -A >$k.sig; "
		"done");
	keys[0] = key_of(scratch_path(&scratch, "0.pub", path));
	keys[1] = key_of(scratch_path(&scratch, "1.pub", path));
}

static void teardown(void)
{
	rsa_key_free(keys[0]);
	rsa_key_free(keys[1]);
	scratch_remove(&scratch);
}

TestSuite(signature, .init = setup, .fini = teardown);

static void signature_of(const char *file, struct buf *sig)
{
	buf_init(sig, 4096);
	scratch_read(&scratch, file, sig);
	cr_assert_eq(sig->len, 344);
}

Test(signature, says_which_key_verified)
{
	CLEANUP(buf_release) struct buf first, second;
	size_t by = 9;

	signature_of("0.sig", &first);
	signature_of("1.sig", &second);
	cr_assert_eq(
		travis_webhook_verify(SPAN(payload_text), buf_span(&first), keys, 2, &by), ERR_OK);
	cr_assert_eq(by, 0);
	cr_assert_eq(
		travis_webhook_verify(SPAN(payload_text), buf_span(&second), keys, 2, &by), ERR_OK);
	cr_assert_eq(by, 1);
}

Test(signature, needs_the_key_that_signed)
{
	CLEANUP(buf_release) struct buf second;
	size_t by = 9;

	signature_of("1.sig", &second);
	cr_assert_eq(travis_webhook_verify(SPAN(payload_text), buf_span(&second), keys, 1, &by),
		ERR_AUTH);
	cr_assert_eq(travis_webhook_verify(SPAN(payload_text), buf_span(&second), keys, 0, &by),
		ERR_AUTH);
	cr_assert_eq(by, 9);
}

Test(signature, holds_for_the_decoded_bytes_only)
{
	static const char *const others[] = {
		"payload={\"id\":1,\"message\":\"100% sure + a few\"}",
		"{\"id\":1,\"message\":\"100% sure   a few\"}",
		"%7B%22id%22%3A1%2C%22message%22%3A%22100%25+sure+%2B+a+few%22%7D",
		"{\"id\": 1, \"message\": \"100% sure + a few\"}", "",
		"{\"id\":1,\"message\":\"100% sure + a few\"}\n"
	};
	CLEANUP(buf_release) struct buf sig, payload;
	size_t by;

	signature_of("0.sig", &sig);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		cr_assert_eq(
			travis_webhook_verify(span_of(others[i]), buf_span(&sig), keys, 2, &by),
			ERR_AUTH, "%s", others[i]);
	cr_assert_eq(decode(SPAN("payload=%7B%22id%22%3A1%2C%22message%22%3A%22100%25+sure+%2B+a+"
				 "few%22%7D"),
			     &payload),
		ERR_OK);
	cr_assert_eq(
		travis_webhook_verify(buf_span(&payload), buf_span(&sig), keys, 2, &by), ERR_OK);
}

Test(signature, is_strict_base64)
{
	CLEANUP(buf_release) struct buf sig, odd;
	static const char *const bad[] = { "", "=", "AAA", "A===", "not base64!" };
	size_t by;

	signature_of("0.sig", &sig);
	buf_init(&odd, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(
			travis_webhook_verify(SPAN(payload_text), span_of(bad[i]), keys, 2, &by),
			ERR_PARSE, "%s", bad[i]);
	cr_assert_eq(buf_addf(&odd, "%s\n", sig.data), ERR_OK);
	cr_assert_eq(
		travis_webhook_verify(SPAN(payload_text), buf_span(&odd), keys, 2, &by), ERR_PARSE);
	buf_clear(&odd);
	cr_assert_eq(buf_addf(&odd, "%.*s\n%s", 60, sig.data, sig.data + 60), ERR_OK);
	cr_assert_eq(
		travis_webhook_verify(SPAN(payload_text), buf_span(&odd), keys, 2, &by), ERR_PARSE);
	sig.len--;
	cr_assert_eq(
		travis_webhook_verify(SPAN(payload_text), buf_span(&sig), keys, 2, &by), ERR_PARSE);
}

Test(signature, of_any_other_length_is_refused)
{
	CLEANUP(buf_release) struct buf sig;
	uint8_t bytes[2048] = { 0 };
	size_t by;

	for (size_t n = 1; n < sizeof(bytes); n = n * 3 / 2 + 1) {
		enum err e;

		buf_init(&sig, 4096);
		cr_assert_eq(base64_encode(&sig, bytes, n), ERR_OK);
		e = travis_webhook_verify(SPAN(payload_text), buf_span(&sig), keys, 2, &by);
		cr_assert(e == ERR_AUTH || (e == ERR_PARSE && n > 1024), "%zu bytes", n);
		buf_release(&sig);
	}
	buf_init(&sig, 1);
}

/* --- a genuine request of 2016, where the folder of fixtures is at hand --- */

static bool fixture_read(const char *name, struct buf *out)
{
	const char *top = getenv("top_srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/../shared/fixtures/travis/vectors/%s",
		top == NULL ? "." : top, name);
	return file_read(path, out) == ERR_OK;
}

struct genuine {
	struct buf body, payload, signature;
	struct rsa_key *key;
};

static void genuine_load(struct genuine *g)
{
	CLEANUP(buf_release) struct buf pem, text;

	cr_assert_eq(crypto_init(), ERR_OK);
	buf_init(&g->body, 1 << 20);
	buf_init(&g->payload, 1 << 20);
	buf_init(&g->signature, 4096);
	buf_init(&pem, 65536);
	buf_init(&text, 1 << 20);
	if (!fixture_read("01-go-neb/body.form", &g->body))
		cr_skip_test("no vectors beside the source");
	cr_assert(fixture_read("01-go-neb/signature.b64", &g->signature));
	cr_assert(fixture_read("01-go-neb/payload.json", &text));
	cr_assert(fixture_read("keys/travis-ci.org.pem", &pem));
	cr_assert_eq(rsa_key_parse(buf_span(&pem), &g->key), ERR_OK);
	cr_assert_eq(travis_webhook_decode(buf_span(&g->body), &g->payload), ERR_OK);
	cr_assert_str_eq(g->payload.data, text.data);
}

static void genuine_release(struct genuine *g)
{
	buf_release(&g->body);
	buf_release(&g->payload);
	buf_release(&g->signature);
	rsa_key_free(g->key);
}

static enum err genuine_verify(const struct genuine *g)
{
	size_t by;

	return travis_webhook_verify(
		buf_span(&g->payload), buf_span(&g->signature), &g->key, 1, &by);
}

Test(webhook, genuine_request_verifies_as_sent)
{
	struct genuine g;

	genuine_load(&g);
	cr_assert_eq(genuine_verify(&g), ERR_OK);
	genuine_release(&g);
}

Test(webhook, genuine_request_does_not_verify_with_the_other_instances_key)
{
	CLEANUP(buf_release) struct buf pem;
	struct genuine g;

	genuine_load(&g);
	rsa_key_free(g.key);
	buf_init(&pem, 65536);
	cr_assert(fixture_read("keys/travis-ci.com.pem", &pem));
	cr_assert_eq(rsa_key_parse(buf_span(&pem), &g.key), ERR_OK);
	cr_assert_eq(genuine_verify(&g), ERR_AUTH);
	genuine_release(&g);
}

Test(webhook, genuine_request_with_any_bit_of_its_signature_flipped_does_not_verify)
{
	struct genuine g;
	uint8_t sig[256];
	size_t n, by;

	genuine_load(&g);
	cr_assert_eq(base64_decode(buf_span(&g.signature), sig, sizeof(sig), &n), ERR_OK);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		CLEANUP(buf_release) struct buf text;

		buf_init(&text, 4096);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(base64_encode(&text, sig, n), ERR_OK);
		cr_assert_eq(travis_webhook_verify(
				     buf_span(&g.payload), buf_span(&text), &g.key, 1, &by),
			ERR_AUTH, "bit %zu", bit);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	genuine_release(&g);
}

Test(webhook, genuine_request_with_any_bit_of_the_signatures_text_flipped_does_not_verify)
{
	struct genuine g;

	genuine_load(&g);
	for (size_t bit = 0; bit < 8 * g.signature.len; bit++) {
		char *at = g.signature.data + bit / 8;

		*at = (char)(*at ^ 1 << bit % 8);
		cr_assert_neq(genuine_verify(&g), ERR_OK, "bit %zu", bit);
		*at = (char)(*at ^ 1 << bit % 8);
	}
	genuine_release(&g);
}

Test(webhook, genuine_request_with_any_bit_of_its_body_flipped_does_not_verify)
{
	CLEANUP(buf_release) struct buf signed_text;
	struct genuine g;

	genuine_load(&g);
	buf_init(&signed_text, 1 << 20);
	cr_assert_eq(buf_add_span(&signed_text, buf_span(&g.payload)), ERR_OK);
	for (size_t bit = 0; bit < 8 * g.body.len; bit++) {
		char *at = g.body.data + bit / 8;

		*at = (char)(*at ^ 1 << bit % 8);
		buf_clear(&g.payload);
		if (travis_webhook_decode(buf_span(&g.body), &g.payload) == ERR_OK) {
			bool same = span_eq(buf_span(&g.payload), buf_span(&signed_text));

			/* %7B and %7b are one byte: only the case of a digit may change. */
			cr_assert(!same || (bit % 8 == 5 && isxdigit((unsigned char)*at)),
				"bit %zu", bit);
			cr_assert_eq(genuine_verify(&g), same ? ERR_OK : ERR_AUTH, "bit %zu", bit);
		}
		*at = (char)(*at ^ 1 << bit % 8);
	}
	genuine_release(&g);
}

Test(webhook, genuine_payload_with_any_bit_flipped_does_not_verify)
{
	struct genuine g;

	genuine_load(&g);
	for (size_t bit = 0; bit < 8 * g.payload.len; bit += 3) {
		char *at = g.payload.data + bit / 8;

		*at = (char)(*at ^ 1 << bit % 8);
		cr_assert_eq(genuine_verify(&g), ERR_AUTH, "bit %zu", bit);
		*at = (char)(*at ^ 1 << bit % 8);
	}
	cr_assert_eq(genuine_verify(&g), ERR_OK);
	genuine_release(&g);
}
