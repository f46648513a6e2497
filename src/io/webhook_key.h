/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_WEBHOOK_KEY_H
#define IO_WEBHOOK_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct secret;

/*
 * A key of Standard Webhooks 1.0.0: "whsec_" and base64 of 24 to 64 bytes is a
 * secret that both sides have, for HMAC-SHA-256 (v1). "whsk_" and base64 of an
 * Ed25519 key, its seed alone or with the public half behind, signs by that (v1a);
 * "whpk_" and base64 of its public half tells whether it did.
 */
struct webhook_key;

/*
 * Read one to sign with, or one to verify with. ERR_PARSE with *why, a literal, if the
 * text is none that can. text stays the caller's.
 */
MUST_CHECK enum err webhook_key_parse(
	const struct secret *text, struct webhook_key **out, const char **why);
MUST_CHECK enum err webhook_key_parse_verifier(
	const struct secret *text, struct webhook_key **out, const char **why);
void webhook_key_free(struct webhook_key *k);

/* Is it a secret that both sides share (v1), not a key pair or half of one? */
bool webhook_key_is_shared(const struct webhook_key *k);

#define WEBHOOK_KEY_NAME_MAX 72

/*
 * Name a key in the audit trail: "sha256:" and the digest of a public key, or
 * "shared" for a secret, of which nothing is told. Returns text.
 */
char *webhook_key_name(const struct webhook_key *k, char text[WEBHOOK_KEY_NAME_MAX]);

/*
 * Append the value of webhook-signature, "v1,... v1a,...", a signature for each
 * key in their order; all of them can sign. ERR_PARSE if the id has a dot or is
 * empty: it would be read as another text.
 */
MUST_CHECK enum err webhook_sign(struct webhook_key *const *keys, size_t n, struct span id,
	int64_t timestamp, struct span body, struct buf *out);

/* What a request says of itself, byte for byte as it came. */
struct webhook_claim {
	struct span id, timestamp, signatures; /* webhook-id, -timestamp and -signature */
	struct span body;
};

/* Signatures of one request that are looked at; a sender has few keys at once. */
#define WEBHOOK_SIGNATURES_MAX 8

/* Bytes of an id: what a sender may make us remember. */
#define WEBHOOK_ID_MAX 200

/*
 * Was it signed by one of these keys, which can verify? *by is the first that
 * matched. Every key is held against every signature of its kind, so that the time
 * tells nothing. Whether the time it was signed at is near is the caller's to
 * judge, as *at, in seconds since 1970.
 *
 * ERR_PARSE if the id is empty, too long, not visible ASCII or has a dot, if the
 * time is no plain number, or if there is no signature or too many; ERR_AUTH if
 * none holds. A signature of another version, or that does not read, is passed
 * over, as the specification wants it.
 */
MUST_CHECK enum err webhook_verify(struct webhook_key *const *keys, size_t n,
	const struct webhook_claim *claim, int64_t *at, size_t *by);

#endif
