/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hub_signature.h"

#include <criterion/criterion.h>

#include "io/crypto.h"
#include "io/secmem.h"

/* GitHub's own example. */
#define SECRET "It's a Secret to Everybody"
#define BODY   "Hello, World!"
#define DIGEST "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(hub_signature, .init = setup);

static enum err verify(const char *first, const char *second, const char *value, const char *body)
{
	struct secret *secrets[] = { secret_new(first, strlen(first)),
		secret_new(second, strlen(second)) };
	size_t by = 99;
	enum err e = hub_signature_verify(secrets, 2, span_of(value), span_of(body), &by);

	cr_assert_eq(by, e != ERR_OK ? 99 : strcmp(first, SECRET) == 0 ? 0 : 1);
	secret_free(secrets[0]);
	secret_free(secrets[1]);
	return e;
}

Test(hub_signature, takes_what_any_of_the_secrets_signed)
{
	cr_assert_eq(verify(SECRET, "another one", "sha256=" DIGEST, BODY), ERR_OK);
	cr_assert_eq(verify("another one", SECRET, "sha256=" DIGEST, BODY), ERR_OK);
	cr_assert_eq(verify("another one", "a third", "sha256=" DIGEST, BODY), ERR_AUTH);
	cr_assert_eq(verify(SECRET, "another one", "sha256=" DIGEST, BODY " "), ERR_AUTH);
}

Test(hub_signature, tells_what_is_no_signature_from_a_wrong_one)
{
	static const char *const no[] = { "", "sha256", "sha256=", DIGEST, "sha1=" DIGEST,
		"SHA256=" DIGEST, "sha256=" DIGEST "0", "sha256= " DIGEST, "sha256=" DIGEST " " };

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		cr_expect_eq(verify(SECRET, "another one", no[i], BODY), ERR_PARSE, "%s", no[i]);
}
