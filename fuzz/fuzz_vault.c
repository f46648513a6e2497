/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/secmem.h"
#include "secret/vault_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_value(const struct secret_answer *a)
{
	assert(a->value != NULL && secret_len(a->value) > 0);
	assert(secret_len(a->value) == strlen(secret_text(a->value)));
}

/* Whatever Vault answers: a secret that can be used, or an error that says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct span body = { (const char *)data, len };
	struct secret_answer a = { .err = ERR_IO, .made_at = WALL_NONE };
	struct vault_auth auth = { 0 };
	struct secret *secret_id = NULL;

	vault_read_kv(body, "key", &a);
	if (a.err == ERR_OK)
		check_value(&a);
	else
		assert(a.value == NULL && a.why[0] != '\0');
	secret_free(a.value);
	if (vault_read_auth(body, &auth) == ERR_OK)
		assert(auth.token != NULL && auth.lease_ms >= 0);
	secret_free(TAKE(auth.token));
	if (vault_read_lookup(body, &auth) == ERR_OK)
		assert(auth.token == NULL && auth.lease_ms >= 0);
	if (vault_read_unwrapped(body, &secret_id) == ERR_OK)
		assert(secret_len(secret_id) > 0);
	secret_free(secret_id);
	return 0;
}
