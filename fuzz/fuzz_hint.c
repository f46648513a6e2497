/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "backstage/hint.h"
#include "model/entity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_ref(void *ctx, struct span ref, bool repeats)
{
	(void)ctx;
	(void)repeats;
	assert(entity_ref_is_canonical(ref));
}

static void on_push(void *ctx, struct span slug, bool named)
{
	(void)ctx;
	(void)named;
	assert(entity_slug_is_valid(slug));
}

/* Whatever the bus says, a hint is a canonical ref or a repository. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct hint_taker taker = { .on_ref = on_ref, .on_push = on_push };
	struct hint_tally tally = { 0 };
	enum err e = hint_read((struct span){ (const char *)data, len }, &taker, &tally);

	assert(e == ERR_OK || tally.events == 0);
	return 0;
}
