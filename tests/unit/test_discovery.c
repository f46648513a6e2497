/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/discovery.h"

#define ISSUER "https://issuer.example/tenant"
#define LOCAL  "http://127.0.0.1:3000/oidc"

Test(discovery, the_document_is_below_the_issuer)
{
	static const char *const urls[][2] = {
		{ "https://i.example", "https://i.example/.well-known/openid-configuration" },
		{ "https://i.example/", "https://i.example/.well-known/openid-configuration" },
		{ ISSUER, ISSUER "/.well-known/openid-configuration" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEANUP(freep) char *url = discovery_url(urls[i][0]);

		cr_expect_str_eq(url, urls[i][1]);
	}
}

static void expect(const char *json, const char *issuer, enum err want, const char *url)
{
	CLEANUP(freep) char *got = NULL;

	cr_expect_eq(discovery_read(span_of(json), issuer, &got), want, "%s", json);
	if (url == NULL)
		cr_expect_null(got, "%s", json);
	else
		cr_expect_str_eq(got, url);
}

#define DOCUMENT(issuer, keys) "{\"issuer\":\"" issuer "\",\"x\":[1],\"jwks_uri\":\"" keys "\"}"

Test(discovery, says_where_the_keys_are)
{
	expect(DOCUMENT(ISSUER, "https://keys.example/k?v=1"), ISSUER, ERR_OK,
		"https://keys.example/k?v=1");
	expect("{\"jwks_uri\":\"https:\\/\\/k\\/\",\"issuer\":\"https:\\/\\/i\"}", "https://i",
		ERR_OK, "https://k/");
	expect(DOCUMENT(LOCAL, "http://127.0.0.1:3000/jwks"), LOCAL, ERR_OK,
		"http://127.0.0.1:3000/jwks");
}

Test(discovery, another_issuers_document_is_not_believed)
{
	expect(DOCUMENT("https://issuer.example/other", "https://k/"), ISSUER, ERR_AUTH, NULL);
	expect(DOCUMENT(ISSUER "/", "https://k/"), ISSUER, ERR_AUTH, NULL);
	expect(DOCUMENT("HTTPS://issuer.example/tenant", "https://k/"), ISSUER, ERR_AUTH, NULL);
}

Test(discovery, keys_come_over_tls_or_from_the_issuers_own_port)
{
	static const char *const bad[] = { "http://issuer.example/jwks", "https://",
		"file:///etc/x", "ftp://k/", "/jwks", "", "https://u@k/", "https://k/ x",
		"https://k/#x", "https://k\\\\/", "https://k/\\u00e4", "https://k/\\n" };
	static const char *const far[] = { "http://127.0.0.1:3001/jwks", "http://127.0.0.1:30000/",
		"http://127.0.0.1:3000", "http://127.0.0.1:3000@evil.example/",
		"http://localhost:3000/" };
	char json[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(json, sizeof(json), DOCUMENT(ISSUER, "%s"), bad[i]);
		expect(json, ISSUER, ERR_AUTH, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		snprintf(json, sizeof(json), DOCUMENT(LOCAL, "%s"), far[i]);
		expect(json, LOCAL, ERR_AUTH, NULL);
	}
}

Test(discovery, what_is_no_document_is_refused)
{
	static const char *const bad[] = { "", "[]", "{}", "null", "{\"issuer\":\"" ISSUER "\"}",
		"{\"jwks_uri\":\"https://k/\"}", "{\"issuer\":1,\"jwks_uri\":\"https://k/\"}",
		"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":[\"https://k/\"]}",
		"{\"issuer\":\"" ISSUER "\",\"issuer\":\"" ISSUER
		"\",\"jwks_uri\":\"https://k/\"}" };
	static char big[DISCOVERY_BYTES + 1];
	char *url = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect(bad[i], ISSUER, ERR_PARSE, NULL);
	memset(big, ' ', sizeof(big));
	cr_expect_eq(discovery_read((struct span){ big, sizeof(big) }, ISSUER, &url), ERR_LIMIT);
}
