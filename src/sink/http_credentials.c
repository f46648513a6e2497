/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http_credentials.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/secmem.h"
#include "io/webhook_key.h"
#include "sink/http_message.h"

struct http_credentials *http_credentials_new(void)
{
	return xcalloc(1, sizeof(struct http_credentials));
}

void http_credentials_free(struct http_credentials *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->keys; i++)
		webhook_key_free(c->key[i]);
	for (size_t i = 0; i < c->fields; i++)
		secret_free(c->field[i]);
	secret_free(c->token);
	free(c);
}

enum err http_credentials_add_key(struct http_credentials *c, struct secret *s, const char **why)
{
	enum err e = ERR_LIMIT;

	if (c->keys == HTTP_KEYS_MAX)
		*why = "there are more signing keys than receivers look at";
	else
		e = webhook_key_parse(s, &c->key[c->keys], why);
	if (e == ERR_OK)
		c->keys++;
	secret_free(s);
	return e;
}

enum err http_credentials_add_field(struct http_credentials *c, struct secret *s, const char **why)
{
	enum err e = ERR_OK;

	if (c->fields == HTTP_SECRET_FIELDS_MAX) {
		*why = "there are more than 8 secret header fields";
		e = ERR_LIMIT;
	} else if (!http_field_is_free(secret_text(s))) {
		*why = "it is no header field \"Name: value\" that can be added";
		e = ERR_PARSE;
	}
	if (e == ERR_OK)
		c->field[c->fields++] = s;
	else
		secret_free(s);
	return e;
}

/* What a bearer token is made of, as io/httpc wants it. */
static bool is_token(const struct secret *s)
{
	for (const char *p = secret_text(s); *p != '\0'; p++) {
		if (*p <= 0x20 || *p > 0x7e)
			return false;
	}
	return secret_len(s) > 0 && secret_len(s) <= 16384;
}

enum err http_credentials_set_token(struct http_credentials *c, struct secret *s, const char **why)
{
	if (!is_token(s)) {
		*why = "a token has no blanks and no unprintable characters";
		secret_free(s);
		return ERR_PARSE;
	}
	secret_free(c->token);
	c->token = s;
	return ERR_OK;
}

enum err http_credentials_check(const struct http_credentials *c, const char **why)
{
	bool shared = c->keys == 0;

	for (size_t i = 0; i < c->keys; i++)
		shared |= webhook_key_is_shared(c->key[i]);
	if (!shared) {
		*why = "a whsk_ key needs a whsec_ key beside it: no receiver's library verifies "
		       "v1a alone";
		return ERR_PARSE;
	}
	for (size_t i = 0; i < c->fields; i++) {
		if (c->token == NULL || strncasecmp(secret_text(c->field[i]), "authorization:", 14))
			continue;
		*why = "a token and a header field Authorization are one too many";
		return ERR_PARSE;
	}
	return ERR_OK;
}
