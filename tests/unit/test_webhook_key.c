/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/crypto.h"
#include "io/json.h"
#include "io/secmem.h"
#include "io/webhook_key.h"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(webhook_key, .init = setup);
TestSuite(webhook_verify, .init = setup);

static enum err parse(const char *text, struct webhook_key **out, const char **why)
{
	struct secret *s = secret_new(text, strlen(text));
	enum err e = webhook_key_parse(s, out, why);

	secret_free(s);
	return e;
}

static struct webhook_key *key_of(const char *text)
{
	struct webhook_key *k = NULL;
	const char *why = NULL;

	cr_assert_eq(parse(text, &k, &why), ERR_OK, "%s: %s", text, why);
	return k;
}

static const char *sign(struct webhook_key *const *keys, size_t n, struct span id, int64_t at,
	struct span body, struct buf *out)
{
	buf_init(out, 4096);
	cr_assert_eq(webhook_sign(keys, n, id, at, body, out), ERR_OK);
	return out->data;
}

/* The specification's own example. */
#define CLASSIC      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define CLASSIC_ID   SPAN("msg_p5jXN8AQM9LWM0D4loKWxJek")
#define CLASSIC_AT   1614265330
#define CLASSIC_BODY SPAN("{\"test\": 2432232314}")
#define CLASSIC_V1   "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define PAIR                                                                                       \
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMF"   \
	"s6Kvg=="
#define PAIR_SEED "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="
#define CLASSIC_V1A                                                                                \
	"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/"                                                   \
	"enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

Test(webhook_key, signs_as_the_specification_does)
{
	CLEANUP(buf_release) struct buf out;
	struct webhook_key *k = key_of(CLASSIC);

	cr_assert(webhook_key_is_shared(k));
	cr_assert_str_eq(sign(&k, 1, CLASSIC_ID, CLASSIC_AT, CLASSIC_BODY, &out), CLASSIC_V1);
	webhook_key_free(k);
}

Test(webhook_key, signs_by_a_pair_given_whole_or_as_its_seed)
{
	static const char *const forms[] = { PAIR, PAIR_SEED };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		CLEANUP(buf_release) struct buf out;
		struct webhook_key *k = key_of(forms[i]);

		cr_assert_not(webhook_key_is_shared(k));
		cr_assert_str_eq(
			sign(&k, 1, CLASSIC_ID, CLASSIC_AT, CLASSIC_BODY, &out), CLASSIC_V1A);
		webhook_key_free(k);
	}
}

Test(webhook_key, every_key_signs_in_order)
{
	CLEANUP(buf_release) struct buf out;
	struct webhook_key *keys[] = { key_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
		key_of(CLASSIC), key_of(PAIR) };
	const char *at;

	at = sign(keys, ARRAY_SIZE(keys), CLASSIC_ID, CLASSIC_AT, CLASSIC_BODY, &out);
	cr_assert_eq(strncmp(at, "v1,", 3), 0);
	at = strchr(at, ' ');
	cr_assert_str_eq(at, " " CLASSIC_V1 " " CLASSIC_V1A);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		webhook_key_free(keys[i]);
}

Test(webhook_key, does_not_sign_an_id_that_would_read_as_another_text)
{
	CLEANUP(buf_release) struct buf out;
	struct webhook_key *k = key_of(CLASSIC);

	buf_init(&out, 4096);
	cr_assert_eq(webhook_sign(&k, 1, SPAN("a.1"), 1, CLASSIC_BODY, &out), ERR_PARSE);
	cr_assert_eq(webhook_sign(&k, 1, SPAN(""), 1, CLASSIC_BODY, &out), ERR_PARSE);
	webhook_key_free(k);
}

/* A seed and the public half of another one. */
#define OTHER_HALF                                                                                 \
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfUKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMF"   \
	"s6Kvg=="

/* 24 and 64 bytes are the least and the most. */
static const char *const no_keys[] = {
	"",
	"whsec_",
	"whsk_",
	"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==",
	"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
	"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	OTHER_HALF,
};

Test(webhook_key, refuses_what_is_no_key_without_repeating_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_keys); i++) {
		struct webhook_key *k = NULL;
		const char *why = NULL;

		cr_expect_eq(parse(no_keys[i], &k, &why), ERR_PARSE, "%s", no_keys[i]);
		cr_expect_not_null(why);
		cr_expect(strlen(no_keys[i]) < 10 || strstr(why, no_keys[i]) == NULL);
		cr_expect_null(k);
	}
}

static struct json_object *vectors_load(void)
{
	CLEANUP(buf_release) struct buf text;
	const char *top = getenv("top_srcdir");
	struct json_object *root = NULL;
	char path[512];

	buf_init(&text, 1 << 20);
	snprintf(path, sizeof(path), "%s/../shared/fixtures/standard-webhooks/vectors.json",
		top == NULL ? "." : top);
	if (file_read(path, &text) != ERR_OK)
		cr_skip_test("no vectors beside the source");
	cr_assert_eq(jdoc_parse(buf_span(&text), NULL, &root), ERR_OK);
	return root;
}

Test(webhook_key, makes_the_signatures_of_every_vector)
{
	struct json_object *root = vectors_load(), *all = jdoc_member(root, "vectors");

	cr_assert_geq(jdoc_count(all), 5);
	for (size_t i = 0; i < jdoc_count(all); i++) {
		CLEANUP(buf_release) struct buf out;
		struct json_object *v = jdoc_at(all, i);
		struct webhook_key *k = key_of(jdoc_text(jdoc_member(v, "secret")));

		sign(&k, 1, span_of(jdoc_text(jdoc_member(v, "id"))),
			jdoc_int(jdoc_member(v, "timestamp"), 0),
			span_of(jdoc_text(jdoc_member(v, "body"))), &out);
		cr_expect_str_eq(out.data, jdoc_text(jdoc_member(v, "signature")), "%s",
			jdoc_text(jdoc_member(v, "name")));
		webhook_key_free(k);
	}
	jdoc_free(root);
}

/* --- verifying --- */

#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static struct webhook_key *verifier_of(const char *text)
{
	struct secret *s = secret_new(text, strlen(text));
	struct webhook_key *k = NULL;
	const char *why = NULL;

	cr_assert_eq(webhook_key_parse_verifier(s, &k, &why), ERR_OK, "%s: %s", text, why);
	secret_free(s);
	return k;
}

struct verdict {
	enum err e;
	int64_t at;
	size_t by;
};

static struct verdict verify_claim(const char *const *keys, size_t n, struct webhook_claim claim)
{
	struct webhook_key *k[4] = { NULL };
	struct verdict v = { .at = -1, .by = 99 };

	for (size_t i = 0; i < n; i++)
		k[i] = verifier_of(keys[i]);
	v.e = webhook_verify(k, n, &claim, &v.at, &v.by);
	for (size_t i = 0; i < n; i++)
		webhook_key_free(k[i]);
	return v;
}

static struct webhook_claim classic_claim(const char *signatures)
{
	return (struct webhook_claim){ CLASSIC_ID, SPAN("1614265330"), span_of(signatures),
		CLASSIC_BODY };
}

static enum err verify(const char *key, const char *signatures)
{
	return verify_claim(&key, 1, classic_claim(signatures)).e;
}

Test(webhook_verify, takes_the_specifications_signatures_and_says_whose_and_when)
{
	const char *const keys[] = { "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", PUBLIC, CLASSIC };
	struct verdict v = verify_claim(keys, 3, classic_claim(CLASSIC_V1));

	cr_assert_eq(v.e, ERR_OK);
	cr_assert_eq(v.by, 2);
	cr_assert_eq(v.at, CLASSIC_AT);
	v = verify_claim(keys, 3, classic_claim(CLASSIC_V1 " " CLASSIC_V1A));
	cr_assert_eq(v.by, 1, "the first key that matches");
}

Test(webhook_verify, finds_the_one_that_holds_among_others)
{
	cr_assert_eq(verify(CLASSIC, "v2,x v1a," CLASSIC_V1 " v1, " CLASSIC_V1), ERR_OK);
	cr_assert_eq(verify(PUBLIC, CLASSIC_V1 "  " CLASSIC_V1A " "), ERR_OK);
}

Test(webhook_verify, does_not_take_one_kind_for_the_other)
{
	cr_assert_eq(verify(CLASSIC, CLASSIC_V1A), ERR_AUTH);
	cr_assert_eq(verify(PUBLIC, CLASSIC_V1), ERR_AUTH);
	cr_assert_eq(verify(CLASSIC, "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), ERR_AUTH);
	cr_assert_eq(verify(CLASSIC, "v1,"), ERR_AUTH);
	cr_assert_eq(verify(CLASSIC, "v1,AAAA"), ERR_AUTH);
}

Test(webhook_verify, refuses_another_id_time_or_body)
{
	const char *key = CLASSIC;
	struct webhook_claim c = classic_claim(CLASSIC_V1);

	c.id = SPAN("msg_p5jXN8AQM9LWM0D4loKWxJel");
	cr_assert_eq(verify_claim(&key, 1, c).e, ERR_AUTH);
	c = classic_claim(CLASSIC_V1);
	c.timestamp = SPAN("01614265330");
	cr_assert_eq(verify_claim(&key, 1, c).e, ERR_AUTH, "the text is signed, not the number");
	c = classic_claim(CLASSIC_V1);
	c.body = SPAN("{\"test\":2432232314}");
	cr_assert_eq(verify_claim(&key, 1, c).e, ERR_AUTH);
}

Test(webhook_verify, refuses_fields_that_are_none)
{
	static const char *const ids[] = { "", "a.b", "a b", "a\tb", "\x7f", "\xc3\xa4" };
	static const char *const times[] = { "", "-1", "+1", "1.0", " 1", "0x1", "1234567890123",
		"99999999999999999999" };
	static const char *const lists[] = { "", " ", "a b c d e f g h i" };
	const char *key = CLASSIC;
	struct webhook_claim c;
	char long_id[WEBHOOK_ID_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		c = classic_claim(CLASSIC_V1);
		c.id = span_of(ids[i]);
		cr_expect_eq(verify_claim(&key, 1, c).e, ERR_PARSE, "%s", ids[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		c = classic_claim(CLASSIC_V1);
		c.timestamp = span_of(times[i]);
		cr_expect_eq(verify_claim(&key, 1, c).e, ERR_PARSE, "%s", times[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		cr_expect_eq(verify(CLASSIC, lists[i]), ERR_PARSE, "'%s'", lists[i]);
	cr_assert_eq(verify(CLASSIC, "a b c d e f g h"), ERR_AUTH);
	memset(long_id, 'x', sizeof(long_id));
	c = classic_claim(CLASSIC_V1);
	c.id = (struct span){ long_id, WEBHOOK_ID_MAX + 1 };
	cr_assert_eq(verify_claim(&key, 1, c).e, ERR_PARSE);
	c.id.n--;
	cr_assert_eq(verify_claim(&key, 1, c).e, ERR_AUTH);
}

Test(webhook_verify, has_no_use_for_a_senders_own_key)
{
	static const char *const no[] = { PAIR, "", "whpk_", "whpk_AAAA",
		"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=" };

	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		struct secret *s = secret_new(no[i], strlen(no[i]));
		struct webhook_key *k = NULL;
		const char *why = NULL;

		cr_expect_eq(webhook_key_parse_verifier(s, &k, &why), ERR_PARSE, "%s", no[i]);
		cr_expect_not_null(why);
		cr_expect(strlen(no[i]) < 10 || strstr(why, no[i]) == NULL);
		secret_free(s);
	}
}

Test(webhook_verify, names_a_public_key_and_tells_nothing_of_a_secret)
{
	char name[WEBHOOK_KEY_NAME_MAX], same[WEBHOOK_KEY_NAME_MAX];
	struct webhook_key *shared = verifier_of(CLASSIC), *public = verifier_of(PUBLIC);
	struct webhook_key *pair = key_of(PAIR);

	cr_assert_str_eq(webhook_key_name(shared, name), "shared");
	cr_assert_eq(strlen(webhook_key_name(public, name)), 7 + 64);
	cr_assert_str_eq(webhook_key_name(pair, same), name);
	webhook_key_free(shared);
	webhook_key_free(public);
	webhook_key_free(pair);
}

Test(webhook_verify, takes_the_signatures_of_every_vector)
{
	struct json_object *root = vectors_load(), *all = jdoc_member(root, "vectors");

	for (size_t i = 0; i < jdoc_count(all); i++) {
		struct json_object *v = jdoc_at(all, i);
		const char *public = jdoc_text(jdoc_member(v, "public_key"));
		const char *key = public != NULL ? public : jdoc_text(jdoc_member(v, "secret"));
		char at[24];
		struct webhook_claim claim = {
			.id = span_of(jdoc_text(jdoc_member(v, "id"))),
			.signatures = span_of(jdoc_text(jdoc_member(v, "signature"))),
			.body = span_of(jdoc_text(jdoc_member(v, "body"))),
		};

		snprintf(at, sizeof(at), "%lld",
			(long long)jdoc_int(jdoc_member(v, "timestamp"), 0));
		claim.timestamp = span_of(at);
		cr_expect_eq(verify_claim(&key, 1, claim).e, ERR_OK, "%s",
			jdoc_text(jdoc_member(v, "name")));
	}
	jdoc_free(root);
}
