/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "conf/conf.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "model/api_right.h"
#include "secret/safe.h"

/* A secret is guessed by no one, and fits a header field. */
#define SECRET_MIN 16
#define SECRET_MAX 512

/* A name, a colon and a secret. */
#define BASIC_MAX (64 + 1 + SECRET_MAX)

#define KEY_BYTES 32

/* The digest is keyed by this start's chance, so it is of no use anywhere else. */
struct credential {
	char *name;
	unsigned rights;
	uint8_t digest[SHA256_BYTES];
};

struct api_credentials {
	uint8_t key[KEY_BYTES];
	struct credential *list;
	size_t n;
};

static void digest_make(
	const uint8_t key[KEY_BYTES], struct span secret, uint8_t digest[SHA256_BYTES])
{
	const struct span part[] = { { (const char *)key, KEY_BYTES }, secret };

	sha256_parts(part, ARRAY_SIZE(part), digest);
}

/* Visible ASCII, so that it stands in a header field as it is. */
static bool secret_fits(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return s.n >= SECRET_MIN && s.n <= SECRET_MAX;
}

/* Add one that shows this secret, which is taken. */
static enum err credential_add(struct api_credentials *all, const struct conf_credential *conf,
	struct secret *secret, char **why)
{
	const struct span text = { secret_text(secret), secret_len(secret) };
	struct credential *out = &all->list[all->n];

	if (!secret_fits(text)) {
		secret_free(secret);
		if (asprintf(why,
			    "credential '%s': its secret must be %d to %d visible ASCII "
			    "characters without blanks",
			    conf->name, SECRET_MIN, SECRET_MAX) < 0)
			out_of_memory();
		return ERR_PARSE;
	}
	digest_make(all->key, text, out->digest);
	secret_free(secret);
	out->name = xstrdup(conf->name);
	for (char *const *word = conf->allow; *word != NULL; word++)
		out->rights |= api_right_of(*word);
	all->n++;
	return ERR_OK;
}

/* One whose provider has been silent for too long is nobody's any more. */
static enum err credential_fetch(struct api_credentials *all, const struct conf_credential *conf,
	const struct safe *safe, char **why)
{
	struct secret *current = NULL, *previous = NULL;
	enum err e = safe_read(safe, &conf->secret, &current, &previous, why);

	if (e == ERR_NOTFOUND && secret_ref_is_remote(&conf->secret) && safe != NULL) {
		free(TAKE(*why));
		return ERR_OK;
	}
	if (e == ERR_OK)
		e = credential_add(all, conf, current, why);
	if (e == ERR_OK && previous != NULL)
		return credential_add(all, conf, previous, why);
	secret_free(previous);
	return e;
}

enum err api_credentials_fetch(
	const struct conf *c, const struct safe *safe, struct api_credentials **out, char **why)
{
	struct api_credentials *all = xcalloc(1, sizeof(*all));

	random_bytes(all->key, sizeof(all->key));
	all->list = xcalloc(2 * c->credentials, sizeof(*all->list));
	for (size_t i = 0; i < c->credentials; i++) {
		enum err e = credential_fetch(all, &c->credential[i], safe, why);

		if (e != ERR_OK) {
			api_credentials_free(all);
			return e;
		}
	}
	*out = all;
	return ERR_OK;
}

void api_credentials_free(struct api_credentials *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].name);
	free(c->list);
	free(c);
}

/* Look at all of them, whichever it is. name is empty where only the secret is told. */
static const struct credential *credential_find(
	const struct api_credentials *all, struct span name, struct span secret)
{
	const struct credential *found = NULL;
	uint8_t digest[SHA256_BYTES];

	if (all == NULL)
		return NULL;
	digest_make(all->key, secret, digest);
	for (size_t i = 0; i < all->n; i++) {
		const struct credential *c = &all->list[i];

		if (bytes_equal_ct(digest, c->digest, sizeof(digest)) &&
			(name.n == 0 || span_is(name, c->name)))
			found = c;
	}
	return found;
}

/* The scheme's credentials, if it is this scheme (RFC 9110, section 11.4). */
static bool scheme_is(struct span field, const char *scheme, struct span *rest)
{
	size_t n = strlen(scheme);

	if (field.n <= n || strncasecmp(field.p, scheme, n) != 0 || field.p[n] != ' ')
		return false;
	while (n < field.n && field.p[n] == ' ')
		n++;
	*rest = (struct span){ field.p + n, field.n - n };
	return true;
}

/* base64 of "name:secret" (RFC 7617). */
static const struct credential *basic_find(const struct api_credentials *all, struct span encoded)
{
	const struct credential *found = NULL;
	char text[BASIC_MAX];
	const char *colon;
	size_t n;

	if (base64_decode(encoded, text, sizeof(text), &n) != ERR_OK)
		return NULL;
	colon = memchr(text, ':', n);
	if (colon != NULL && colon > text) {
		struct span name = { text, (size_t)(colon - text) };
		struct span secret = { colon + 1, n - name.n - 1 };

		found = credential_find(all, name, secret);
	}
	secret_wipe(text, sizeof(text));
	return found;
}

bool api_credentials_know(
	const struct api_credentials *c, struct span authorization, struct api_caller *caller)
{
	const struct credential *found = NULL;
	struct span rest;

	if (scheme_is(authorization, "Bearer", &rest) || scheme_is(authorization, "token", &rest))
		found = credential_find(c, (struct span){ 0 }, rest);
	else if (scheme_is(authorization, "Basic", &rest))
		found = basic_find(c, rest);
	if (found == NULL)
		return false;
	*caller = (struct api_caller){ .name = found->name, .rights = found->rights };
	return true;
}
