/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_CREDENTIALS_H
#define SINK_HTTP_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"

struct secret;
struct webhook_key;

/*
 * What an http sink knows by secrets: keys that sign, a bearer token, header
 * fields. While one key replaces another both are here, and both sign.
 */
#define HTTP_KEYS_MAX          4
#define HTTP_SECRET_FIELDS_MAX 8

struct http_credentials {
	struct webhook_key *key[HTTP_KEYS_MAX];
	size_t keys;
	struct secret *token; /* or NULL */
	struct secret *field[HTTP_SECRET_FIELDS_MAX];
	size_t fields;
	bool outdated; /* what it knew is no good any more: nothing is sent */
};

struct http_credentials *http_credentials_new(void);
void http_credentials_free(struct http_credentials *c);

/*
 * Each takes its secret. ERR_PARSE or ERR_LIMIT with *why, a literal that repeats
 * none of it.
 */
MUST_CHECK enum err http_credentials_add_key(
	struct http_credentials *c, struct secret *s, const char **why);
MUST_CHECK enum err http_credentials_add_field(
	struct http_credentials *c, struct secret *s, const char **why);
MUST_CHECK enum err http_credentials_set_token(
	struct http_credentials *c, struct secret *s, const char **why);

/* ERR_PARSE with *why if they do not do together: a key pair signs beside a shared key only. */
MUST_CHECK enum err http_credentials_check(const struct http_credentials *c, const char **why);

#endif
