/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/aws_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_gate.h"
#include "io/secmem.h"
#include "secret/json_secret.h"

void aws_credentials_release(struct aws_credentials *c)
{
	secret_free(c->key_id);
	secret_free(c->key);
	secret_free(c->session_token);
	*c = (struct aws_credentials){ .expires = WALL_NONE };
}

static enum err root_read(struct span body, struct json_value *root)
{
	const struct json_limits limits = { .depth = 16, .values = 4096 };
	enum err e = json_gate(body, &limits, NULL);

	if (e != ERR_OK)
		return e;
	*root = json_root(body);
	return root->type == JSON_OBJECT ? ERR_OK : ERR_PARSE;
}

/* --- credentials --- */

/* They go into header fields: visible ASCII only. */
static bool is_plain(const struct secret *s)
{
	for (const char *p = secret_text(s); *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return secret_len(s) > 0 && secret_len(s) <= 8192;
}

/* Take them if they are whole, else free them. */
static enum err credentials_check(struct aws_credentials *read, struct aws_credentials *out)
{
	if (read->key_id != NULL && read->key != NULL && is_plain(read->key_id) &&
		is_plain(read->key) && strchr(secret_text(read->key_id), ':') == NULL &&
		(read->session_token == NULL || is_plain(read->session_token))) {
		*out = *read;
		return ERR_OK;
	}
	aws_credentials_release(read);
	return ERR_PARSE;
}

enum err aws_read_metadata(struct span body, struct aws_credentials *out)
{
	struct aws_credentials read = { .expires = WALL_NONE };
	struct json_value root, v;
	struct span text;
	enum err e = root_read(body, &root);

	if (e != ERR_OK)
		return e;
	IGNORE(secret_of_member(root, "AccessKeyId", &read.key_id) != ERR_OK);
	IGNORE(secret_of_member(root, "SecretAccessKey", &read.key) != ERR_OK);
	IGNORE(secret_of_member(root, "Token", &read.session_token) != ERR_OK);
	if (json_get(root, "Expiration", &v) && json_plain(v, &text) == ERR_OK &&
		wall_parse(text, &read.expires) != ERR_OK)
		read.expires = WALL_NONE;
	return credentials_check(&read, out);
}

/* The text of the one element of that name; what would have to be unescaped is refused. */
static enum err xml_text(struct span body, const char *name, struct span *text)
{
	char open[64], close[64];
	const char *begin, *end, *more;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	begin = memmem(body.p, body.n, open, strlen(open));
	if (begin == NULL)
		return ERR_NOTFOUND;
	begin += strlen(open);
	end = memmem(begin, (size_t)(body.p + body.n - begin), close, strlen(close));
	more = memmem(begin, (size_t)(body.p + body.n - begin), open, strlen(open));
	if (end == NULL || more != NULL)
		return ERR_PARSE;
	*text = (struct span){ begin, (size_t)(end - begin) };
	if (memchr(begin, '<', text->n) != NULL || memchr(begin, '&', text->n) != NULL ||
		memchr(begin, '\0', text->n) != NULL)
		return ERR_PARSE;
	return ERR_OK;
}

static struct secret *xml_secret(struct span body, const char *name)
{
	struct span text;

	return xml_text(body, name, &text) == ERR_OK ? secret_new(text.p, text.n) : NULL;
}

enum err aws_read_sts(struct span body, struct aws_credentials *out)
{
	struct aws_credentials read = { .expires = WALL_NONE };
	struct span text;

	if (body.n == 0)
		return ERR_PARSE;
	read.key_id = xml_secret(body, "AccessKeyId");
	read.key = xml_secret(body, "SecretAccessKey");
	read.session_token = xml_secret(body, "SessionToken");
	if (xml_text(body, "Expiration", &text) == ERR_OK &&
		wall_parse(text, &read.expires) != ERR_OK)
		read.expires = WALL_NONE;
	return credentials_check(&read, out);
}

/* --- GetSecretValue --- */

static void say(struct secret_answer *out, enum err e, const char *why)
{
	out->err = e;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

/* "CreatedDate" is a number of seconds, mostly with a fraction, or with an exponent. */
static struct wall date_read(struct json_value root)
{
	struct json_value v;
	char text[40];
	double seconds;

	if (!json_get(root, "CreatedDate", &v) || v.type != JSON_NUMBER || v.text.n >= sizeof(text))
		return WALL_NONE;
	memcpy(text, v.text.p, v.text.n);
	text[v.text.n] = '\0';
	seconds = strtod(text, NULL);
	if (!(seconds >= 0 && seconds < 1e11))
		return WALL_NONE;
	return (struct wall){ (int64_t)(seconds * 1000) };
}

static void version_read(struct json_value root, struct secret_answer *out)
{
	struct json_value v;
	struct span text;

	if (json_get(root, "VersionId", &v) && json_plain(v, &text) == ERR_OK &&
		text.n < sizeof(out->version))
		snprintf(out->version, sizeof(out->version), "%.*s", SPAN_ARGS(text));
	out->made_at = date_read(root);
}

/* A field is one of the JSON object that the secret is the text of. */
static void field_read(struct secret *whole, const char *field, struct secret_answer *out)
{
	struct json_value root;
	enum err e = root_read((struct span){ secret_text(whole), secret_len(whole) }, &root);

	if (e == ERR_OK)
		e = secret_of_member(root, field, &out->value);
	else
		e = ERR_NOTFOUND;
	if (e == ERR_NOTFOUND)
		say(out, e, "it has no such field, or is no JSON object");
	else if (e != ERR_OK)
		say(out, e, "the field must be a text of at most 64 KiB, and not empty");
	else
		out->err = ERR_OK;
	secret_free(whole);
}

void aws_read_secret(struct span body, const char *field, struct secret_answer *out)
{
	struct secret *whole = NULL;
	struct json_value root;
	enum err e = root_read(body, &root);

	if (e != ERR_OK) {
		say(out, ERR_PARSE, "its answer is none of GetSecretValue");
		return;
	}
	e = secret_of_member(root, "SecretString", &whole);
	if (e != ERR_OK) {
		say(out, e == ERR_NOTFOUND ? ERR_NOTFOUND : ERR_PARSE,
			"it has no SecretString of at most 64 KiB");
		return;
	}
	version_read(root, out);
	if (field != NULL) {
		field_read(whole, field, out);
		return;
	}
	out->value = whole;
	out->err = ERR_OK;
}

/* Types stand alone or behind a '#'. */
static struct span type_read(struct json_value root)
{
	struct json_value v;
	struct span text = { 0 };
	const char *hash;

	if (!json_get(root, "__type", &v) || json_plain(v, &text) != ERR_OK)
		return (struct span){ 0 };
	hash = memrchr(text.p, '#', text.n);
	if (hash != NULL)
		text = (struct span){ hash + 1, (size_t)(text.p + text.n - hash - 1) };
	return text;
}

static const struct {
	const char *type;
	enum err err;
	const char *meaning;
} errors[] = {
	{ "ResourceNotFoundException", ERR_NOTFOUND, "it is not there, or has no such stage" },
	{ "InvalidRequestException", ERR_NOTFOUND, "it is marked for deletion" },
	{ "InvalidParameterException", ERR_PARSE, "its id is none that there can be" },
	{ "AccessDeniedException", ERR_AUTH, "we may not read it" },
	{ "DecryptionFailure", ERR_AUTH, "it cannot be decrypted with its key" },
	{ "ExpiredTokenException", ERR_AUTH, "our credentials are over" },
	{ "UnrecognizedClientException", ERR_AUTH, "our credentials are not known" },
	{ "InvalidClientTokenId", ERR_AUTH, "our credentials are not known" },
	{ "InvalidSignatureException", ERR_AUTH, "our signature is wrong: is the clock right?" },
	{ "IncompleteSignature", ERR_AUTH, "our signature is not whole" },
};

void aws_read_error(struct span body, int status, struct secret_answer *out)
{
	struct json_value root;
	struct span type = { 0 };

	if (root_read(body, &root) == ERR_OK)
		type = type_read(root);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (!span_is(type, errors[i].type))
			continue;
		out->err = errors[i].err;
		snprintf(out->why, sizeof(out->why), "%d %s: %s", status, errors[i].type,
			errors[i].meaning);
		return;
	}
	out->err = status == 401 || status == 403 ? ERR_AUTH : ERR_IO;
	snprintf(out->why, sizeof(out->why), "%d", status);
}
