/* SPDX-License-Identifier: Apache-2.0 */
#include "io/jwt.h"

#include <string.h>

#include "base/codec.h"
#include "base/json_gate.h"

#define SIGNATURE_MAX 1100 /* of an RSA key of 8192 bits, and a little */

void jwt_init(struct jwt *t)
{
	*t = (struct jwt){ .issued_s = -1, .expires_s = -1, .begins_s = -1 };
	buf_init(&t->head, JWT_BYTES);
	buf_init(&t->body, JWT_BYTES);
	buf_init(&t->signature, SIGNATURE_MAX);
	buf_init(&t->texts, JWT_BYTES);
}

void jwt_release(struct jwt *t)
{
	buf_release(&t->head);
	buf_release(&t->body);
	buf_release(&t->signature);
	buf_release(&t->texts);
}

/* Cut off what stands before the next dot. */
static bool part_take(struct span *rest, struct span *part)
{
	const char *dot = rest->n == 0 ? NULL : memchr(rest->p, '.', rest->n);

	if (dot == NULL)
		return false;
	*part = (struct span){ rest->p, (size_t)(dot - rest->p) };
	rest->n -= part->n + 1;
	rest->p = dot + 1;
	return true;
}

static enum err part_read(struct span part, struct buf *out, struct json_value *object)
{
	enum err e = base64url_decode(part, out);

	if (e == ERR_OK)
		e = json_gate(buf_span(out), NULL, NULL);
	if (e != ERR_OK)
		return e;
	*object = json_root(buf_span(out));
	return object->type == JSON_OBJECT ? ERR_OK : ERR_PARSE;
}

/* A word that must look like what it means: no escapes. Empty if absent. */
static enum err word_read(struct json_value object, const char *name, struct span *word)
{
	struct json_value v;

	return json_get(object, name, &v) ? json_plain(v, word) : ERR_OK;
}

/* A text, where it stands or without its escapes in t->texts. Empty if absent. */
static enum err text_read(
	struct jwt *t, struct json_value object, const char *name, struct span *text)
{
	size_t before = t->texts.len;
	struct json_value v;
	enum err e;

	if (!json_get(object, name, &v) || json_plain(v, text) == ERR_OK)
		return ERR_OK;
	/* All at once, since spans into it must not move; all of a token's texts are no longer. */
	if (before == 0 && buf_room(&t->texts, JWT_BYTES) == NULL)
		return ERR_LIMIT;
	e = json_string(v, &t->texts);
	if (e == ERR_OK)
		*text = (struct span){ t->texts.data + before, t->texts.len - before };
	return e;
}

/* A whole number of seconds; -1 if absent. */
static enum err time_read(struct json_value object, const char *name, int64_t *s)
{
	struct json_value v;

	if (!json_get(object, name, &v))
		return ERR_OK;
	if (json_int(v, s) != ERR_OK || *s < 0)
		return ERR_PARSE;
	return ERR_OK;
}

static enum err head_read(struct jwt *t, struct json_value head)
{
	struct json_value v;
	enum err e = word_read(head, "alg", &t->alg);

	if (e == ERR_OK)
		e = word_read(head, "typ", &t->type);
	if (e == ERR_OK)
		e = text_read(t, head, "kid", &t->kid);
	t->critical = json_get(head, "crit", &v);
	return e;
}

static enum err claims_read(struct jwt *t)
{
	enum err e = text_read(t, t->claims, "iss", &t->issuer);

	if (e == ERR_OK)
		e = text_read(t, t->claims, "sub", &t->subject);
	if (e == ERR_OK)
		e = text_read(t, t->claims, "jti", &t->id);
	if (e == ERR_OK)
		e = time_read(t->claims, "iat", &t->issued_s);
	if (e == ERR_OK)
		e = time_read(t->claims, "exp", &t->expires_s);
	if (e == ERR_OK)
		e = time_read(t->claims, "nbf", &t->begins_s);
	IGNORE(json_get(t->claims, "aud", &t->audience));
	return e;
}

enum err jwt_read(struct span token, struct jwt *t)
{
	struct span head, body, signature = token;
	struct json_value header;
	enum err e;

	if (token.n > JWT_BYTES)
		return ERR_LIMIT;
	if (!part_take(&signature, &head) || !part_take(&signature, &body))
		return ERR_PARSE;
	t->signed_text = (struct span){ token.p, head.n + 1 + body.n };
	e = base64url_decode(signature, &t->signature);
	if (e == ERR_OK)
		e = part_read(head, &t->head, &header);
	if (e == ERR_OK)
		e = part_read(body, &t->body, &t->claims);
	if (e == ERR_OK)
		e = head_read(t, header);
	return e == ERR_OK ? claims_read(t) : e;
}

const char *jwt_verdict_str(enum jwt_verdict v)
{
	switch (v) {
	case JWT_GOOD: return "good";
	case JWT_WRONG_TYPE: return "wrong-type";
	case JWT_WRONG_ALGORITHM: return "wrong-algorithm";
	case JWT_CRITICAL_EXTENSION: return "critical-extension";
	case JWT_WRONG_ISSUER: return "wrong-issuer";
	case JWT_WRONG_AUDIENCE: return "wrong-audience";
	case JWT_UNKNOWN_KEY: return "unknown-key";
	case JWT_BAD_SIGNATURE: return "bad-signature";
	case JWT_NO_TIMES: return "no-times";
	case JWT_EXPIRED: return "expired";
	case JWT_NOT_YET: return "not-yet";
	case JWT_NO_SUBJECT: break;
	}
	return "no-subject";
}

static bool type_fits(const struct jwt *t, const char *want)
{
	if (want != NULL)
		return span_is(t->type, want);
	return t->type.n == 0 || span_is(t->type, "JWT");
}

/* One text, or a list of one: a token for several was not made for us alone. */
static bool audience_fits(struct json_value aud, const char *want)
{
	CLEANUP(buf_release) struct buf text;
	struct json_value one = aud, other;
	struct json_iter it;

	buf_init(&text, JWT_BYTES);
	if (aud.type == JSON_ARRAY) {
		it = json_iter(aud);
		if (!json_next_element(&it, &one) || json_next_element(&it, &other))
			return false;
	}
	return json_string(one, &text) == ERR_OK && span_is(buf_span(&text), want);
}

static enum jwt_verdict times_check(const struct jwt *t, struct wall now)
{
	int64_t now_s = now.ms / 1000;

	if (t->issued_s < 0 || t->expires_s < 0)
		return JWT_NO_TIMES;
	if (now_s >= t->expires_s && now_s - t->expires_s >= JWT_SKEW_S)
		return JWT_EXPIRED;
	if (t->issued_s - JWT_SKEW_S > now_s || t->begins_s - JWT_SKEW_S > now_s)
		return JWT_NOT_YET;
	return t->subject.n == 0 ? JWT_NO_SUBJECT : JWT_GOOD;
}

static enum jwt_verdict signature_check(
	const struct jwt *t, const struct jwt_rules *rules, const struct jwk_set *keys)
{
	enum err e = keys == NULL ? ERR_NOTFOUND
				  : jwk_set_verify(keys, rules->alg, t->kid, t->signed_text,
					    buf_span(&t->signature));

	if (e == ERR_NOTFOUND)
		return JWT_UNKNOWN_KEY;
	return e == ERR_OK ? JWT_GOOD : JWT_BAD_SIGNATURE;
}

enum jwt_verdict jwt_check(const struct jwt *t, const struct jwt_rules *rules,
	const struct jwk_set *keys, struct wall now)
{
	enum jwt_verdict v;

	if (!type_fits(t, rules->type))
		return JWT_WRONG_TYPE;
	if (!span_is(t->alg, jws_alg_str(rules->alg)))
		return JWT_WRONG_ALGORITHM;
	if (t->critical)
		return JWT_CRITICAL_EXTENSION;
	if (!span_is(t->issuer, rules->issuer))
		return JWT_WRONG_ISSUER;
	if (!audience_fits(t->audience, rules->audience))
		return JWT_WRONG_AUDIENCE;
	v = signature_check(t, rules, keys);
	return v == JWT_GOOD ? times_check(t, now) : v;
}
