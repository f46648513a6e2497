/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/webhook_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "io/signing.h"

#define SHARED_MIN 24
#define SHARED_MAX 64
#define PAIR_BYTES (ED25519_SEED_BYTES + ED25519_PUBLIC_BYTES)
#define KEY_MAX    64

#define SHARED_PREFIX "whsec_"
#define PAIR_PREFIX   "whsk_"

struct webhook_key {
	struct secret *shared; /* its bytes, or NULL: */
	struct signing_key *pair;
};

static enum err shared_make(const uint8_t *bytes, size_t n, struct webhook_key *k, const char **why)
{
	if (n < SHARED_MIN || n > SHARED_MAX) {
		*why = "a " SHARED_PREFIX " key must have 24 to 64 bytes";
		return ERR_PARSE;
	}
	k->shared = secret_new((const char *)bytes, n);
	return ERR_OK;
}

/* Where the public half is there, it must be the seed's own. */
static enum err pair_make(const uint8_t *bytes, size_t n, struct webhook_key *k, const char **why)
{
	if (n != ED25519_SEED_BYTES && n != PAIR_BYTES) {
		*why = "a " PAIR_PREFIX " key must have 32 or 64 bytes";
		return ERR_PARSE;
	}
	k->pair = signing_key_new(bytes);
	if (n == ED25519_SEED_BYTES || bytes_equal_ct(signing_key_public(k->pair),
					       bytes + ED25519_SEED_BYTES, ED25519_PUBLIC_BYTES))
		return ERR_OK;
	*why = "the halves of a " PAIR_PREFIX " key do not belong together";
	return ERR_PARSE;
}

static enum err key_make(struct span text, struct webhook_key *k, const char **why)
{
	const bool shared = span_starts(text, SHARED_PREFIX);
	uint8_t bytes[KEY_MAX];
	size_t prefix, n;
	enum err e;

	if (!shared && !span_starts(text, PAIR_PREFIX)) {
		*why = "a signing key must begin with " SHARED_PREFIX " or " PAIR_PREFIX;
		return ERR_PARSE;
	}
	prefix = shared ? sizeof(SHARED_PREFIX) - 1 : sizeof(PAIR_PREFIX) - 1;
	e = base64_decode(
		(struct span){ text.p + prefix, text.n - prefix }, bytes, sizeof(bytes), &n);
	if (e == ERR_OK)
		e = shared ? shared_make(bytes, n, k, why) : pair_make(bytes, n, k, why);
	else
		*why = "a signing key must be padded base64 of at most 64 bytes";
	secret_wipe(bytes, sizeof(bytes));
	return e == ERR_OK ? ERR_OK : ERR_PARSE;
}

enum err webhook_key_parse(const struct secret *text, struct webhook_key **out, const char **why)
{
	struct webhook_key *k = xcalloc(1, sizeof(*k));
	enum err e = key_make((struct span){ secret_text(text), secret_len(text) }, k, why);

	if (e != ERR_OK) {
		webhook_key_free(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

void webhook_key_free(struct webhook_key *k)
{
	if (k == NULL)
		return;
	secret_free(k->shared);
	if (k->pair != NULL)
		signing_key_free(k->pair);
	free(k);
}

bool webhook_key_is_shared(const struct webhook_key *k)
{
	return k->shared != NULL;
}

static enum err put_signature(struct buf *out, const char *version, const uint8_t *bytes, size_t n)
{
	enum err e = buf_addf(out, "%s%s,", out->len == 0 ? "" : " ", version);

	return e == ERR_OK ? base64_encode(out, bytes, n) : e;
}

static enum err sign_shared(
	const struct webhook_key *k, struct span head, struct span body, struct buf *out)
{
	const struct span key = { secret_text(k->shared), secret_len(k->shared) };
	const struct span parts[] = { head, body };
	uint8_t mac[HMAC_SHA256_BYTES];

	hmac_sha256(key, parts, ARRAY_SIZE(parts), mac);
	return put_signature(out, "v1", mac, sizeof(mac));
}

/* Ed25519 wants the message in one piece. */
static enum err sign_pair(
	const struct webhook_key *k, struct span head, struct span body, struct buf *out)
{
	CLEANUP(buf_release) struct buf message;
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	enum err e;

	buf_init(&message, head.n + body.n);
	e = buf_add_span(&message, head);
	if (e == ERR_OK)
		e = buf_add_span(&message, body);
	if (e != ERR_OK)
		return e;
	signing_key_sign(k->pair, buf_span(&message), signature);
	return put_signature(out, "v1a", signature, sizeof(signature));
}

enum err webhook_sign(struct webhook_key *const *keys, size_t n, struct span id, int64_t timestamp,
	struct span body, struct buf *out)
{
	CLEANUP(buf_release) struct buf head;
	enum err e;

	buf_init(&head, id.n + 32);
	if (id.n == 0 || memchr(id.p, '.', id.n) != NULL)
		return ERR_PARSE;
	e = buf_addf(&head, "%.*s.%" PRId64 ".", SPAN_ARGS(id), timestamp);
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		if (webhook_key_is_shared(keys[i]))
			e = sign_shared(keys[i], buf_span(&head), body, out);
		else
			e = sign_pair(keys[i], buf_span(&head), body, out);
	}
	return e;
}
