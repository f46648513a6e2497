/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/bundle.h"
#include "audit/entry.h"
#include "io/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_failure(void *ctx, const char *line)
{
	(void)ctx;
	assert(line[0] != '\0');
}

/* An archive is read to its end or refused; an entry has an action or is none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct note_key k;
	struct verifier v = { .key = &k, .on_failure = on_failure };
	struct bundle_facts facts;
	struct audit_entry e;
	FILE *from;

	if (crypto_init() != ERR_OK)
		abort();
	audit_entry_init(&e);
	if (audit_entry_read((struct span){ (const char *)data, len }, &e) == ERR_OK)
		assert(e.field[AUDIT_ACTION].n > 0);
	audit_entry_release(&e);
	if (len == 0)
		return 0;
	from = tmpfile();
	if (from == NULL || fwrite(data, 1, len, from) != len)
		abort();
	rewind(from);
	if (bundle_key(from, &k) == ERR_OK)
		assert(bundle_verify(&v, from, &facts) == (v.failures == 0));
	fclose(from);
	return 0;
}
