/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_WEBHOOK_KEY_H
#define SINK_WEBHOOK_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct secret;

/*
 * A key of Standard Webhooks 1.0.0: "whsec_" and base64 of 24 to 64 bytes signs
 * by HMAC-SHA-256 (v1), "whsk_" and base64 of an Ed25519 key, its seed alone or
 * with the public half behind, by that (v1a).
 */
struct webhook_key;

/* ERR_PARSE with *why, a literal, if the text is no such key. text stays the caller's. */
MUST_CHECK enum err webhook_key_parse(
	const struct secret *text, struct webhook_key **out, const char **why);
void webhook_key_free(struct webhook_key *k);

/* Is it a secret that both sides share (v1), not a key pair? */
bool webhook_key_is_shared(const struct webhook_key *k);

/*
 * Append the value of webhook-signature, "v1,... v1a,...", a signature for each
 * key in their order. ERR_PARSE if the id has a dot or is empty: it would be
 * read as another text.
 */
MUST_CHECK enum err webhook_sign(struct webhook_key *const *keys, size_t n, struct span id,
	int64_t timestamp, struct span body, struct buf *out);

#endif
