/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "io/secmem.h"
#include "secret/keyring.h"

static struct secret *secret(const char *text)
{
	return secret_new(text, strlen(text));
}

static struct mono at(int64_t ms)
{
	return (struct mono){ ms };
}

Test(keyring, knows_the_value_before_for_its_overlap)
{
	struct keyring k;

	keyring_init(&k);
	cr_assert(keyring_put(&k, secret("one"), at(0), 100));
	cr_assert_null(k.previous);
	cr_assert(keyring_put(&k, secret("two"), at(10), 100));
	cr_assert_str_eq(secret_text(k.current), "two");
	cr_assert_str_eq(secret_text(k.previous), "one");
	cr_assert_not(keyring_expire(&k, at(109)));
	cr_assert(keyring_expire(&k, at(110)));
	cr_assert_null(k.previous);
	cr_assert_not(keyring_expire(&k, at(111)));
	keyring_release(&k);
}

Test(keyring, has_never_more_than_two_values)
{
	struct keyring k;

	keyring_init(&k);
	for (char c = 'a'; c <= 'e'; c++) {
		const char text[] = { c, '\0' };

		cr_assert(keyring_put(&k, secret(text), at(c), 1000));
	}
	cr_assert_str_eq(secret_text(k.current), "e");
	cr_assert_str_eq(secret_text(k.previous), "d");
	keyring_release(&k);
}

Test(keyring, takes_the_same_value_for_no_news)
{
	struct keyring k;

	keyring_init(&k);
	cr_assert(keyring_put(&k, secret("one"), at(0), 100));
	cr_assert_not(keyring_put(&k, secret("one"), at(10), 100));
	cr_assert_null(k.previous);
	keyring_put_previous(&k, secret("one"), at(50));
	cr_assert_null(k.previous);
	keyring_put_previous(&k, secret("zero"), at(50));
	cr_assert_str_eq(secret_text(k.previous), "zero");
	keyring_release(&k);
}

Test(keyring, without_overlap_forgets_at_once)
{
	struct keyring k;

	keyring_init(&k);
	cr_assert(keyring_put(&k, secret("one"), at(0), 0));
	cr_assert(keyring_put(&k, secret("two"), at(1), 0));
	cr_assert_null(k.previous);
	keyring_release(&k);
}

Test(keyring, is_refreshed_at_two_thirds_a_tenth_more_or_less)
{
	int64_t least = INT64_MAX, most = 0;

	for (uint64_t dice = 0; dice < 1000; dice++) {
		int64_t ms = keyring_refresh_after(9000, dice * 7919);

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	cr_assert(least >= 5400 && least < 5500, "%ld", (long)least);
	cr_assert(most > 6500 && most <= 6600, "%ld", (long)most);
	cr_assert_eq(keyring_refresh_after(0, 1), 1);
	cr_assert_eq(keyring_refresh_after(1, 99), 1);
}
