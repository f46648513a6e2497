/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "io/hub_signature.h"
#include "io/secmem.h"
#include "io/webhook_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SHARED "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static struct webhook_key *key_of(const char *text)
{
	struct secret *s = secret_new(text, strlen(text));
	struct webhook_key *k = NULL;
	const char *why;

	if (crypto_init() != ERR_OK || webhook_key_parse_verifier(s, &k, &why) != ERR_OK)
		abort();
	secret_free(s);
	return k;
}

/* Up to the next line's end, and on behind it. */
static struct span take_line(struct span *rest)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	struct span line = { rest->p, end == NULL ? rest->n : (size_t)(end - rest->p) };
	size_t taken = line.n + (end != NULL);

	rest->p += taken;
	rest->n -= taken;
	return line;
}

/*
 * Three lines are fields of Standard Webhooks, the rest is the body. What verifies
 * does so with each field as it is: a changed body never does.
 */
static void try_standard(struct span rest)
{
	static struct webhook_key *keys[2];
	struct webhook_claim claim;
	int64_t at = -1;
	size_t by = 2;
	enum err e;

	if (keys[0] == NULL) {
		keys[0] = key_of(SHARED);
		keys[1] = key_of(PUBLIC);
	}
	claim.id = take_line(&rest);
	claim.timestamp = take_line(&rest);
	claim.signatures = take_line(&rest);
	claim.body = rest;
	e = webhook_verify(keys, 2, &claim, &at, &by);
	assert((e == ERR_OK) == (by < 2 && at >= 0));
	if (e != ERR_OK || claim.body.n == 0)
		return;
	claim.body.n--;
	assert(webhook_verify(keys, 2, &claim, &at, &by) == ERR_AUTH);
}

static void try_hub(struct span rest)
{
	static struct secret *secret;
	struct span value = take_line(&rest);
	size_t by = 1;
	enum err e;

	if (secret == NULL)
		secret = secret_new("It's a Secret to Everybody", 26);
	e = hub_signature_verify(&secret, 1, value, rest, &by);
	assert((e == ERR_OK) == (by == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct span all = { (const char *)data, len };

	try_standard(all);
	try_hub(all);
	return 0;
}
