/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_DISCOVERY_H
#define IO_DISCOVERY_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* What an issuer says of itself (OpenID Connect Discovery 1.0, sections 3 and 4). */
#define DISCOVERY_BYTES (64 * 1024)

/* Where it says it. free(3) it. */
char *discovery_url(const char *issuer);

/*
 * Read where its keys are; free(3) *keys_url. ERR_AUTH if the document is of
 * another issuer, character by character, or if the keys are not at an https URL:
 * http is taken only where the issuer itself is http, and then from the same host
 * and port. ERR_LIMIT if it is over DISCOVERY_BYTES; ERR_PARSE if it is none.
 */
MUST_CHECK enum err discovery_read(struct span json, const char *issuer, char **keys_url);

#endif
