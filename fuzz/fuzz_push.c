/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "backstage/push.h"
#include "model/entity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_entity(void *ctx, const struct push_entity *e)
{
	size_t *n = ctx;

	assert(entity_ref_is_canonical(e->ref));
	(*n)++;
}

/* Whatever is pushed, what it tells are canonical refs, and as many as it says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t n = 0;
	const struct push_taker taker = { .on_entity = on_entity, .ctx = &n };
	struct push_tally tally = { 0 };
	const char *why = NULL;
	enum err e = push_read((struct span){ (const char *)data, len }, &taker, &tally, &why);

	assert((e == ERR_OK) == (why == NULL));
	assert(tally.entities == n);
	return 0;
}
