/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HUB_SIGNATURE_H
#define IO_HUB_SIGNATURE_H

#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct secret;

/*
 * Verify the value of X-Hub-Signature-256, "sha256=" and the hexadecimal
 * HMAC-SHA-256 of the body, against each of the secrets; all are held against it, so
 * that the time tells nothing. *by is the first that matched. It covers neither
 * an id nor a time, so whoever has seen a request can send it again.
 *
 * ERR_PARSE if it is no such text, ERR_AUTH if it does not hold.
 */
MUST_CHECK enum err hub_signature_verify(
	struct secret *const *secrets, size_t n, struct span value, struct span body, size_t *by);

#endif
