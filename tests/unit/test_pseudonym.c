/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "io/crypto.h"
#include "io/pseudonym.h"

static struct pseudonym_key *key;

static struct pseudonym_key *key_of(uint8_t first)
{
	uint8_t seed[PSEUDONYM_SEED_BYTES] = { first };

	return pseudonym_key_new(seed);
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	key = key_of(1);
}

static void tear_down(void)
{
	pseudonym_key_free(key);
}

TestSuite(pseudonym, .init = set_up, .fini = tear_down);

/* HMAC-SHA-256 under 01 and 31 zeros, computed with openssl dgst -mac hmac. */
Test(pseudonym, of_an_address_is_the_first_half_of_an_hmac)
{
	char digest[PSEUDONYM_MAX];

	cr_assert(pseudonym_of_mail(key, SPAN("ada@example.com"), digest));
	cr_expect_str_eq(digest, "9270e9b0e6fba42cadd608c9ee155353");
	cr_assert(pseudonym_of_login(key, SPAN("octocat"), digest));
	cr_expect_str_eq(digest, "7c9a23fe6e69a3efbaca5fe2d3b46372");
}

Test(pseudonym, does_not_depend_on_case)
{
	char a[PSEUDONYM_MAX], b[PSEUDONYM_MAX];

	cr_assert(pseudonym_of_mail(key, SPAN("Ada@Example.COM"), a));
	cr_assert(pseudonym_of_mail(key, SPAN("ada@example.com"), b));
	cr_expect_str_eq(a, b);
	cr_assert(pseudonym_of_login(key, SPAN("OctoCat"), a));
	cr_assert(pseudonym_of_login(key, SPAN("octocat"), b));
	cr_expect_str_eq(a, b);
}

Test(pseudonym, is_another_under_another_key_of_another_kind_and_of_another_person)
{
	struct pseudonym_key *other = key_of(2);
	char a[PSEUDONYM_MAX], b[PSEUDONYM_MAX];

	cr_assert(pseudonym_of_mail(key, SPAN("ada@example.com"), a));
	cr_assert(pseudonym_of_mail(other, SPAN("ada@example.com"), b));
	cr_expect_str_neq(a, b);
	cr_assert(pseudonym_of_login(key, SPAN("ada@example.com"), b));
	cr_expect_str_neq(a, b);
	cr_assert(pseudonym_of_mail(key, SPAN("adb@example.com"), b));
	cr_expect_str_neq(a, b);
	pseudonym_key_free(other);
}

Test(pseudonym, is_not_made_of_what_is_no_address)
{
	static const char *const bad[] = { "", "ada", "@example.com", "ada@", "a da@example.com",
		"ada@example.com\n", "\x01@x" };
	char long_one[300], digest[PSEUDONYM_MAX] = "x";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_not(pseudonym_of_mail(key, span_of(bad[i]), digest), "%s", bad[i]);
		cr_expect_str_empty(digest);
	}
	memset(long_one, 'a', sizeof(long_one));
	long_one[100] = '@';
	cr_expect(pseudonym_of_mail(key, (struct span){ long_one, 254 }, digest));
	cr_expect_not(pseudonym_of_mail(key, (struct span){ long_one, 255 }, digest));
	cr_expect_not(pseudonym_of_login(key, (struct span){ long_one, 255 }, digest));
	cr_expect_not(pseudonym_of_login(key, SPAN(""), digest));
	cr_expect_not(pseudonym_of_mail(key, (struct span){ NULL, 0 }, digest));
}

Test(pseudonym, finds_the_login_that_a_no_reply_address_hides)
{
	static const struct {
		const char *address, *login;
	} cases[] = {
		{ "583231+octocat@users.noreply.github.com", "octocat" },
		{ "octocat@users.noreply.github.com", "octocat" },
		{ "octocat@Users.NoReply.GitHub.com", "octocat" },
		{ "583231+octocat@users.noreply.github.example", "" },
		{ "octocat@github.com", "" },
		{ "octocat@evil.users.noreply.github.com", "" },
		{ "octocat@users.noreply.github.com.evil.example", "" },
		{ "583231+@users.noreply.github.com", "" },
		{ "@users.noreply.github.com", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct span got =
			pseudonym_hidden_login(span_of(cases[i].address), SPAN("github.com"));

		cr_expect(
			span_is(got, cases[i].login), "%s: %.*s", cases[i].address, SPAN_ARGS(got));
	}
	cr_expect_eq(pseudonym_hidden_login(SPAN("a@users.noreply."), SPAN("")).n, 0);
}
