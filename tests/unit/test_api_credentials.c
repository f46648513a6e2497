/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "conf/conf.h"
#include "daemon/api_credentials.h"
#include "io/crypto.h"
#include "model/api_right.h"

#define FIRST  "first-secret-0123456789"
#define SECOND "second:secret-0123456789"

static struct conf *conf;
static struct api_credentials *known;

/* The configuration with these secrets; NULL, or why it is refused. */
static char *fetch(const char *first, const char *second)
{
	static const char text[] = "catalog: {file: /c}\n"
				   "credentials:\n"
				   "- {name: one, secret: {env: FIRST}, allow: builds}\n"
				   "- {name: two, secret: {env: SECOND}, allow: [page, builds]}\n";
	char *why = NULL;
	enum err e;

	setenv("FIRST", first, 1);
	setenv("SECOND", second, 1);
	cr_assert_eq(conf_parse(span_of(text), "conf", &conf, &why), ERR_OK, "%s", why);
	e = api_credentials_fetch(conf, NULL, &known, &why);
	cr_assert_eq(e == ERR_OK, why == NULL);
	return why;
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	cr_assert_null(fetch(FIRST, SECOND));
}

static void tear_down(void)
{
	api_credentials_free(known);
	conf_free(conf);
}

TestSuite(api_credentials, .init = set_up, .fini = tear_down);

/* The name of the caller; "" for nobody. */
static const char *caller(const char *authorization)
{
	struct api_caller c;

	return api_credentials_know(known, span_of(authorization), &c) ? c.name : "";
}

static const char *caller_basic(const char *text)
{
	struct buf field;
	const char *name;

	buf_init(&field, 4096);
	cr_assert_eq(buf_add_str(&field, "Basic "), ERR_OK);
	cr_assert_eq(base64_encode(&field, text, strlen(text)), ERR_OK);
	name = caller(field.data);
	buf_release(&field);
	return name;
}

Test(api_credentials, secret_is_known_as_bearer_token_and_basic)
{
	cr_expect_str_eq(caller("Bearer " FIRST), "one");
	cr_expect_str_eq(caller("bearer   " SECOND), "two");
	cr_expect_str_eq(caller("token " FIRST), "one");
	cr_expect_str_eq(caller_basic("one:" FIRST), "one");
	cr_expect_str_eq(caller_basic("two:" SECOND), "two");
}

Test(api_credentials, nobody_else_is_known)
{
	static const char *const field[] = { "", "Bearer", "Bearer ", FIRST, "Bearer" FIRST,
		"Bearer x" FIRST, "Bearer " FIRST "x", "Bearer " FIRST " ", "Bearer first-secret",
		"Digest " FIRST, "Basic", "Basic ", "Basic =", "Basic " FIRST };
	static const char *const basic[] = { "one", "one:", ":" FIRST, "two:" FIRST, "one:" SECOND,
		"One:" FIRST, "one:" FIRST " ", FIRST ":" FIRST };

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		cr_expect_str_eq(caller(field[i]), "", "%s", field[i]);
	for (size_t i = 0; i < ARRAY_SIZE(basic); i++)
		cr_expect_str_eq(caller_basic(basic[i]), "", "%s", basic[i]);
}

Test(api_credentials, one_allows_what_its_words_say)
{
	struct api_caller c;

	cr_assert(api_credentials_know(known, SPAN("Bearer " FIRST), &c));
	cr_expect_eq(c.rights, API_BUILDS);
	cr_assert(api_credentials_know(known, SPAN("Bearer " SECOND), &c));
	cr_expect_eq(c.rights, API_BUILDS | API_PAGE);
	cr_expect_eq(api_right_of("root"), 0);
}

Test(api_credentials, basic_longer_than_any_is_refused)
{
	char text[2000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[3] = ':';
	cr_assert_str_eq(caller_basic(text), "");
}

Test(api_credentials, weak_or_unfit_secret_is_refused_and_not_repeated)
{
	static const char *const bad[] = { "fifteen-letters", "with a blank in it",
		"with-\xc3\xa4-umlaut-in-it" };

	tear_down();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *why = fetch(FIRST, bad[i]);

		cr_assert_not_null(why, "%s", bad[i]);
		cr_expect_not_null(strstr(why, "credential 'two': its secret must be 16 to 512"));
		cr_expect_null(strstr(why, bad[i]));
		free(why);
		conf_free(conf);
	}
	cr_assert_null(fetch(FIRST, SECOND));
}
