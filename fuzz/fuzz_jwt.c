/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "io/jwt.h"
#include "model/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NOW ((struct wall){ INT64_C(1800000000000) })

/* Their private halves signed the tokens of the corpus, and were thrown away. */
static const char keys_text[] =
	"{\"keys\":[{\"kty\":\"EC\",\"x\":\"BP8xjpyoxxhkrNmFOH4YHrix7QDNUcaF8Hvrq"
	"3Bly5A\",\"y\":\"l9k44EKCdIp3z9akxam-YT2RADhMsJBsZesSPfGTK3Q\",\"crv\":"
	"\"P-256\",\"kid\":\"ec\",\"alg\":\"ES256\",\"use\":\"sig\"},{\"kty\":\"R"
	"SA\",\"n\":\"uiv3KsvIfbum3OQLl3qeqwij_uH7NlLs-OK5caILoOw8mQngI6VrOz_m3_J"
	"nnCZWWb94_oUm5JQ0UrLjRC7OKX1dvIaJyyRRDmVjHAg3LMAefTR6aFEiltQOYMT68nZfZEn"
	"sCk6gzNArw_xTxgJFtkid8_RQkKTR42Y68gNqm9pcna7EYMvBU3k5_MmdkWXFNY6xtLmngKa"
	"dYS4V2iJGbQdGd3c-jcIOXnQxmjFPXW5L32SN29pNKZAljHIz8pNciOgYYao516LeOCSJqF7"
	"EQp3aBP6pG8q6bRulTRWVGYaQF6-yIvIEL2U659taAOTBtxSNVTRvk1-5Bkz0A04Uiw\",\""
	"e\":\"AQAB\",\"kid\":\"rsa\",\"alg\":\"RS256\",\"use\":\"sig\"}]}";

/* SHA-256 of what is signed in the good tokens of the corpus. */
static const char *const good[] = {
	"d410d00fa4c6082e63a372dc62538baa6da7050872faa277d786df8e905d2db8",
	"7fb0491e41d6a2c4c525bc7135ea913491a6c1ce0827b1fc69fe3aa48690af6b",
	"11b3fadc639669981dfe8e0357734ece7c73790bad8c4e89918133172c242e20",
};

static const struct jwt_rules rules[] = {
	{ JWS_ES256, NULL, "https://issuer.example", "stagewire" },
	{ JWS_RS256, NULL, "https://issuer.example", "stagewire" },
	{ JWS_ES256, "vnd.backstage.user", "https://issuer.example", "stagewire" },
};

static struct jwk_set *read_keys(void)
{
	struct jwk_set *s;

	if (crypto_init() != ERR_OK || jwk_set_parse(span_of(keys_text), &s) != ERR_OK ||
		jwk_set_count(s) != 2)
		abort();
	return s;
}

/* There is one way to write what was read: the one that came. */
static void check_canonical(const struct jwt *t, struct span token)
{
	struct buf b;
	enum err e;

	buf_init(&b, JWT_BYTES);
	e = base64url_encode(&b, t->head.data, t->head.len);
	if (e == ERR_OK)
		e = buf_add_str(&b, ".");
	if (e == ERR_OK)
		e = base64url_encode(&b, t->body.data, t->body.len);
	if (e == ERR_OK)
		e = buf_add_str(&b, ".");
	if (e == ERR_OK)
		e = base64url_encode(&b, t->signature.data, t->signature.len);
	assert(e == ERR_OK && span_eq(buf_span(&b), token));
	buf_release(&b);
}

/* Nobody can make a good token but who has the key. */
static void check_good(const struct jwt *t)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	bool known = false;

	sha256(t->signed_text, digest);
	hex_encode(digest, sizeof(digest), hex);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		known = known || strcmp(hex, good[i]) == 0;
	assert(known);
	assert(span_is(t->subject, "repo:acme/parcel-api:ref:refs/heads/main"));
}

static void check_agents(const struct jwt *t)
{
	char name[] = "a", issuer[] = "i", id[] = "repository_id=74", sub[] = "sub=repo:*";
	char *claims[] = { id, sub, NULL };
	const struct agent agent = { name, issuer, claims };
	const struct agent *found = NULL;

	assert(agents_find(&agent, 1, "i", t->claims, &found) == (found != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct span token = { (const char *)data, len };
	static struct jwk_set *keys;
	struct jwt t;

	if (keys == NULL)
		keys = read_keys();
	jwt_init(&t);
	if (jwt_read(token, &t) == ERR_OK) {
		check_canonical(&t, token);
		check_agents(&t);
		for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
			enum jwt_verdict v = jwt_check(&t, &rules[i], keys, NOW);

			assert(strlen(jwt_verdict_str(v)) > 0);
			if (v == JWT_GOOD)
				check_good(&t);
		}
	}
	jwt_release(&t);
	return 0;
}
