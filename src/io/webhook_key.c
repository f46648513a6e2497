/* SPDX-License-Identifier: Apache-2.0 */
#include "io/webhook_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
#define PUBLIC_PREFIX "whpk_"

/* Twelve digits of seconds last longer than anything here. */
#define TIMESTAMP_MAX 12

struct webhook_key {
	struct secret *shared;    /* its bytes, or NULL: */
	struct signing_key *pair; /* or NULL: */
	uint8_t public[ED25519_PUBLIC_BYTES];
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

static enum err public_make(const uint8_t *bytes, size_t n, struct webhook_key *k, const char **why)
{
	if (n != ED25519_PUBLIC_BYTES) {
		*why = "a " PUBLIC_PREFIX " key must have 32 bytes";
		return ERR_PARSE;
	}
	memcpy(k->public, bytes, n);
	return ERR_OK;
}

/* What a key can be, and how it is made of its bytes. */
struct key_form {
	const char *prefix;
	enum err (*make)(const uint8_t *bytes, size_t n, struct webhook_key *k, const char **why);
};

static const struct key_form signers[] = {
	{ SHARED_PREFIX, shared_make },
	{ PAIR_PREFIX, pair_make },
};

static const struct key_form verifiers[] = {
	{ SHARED_PREFIX, shared_make },
	{ PUBLIC_PREFIX, public_make },
};

/* The form whose prefix the text has; NULL if it has none. */
static const struct key_form *form_of(struct span text, const struct key_form *forms, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (span_starts(text, forms[i].prefix))
			return &forms[i];
	}
	return NULL;
}

static enum err key_fill(
	const struct key_form *form, struct span text, struct webhook_key *k, const char **why)
{
	const size_t prefix = strlen(form->prefix);
	const struct span encoded = { text.p + prefix, text.n - prefix };
	uint8_t bytes[KEY_MAX];
	size_t n;
	enum err e = base64_decode(encoded, bytes, sizeof(bytes), &n);

	if (e == ERR_OK)
		e = form->make(bytes, n, k, why);
	else
		*why = "a key must be padded base64 of at most 64 bytes";
	secret_wipe(bytes, sizeof(bytes));
	return e == ERR_OK ? ERR_OK : ERR_PARSE;
}

static enum err key_make(
	const struct key_form *form, struct span text, struct webhook_key **out, const char **why)
{
	struct webhook_key *k = xcalloc(1, sizeof(*k));
	enum err e = key_fill(form, text, k, why);

	if (e == ERR_OK)
		*out = k;
	else
		webhook_key_free(k);
	return e;
}

static struct span secret_span(const struct secret *s)
{
	return (struct span){ secret_text(s), secret_len(s) };
}

enum err webhook_key_parse(const struct secret *text, struct webhook_key **out, const char **why)
{
	const struct key_form *form = form_of(secret_span(text), signers, ARRAY_SIZE(signers));

	if (form != NULL)
		return key_make(form, secret_span(text), out, why);
	*why = "a signing key must begin with " SHARED_PREFIX " or " PAIR_PREFIX;
	return ERR_PARSE;
}

enum err webhook_key_parse_verifier(
	const struct secret *text, struct webhook_key **out, const char **why)
{
	const struct key_form *form = form_of(secret_span(text), verifiers, ARRAY_SIZE(verifiers));

	if (form != NULL)
		return key_make(form, secret_span(text), out, why);
	*why = span_starts(secret_span(text), PAIR_PREFIX)
		       ? "a " PAIR_PREFIX
			 " key is the sender's own; what is wanted is its " PUBLIC_PREFIX
		       : "a verifying key must begin with " SHARED_PREFIX " or " PUBLIC_PREFIX;
	return ERR_PARSE;
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

char *webhook_key_name(const struct webhook_key *k, char text[WEBHOOK_KEY_NAME_MAX])
{
	const uint8_t *public = k->pair != NULL ? signing_key_public(k->pair) : k->public;
	uint8_t digest[SHA256_BYTES];

	strcpy(text, k->shared != NULL ? "shared" : "sha256:");
	if (k->shared == NULL) {
		sha256((struct span){ (const char *)public, ED25519_PUBLIC_BYTES }, digest);
		hex_encode(digest, sizeof(digest), text + strlen(text));
	}
	return text;
}

/* --- signing --- */

static enum err put_signature(struct buf *out, const char *version, const uint8_t *bytes, size_t n)
{
	enum err e = buf_addf(out, "%s%s,", out->len == 0 ? "" : " ", version);

	return e == ERR_OK ? base64_encode(out, bytes, n) : e;
}

static enum err sign_shared(
	const struct webhook_key *k, struct span head, struct span body, struct buf *out)
{
	const struct span parts[] = { head, body };
	uint8_t mac[HMAC_SHA256_BYTES];

	hmac_sha256(secret_span(k->shared), parts, ARRAY_SIZE(parts), mac);
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

/* --- verifying --- */

static bool id_is_good(struct span id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '.')
			return false;
	}
	return id.n > 0 && id.n <= WEBHOOK_ID_MAX;
}

static enum err timestamp_read(struct span text, int64_t *at)
{
	*at = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_PARSE;
		if (i >= TIMESTAMP_MAX)
			return ERR_PARSE;
		*at = *at * 10 + (text.p[i] - '0');
	}
	return text.n > 0 ? ERR_OK : ERR_PARSE;
}

/* A signature as it stands in the list, decoded; of another kind it has no bytes. */
struct candidate {
	uint8_t bytes[ED25519_SIGNATURE_BYTES];
	size_t mac, pair; /* bytes of a v1, of a v1a */
};

static struct candidate candidate_read(struct span word)
{
	struct candidate c = { .mac = 0 };
	const bool is_mac = span_starts(word, "v1,"), is_pair = span_starts(word, "v1a,");
	const size_t prefix = is_pair ? 4 : 3;
	size_t n;

	if (!is_mac && !is_pair)
		return c;
	if (base64_decode((struct span){ word.p + prefix, word.n - prefix }, c.bytes,
		    sizeof(c.bytes), &n) != ERR_OK)
		return c;
	if (is_mac && n == HMAC_SHA256_BYTES)
		c.mac = n;
	if (is_pair && n == ED25519_SIGNATURE_BYTES)
		c.pair = n;
	return c;
}

/* Split the list at its spaces. ERR_PARSE if it is empty or too long. */
static enum err candidates_read(
	struct span list, struct candidate out[WEBHOOK_SIGNATURES_MAX], size_t *n)
{
	*n = 0;
	while (list.n > 0) {
		const char *space = memchr(list.p, ' ', list.n);
		struct span word = { list.p, space == NULL ? list.n : (size_t)(space - list.p) };

		if (word.n > 0 && *n == WEBHOOK_SIGNATURES_MAX)
			return ERR_PARSE;
		if (word.n > 0)
			out[(*n)++] = candidate_read(word);
		list.p += word.n + (space != NULL);
		list.n -= word.n + (space != NULL);
	}
	return *n > 0 ? ERR_OK : ERR_PARSE;
}

/* Does one of them hold for this key? message is the signed text in one piece. */
static bool key_holds(
	const struct webhook_key *k, struct span message, const struct candidate *c, size_t n)
{
	uint8_t mac[HMAC_SHA256_BYTES];
	bool holds = false;

	if (k->shared != NULL)
		hmac_sha256(secret_span(k->shared), &message, 1, mac);
	for (size_t i = 0; i < n; i++) {
		if (k->shared != NULL)
			holds |= c[i].mac != 0 && bytes_equal_ct(mac, c[i].bytes, sizeof(mac));
		else
			holds |= c[i].pair != 0 && ed25519_verify(k->public, message, c[i].bytes);
	}
	return holds;
}

static enum err message_write(const struct webhook_claim *claim, struct buf *out)
{
	enum err e = buf_addf(out, "%.*s.%.*s.", SPAN_ARGS(claim->id), SPAN_ARGS(claim->timestamp));

	return e == ERR_OK ? buf_add_span(out, claim->body) : e;
}

enum err webhook_verify(struct webhook_key *const *keys, size_t n,
	const struct webhook_claim *claim, int64_t *at, size_t *by)
{
	struct candidate candidate[WEBHOOK_SIGNATURES_MAX];
	CLEANUP(buf_release) struct buf message;
	size_t candidates, found = n;
	int64_t signed_at;

	buf_init(&message, claim->body.n + WEBHOOK_ID_MAX + TIMESTAMP_MAX + 2);
	if (!id_is_good(claim->id) || timestamp_read(claim->timestamp, &signed_at) != ERR_OK ||
		candidates_read(claim->signatures, candidate, &candidates) != ERR_OK)
		return ERR_PARSE;
	if (message_write(claim, &message) != ERR_OK)
		return ERR_PARSE;
	for (size_t i = 0; i < n; i++) {
		if (key_holds(keys[i], buf_span(&message), candidate, candidates) && found == n)
			found = i;
	}
	if (found == n)
		return ERR_AUTH;
	*at = signed_at;
	*by = found;
	return ERR_OK;
}
