/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_WEBHOOK_H
#define TRAVIS_WEBHOOK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct rsa_key;

/* Keys from one place: one, or two while the instance changes its key. */
#define TRAVIS_KEYS_MAX 2

/*
 * Decode the body's one field, "payload", exactly once, into payload. ERR_PARSE
 * if the body is no such form, ERR_LIMIT if payload's ceiling is too low.
 */
MUST_CHECK enum err travis_webhook_decode(struct span body, struct buf *payload);

/*
 * Check the Signature field over the decoded payload: standard base64, RSA with
 * SHA-1. Every key is tried. ERR_PARSE if the field is no base64, ERR_AUTH if no
 * key verifies it; *by is the number of the key that did.
 */
MUST_CHECK enum err travis_webhook_verify(struct span payload, struct span signature,
	struct rsa_key *const *keys, size_t n, size_t *by);

#endif
