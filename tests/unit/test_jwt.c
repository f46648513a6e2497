/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "io/crypto.h"
#include "io/jwt.h"

/* What tests/tools/make_jwts.js takes for now. */
#define NOW        ((struct wall){ INT64_C(1800000000000) })
#define ISSUER     "https://backstage.example/api/auth"
#define TOKENS_MIN 100

static const struct jwt_rules user_rules = { JWS_ES256, "vnd.backstage.user", ISSUER, "backstage" };
static const struct jwt_rules oidc_rules = { JWS_RS256, NULL, ISSUER, "backstage" };
static const struct jwt_rules oidc_es_rules = { JWS_ES256, NULL, ISSUER, "backstage" };

static struct buf text;
static struct jwk_set *keys;

static struct span cut(struct span *rest, char at)
{
	const char *end = memchr(rest->p, at, rest->n);
	struct span part = { rest->p, end == NULL ? rest->n : (size_t)(end - rest->p) };

	rest->p += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

/* The file's tokens, with the keys read. */
static struct span open_tokens(void)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	struct span rest;

	cr_assert_eq(crypto_init(), ERR_OK);
	snprintf(path, sizeof(path), "%s/tests/unit/jwts.txt", top == NULL ? "." : top);
	buf_init(&text, 1 << 20);
	cr_assert_eq(file_read(path, &text), ERR_OK, "%s", path);
	rest = buf_span(&text);
	cr_assert_eq(jwk_set_parse(cut(&rest, '\n'), &keys), ERR_OK);
	return rest;
}

static void close_tokens(void)
{
	jwk_set_free(keys);
	buf_release(&text);
}

static const char *judge(struct span token, const struct jwt_rules *rules, struct wall now)
{
	const char *word = "malformed";
	struct jwt t;

	jwt_init(&t);
	if (jwt_read(token, &t) == ERR_OK)
		word = jwt_verdict_str(jwt_check(&t, rules, keys, now));
	jwt_release(&t);
	return word;
}

static const struct jwt_rules *rules_of(struct span name)
{
	if (span_is(name, "oidc-es"))
		return &oidc_es_rules;
	return span_is(name, "oidc") ? &oidc_rules : &user_rules;
}

Test(jwt, every_token_of_another_program_is_taken_for_what_it_is)
{
	struct span rest = open_tokens();
	size_t n = 0;

	for (; rest.n > 0; n++) {
		struct span line = cut(&rest, '\n'), want = cut(&line, '\t');
		const struct jwt_rules *rules = rules_of(cut(&line, '\t'));
		struct span name = cut(&line, '\t');
		const char *got = judge(line, rules, NOW);

		cr_expect(span_is(want, got), "%.*s: %.*s instead of %s", SPAN_ARGS(want),
			SPAN_ARGS(name), got);
	}
	cr_expect_gt(n, TOKENS_MIN);
	close_tokens();
}

/* The first token of the file is a good one. */
static struct span good_token(void)
{
	struct span rest = open_tokens(), line = cut(&rest, '\n');

	cut(&line, '\t');
	cut(&line, '\t');
	cut(&line, '\t');
	return line;
}

Test(jwt, no_flipped_bit_of_a_good_token_goes_through)
{
	struct span good = good_token();
	char *copy = malloc(good.n);

	cr_assert_str_eq(judge(good, &user_rules, NOW), "good");
	for (size_t bit = 0; bit < 8 * good.n; bit++) {
		memcpy(copy, good.p, good.n);
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		cr_expect_str_neq(judge((struct span){ copy, good.n }, &user_rules, NOW), "good",
			"bit %zu", bit);
	}
	free(copy);
	close_tokens();
}

Test(jwt, no_shorter_text_is_a_token)
{
	struct span good = good_token();

	for (size_t n = 0; n < good.n; n++)
		cr_expect_str_neq(judge((struct span){ good.p, n }, &user_rules, NOW), "good");
	close_tokens();
}

Test(jwt, a_token_ends_half_a_minute_after_its_time)
{
	const int64_t end = INT64_C(1800003540000);
	struct span good = good_token();

	cr_expect_str_eq(judge(good, &user_rules, (struct wall){ end + 29999 }), "good");
	cr_expect_str_eq(judge(good, &user_rules, (struct wall){ end + 30000 }), "expired");
	close_tokens();
}

Test(jwt, what_is_too_long_is_not_looked_at)
{
	struct jwt t;
	char *copy = malloc(JWT_BYTES + 1);

	memset(copy, 'A', JWT_BYTES + 1);
	jwt_init(&t);
	cr_expect_eq(jwt_read((struct span){ copy, JWT_BYTES + 1 }, &t), ERR_LIMIT);
	cr_expect_eq(jwt_read((struct span){ copy, JWT_BYTES }, &t), ERR_PARSE);
	jwt_release(&t);
	free(copy);
}

Test(jwt, without_keys_every_key_is_unknown)
{
	struct span good = good_token();
	struct jwt t;

	jwt_init(&t);
	cr_assert_eq(jwt_read(good, &t), ERR_OK);
	cr_expect_eq(jwt_check(&t, &user_rules, NULL, NOW), JWT_UNKNOWN_KEY);
	jwt_release(&t);
	close_tokens();
}

Test(jwk, takes_only_keys_it_can_verify_with)
{
	open_tokens();
	cr_expect_eq(jwk_set_count(keys), 2);
	close_tokens();
}

Test(jwk, refuses_what_is_no_key_set)
{
	const char *const bad[] = { "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}",
		"{\"keys\":[]} x" };
	struct jwk_set *s;

	cr_assert_eq(crypto_init(), ERR_OK);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(jwk_set_parse(span_of(bad[i]), &s), ERR_PARSE, "%s", bad[i]);
	cr_assert_eq(jwk_set_parse(SPAN("{\"keys\":[]}"), &s), ERR_OK);
	cr_expect_eq(jwk_set_count(s), 0);
	jwk_set_free(s);
}

Test(jwk, refuses_more_keys_than_an_issuer_has)
{
	struct jwk_set *s;
	struct buf b;

	buf_init(&b, 4096);
	cr_assert_eq(buf_add_str(&b, "{\"keys\":[{}"), ERR_OK);
	for (size_t i = 0; i < JWK_SET_KEYS; i++)
		cr_assert_eq(buf_add_str(&b, ",{}"), ERR_OK);
	cr_assert_eq(buf_add_str(&b, "]}"), ERR_OK);
	cr_expect_eq(jwk_set_parse(buf_span(&b), &s), ERR_LIMIT);
	buf_release(&b);
}

/* The keys of the file once more, under another name or the same. */
static enum err read_twice(const char *second, size_t *n)
{
	struct buf b;
	struct jwk_set *s = NULL;
	struct span rest = buf_span(&text), set = cut(&rest, '\n');
	enum err e;

	buf_init(&b, 1 << 16);
	/* The first key is up to the first brace that closes. */
	cr_assert_eq(buf_addf(&b, "%.*s}, %s", (int)strcspn(set.p, "}"), set.p, second), ERR_OK);
	cr_assert_eq(buf_add_str(&b, "]}"), ERR_OK);
	e = jwk_set_parse(buf_span(&b), &s);
	if (e == ERR_OK)
		*n = jwk_set_count(s);
	jwk_set_free(s);
	buf_release(&b);
	return e;
}

/* A point of the curve: its generator. */
#define POINT                                                                                      \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\"," \
	"\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\",\"kid\":\"%s\"%s}"

Test(jwk, refuses_two_keys_of_one_name)
{
	char key[512];
	size_t n = 0;

	open_tokens();
	snprintf(key, sizeof(key), POINT, "ec-1", "");
	cr_expect_eq(read_twice(key, &n), ERR_PARSE);
	snprintf(key, sizeof(key), POINT, "ec-2", "");
	cr_expect_eq(read_twice(key, &n), ERR_OK);
	cr_expect_eq(n, 2);
	/* One that is not for us does not count. */
	snprintf(key, sizeof(key), POINT, "ec-1", ",\"use\":\"enc\"");
	cr_expect_eq(read_twice(key, &n), ERR_OK);
	cr_expect_eq(n, 1);
	close_tokens();
}

Test(jwk, refuses_a_set_that_is_too_large)
{
	struct jwk_set *s = NULL;
	struct buf b;

	open_tokens();
	buf_init(&b, 2 * JWK_SET_BYTES);
	cr_assert_eq(buf_add_str(&b, "{\"keys\":[]}"), ERR_OK);
	while (b.len < JWK_SET_BYTES)
		cr_assert_eq(buf_add_str(&b, " "), ERR_OK);
	cr_expect_eq(jwk_set_parse(buf_span(&b), &s), ERR_OK);
	jwk_set_free(s);
	cr_assert_eq(buf_add_str(&b, " "), ERR_OK);
	cr_expect_eq(jwk_set_parse(buf_span(&b), &s), ERR_LIMIT);
	buf_release(&b);
	close_tokens();
}
