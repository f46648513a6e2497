/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/identity.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "io/crypto.h"
#include "io/jws.h"
#include "io/secmem.h"
#include "io/signing.h"

#define TOKEN_MAX 8192

struct identity_key {
	struct signing_key *key; /* NULL: there is none */
	struct wall made;
	char name[JWK_THUMBPRINT_MAX];
};

struct identity {
	char *issuer, *audience, *subject;
	int64_t lifetime_ms, overlap_ms, rotate_ms;
	struct identity_key newest, older;
	struct secret *token; /* NULL: the next call mints one */
	struct wall token_made;
	const struct signing_key *token_key; /* that signed it; only compared */
};

struct identity *identity_new(void)
{
	return xcalloc(1, sizeof(struct identity));
}

static void token_drop(struct identity *i)
{
	secret_free(i->token);
	i->token = NULL;
}

void identity_free(struct identity *i)
{
	if (i == NULL)
		return;
	token_drop(i);
	signing_key_free(i->newest.key);
	signing_key_free(i->older.key);
	free(i->issuer);
	free(i->audience);
	free(i->subject);
	free(i);
}

static void text_set(char **at, const char *text)
{
	free(*at);
	*at = text == NULL ? NULL : xstrdup(text);
}

void identity_set_conf(struct identity *i, const struct identity_conf *conf)
{
	text_set(&i->issuer, conf->issuer);
	text_set(&i->audience, conf->audience);
	text_set(&i->subject, conf->subject);
	i->lifetime_ms = conf->lifetime_ms;
	i->overlap_ms = conf->overlap_ms;
	i->rotate_ms = conf->rotate_ms;
	token_drop(i);
}

void identity_add_key(struct identity *i, struct signing_key *k, struct wall made)
{
	token_drop(i);
	signing_key_free(i->older.key);
	i->older = i->newest;
	i->newest = (struct identity_key){ .key = k, .made = made };
	jwk_thumbprint(k, i->newest.name);
}

bool identity_is_due(const struct identity *i, struct wall now)
{
	return i->newest.key == NULL || now.ms - i->newest.made.ms >= i->rotate_ms;
}

const char *identity_newest(const struct identity *i)
{
	return i->newest.name;
}

/* The older key signs until whoever keeps a JWKS has had time to learn of the newest. */
static const struct identity_key *signer_at(const struct identity *i, struct wall now)
{
	bool is_known = now.ms - i->newest.made.ms >= i->overlap_ms;

	return i->older.key == NULL || is_known ? &i->newest : &i->older;
}

struct wall identity_newest_made(const struct identity *i)
{
	return i->newest.key == NULL ? WALL_NONE : i->newest.made;
}

const char *identity_signer(const struct identity *i, struct wall now)
{
	return signer_at(i, now)->name;
}

static bool older_is_published(const struct identity *i, struct wall now)
{
	return i->older.key != NULL &&
	       now.ms - i->newest.made.ms < 2 * i->overlap_ms + i->lifetime_ms;
}

static enum err header_write(const struct identity_key *k, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "alg", "EdDSA");
	json_member_str(&w, "typ", "JWT");
	json_member_str(&w, "kid", k->name);
	json_object_end(&w);
	return json_done(&w);
}

/* An id for each, so that a token can be told in Backstage's records. */
static enum err claims_write(const struct identity *i, struct wall now, struct buf *out)
{
	struct json_writer w;
	char id[17];
	uint64_t dice = random_u64();

	hex_encode(&dice, sizeof(dice), id);
	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "iss", i->issuer);
	json_member_str(&w, "aud", i->audience);
	json_member_str(&w, "sub", i->subject);
	json_member_int(&w, "iat", now.ms / 1000);
	json_member_int(&w, "exp", (now.ms + i->lifetime_ms) / 1000);
	json_member_str(&w, "jti", id);
	json_object_end(&w);
	return json_done(&w);
}

static struct secret *token_mint(
	const struct identity *i, const struct identity_key *k, struct wall now)
{
	CLEANUP(buf_release) struct buf header, claims, token;
	struct secret *s = NULL;
	enum err e;

	buf_init(&header, TOKEN_MAX);
	buf_init(&claims, TOKEN_MAX);
	buf_init(&token, (size_t)4 * TOKEN_MAX);
	e = header_write(k, &header);
	if (e == ERR_OK)
		e = claims_write(i, now, &claims);
	if (e == ERR_OK)
		e = jws_sign(k->key, buf_span(&header), buf_span(&claims), &token);
	if (e == ERR_OK)
		s = secret_new(token.data, token.len);
	secret_wipe(token.data, token.len);
	return s;
}

/* A clock that was set back makes a token of the future, which is no good. */
static bool token_is_good(
	const struct identity *i, const struct identity_key *signer, struct wall now)
{
	return i->token != NULL && i->token_key == signer->key && now.ms >= i->token_made.ms &&
	       now.ms - i->token_made.ms < i->lifetime_ms / 2;
}

const struct secret *identity_token(struct identity *i, struct wall now)
{
	const struct identity_key *signer = signer_at(i, now);

	if (i->issuer == NULL || signer->key == NULL)
		return NULL;
	if (token_is_good(i, signer, now))
		return i->token;
	token_drop(i);
	i->token = token_mint(i, signer, now);
	i->token_made = now;
	i->token_key = signer->key;
	return i->token;
}

static void jwk_write(struct json_writer *w, const struct identity_key *k)
{
	CLEANUP(buf_release) struct buf x;

	buf_init(&x, 64);
	IGNORE(base64url_encode(&x, signing_key_public(k->key), ED25519_PUBLIC_BYTES));
	json_object_begin(w);
	json_member_str(w, "kty", "OKP");
	json_member_str(w, "crv", "Ed25519");
	json_member_span(w, "x", buf_span(&x));
	json_member_str(w, "kid", k->name);
	json_member_str(w, "alg", "EdDSA");
	json_member_str(w, "use", "sig");
	json_object_end(w);
}

enum err identity_jwks(const struct identity *i, struct wall now, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_key(&w, "keys");
	json_array_begin(&w);
	if (i->newest.key != NULL)
		jwk_write(&w, &i->newest);
	if (older_is_published(i, now))
		jwk_write(&w, &i->older);
	json_array_end(&w);
	json_object_end(&w);
	return json_done(&w);
}
