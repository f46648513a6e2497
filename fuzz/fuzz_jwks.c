/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "io/crypto.h"
#include "io/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A key that is taken is one that no signature of nothing opens. */
static void check_set(const struct jwk_set *s)
{
	static const char zeros[256];
	const struct span names[] = { SPAN("ec"), SPAN("rsa"), SPAN("") };
	const struct span signatures[] = { { zeros, 0 }, { zeros, 64 }, { zeros, 256 } };

	assert(jwk_set_count(s) <= JWK_SET_KEYS);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(signatures); k++) {
			assert(jwk_set_verify(s, JWS_ES256, names[i], SPAN("text"),
				       signatures[k]) != ERR_OK);
			assert(jwk_set_verify(s, JWS_RS256, names[i], SPAN("text"),
				       signatures[k]) != ERR_OK);
		}
	}
}

/* Whatever an issuer publishes: keys that can verify, or an error. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct jwk_set *s = NULL;

	if (crypto_init() != ERR_OK)
		abort();
	if (jwk_set_parse((struct span){ (const char *)data, len }, &s) == ERR_OK)
		check_set(s);
	else
		assert(s == NULL);
	jwk_set_free(s);
	return 0;
}
