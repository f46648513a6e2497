/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "base/codec.h"
#include "travis/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An address is repaired once and for all. */
static void check_repair(struct span address)
{
	CLEANUP(buf_release) struct buf once, twice;

	buf_init(&once, 3 * address.n);
	buf_init(&twice, 9 * address.n);
	assert(uri_repair(address, &once) == ERR_OK);
	assert(uri_repair(buf_span(&once), &twice) == ERR_OK);
	assert(span_eq(buf_span(&once), buf_span(&twice)));
}

/* What decodes is no longer than what came, and encodes to what decodes the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span body = { (const char *)data, len };
	CLEANUP(buf_release) struct buf payload, encoded, again;

	check_repair(body);
	buf_init(&payload, len);
	buf_init(&encoded, 3 * len);
	buf_init(&again, 3 * len);
	if (travis_webhook_decode(body, &payload) != ERR_OK)
		return 0;
	assert(payload.len <= len);
	assert(url_encode(buf_span(&payload), &encoded) == ERR_OK);
	assert(form_decode(buf_span(&encoded), &again) == ERR_OK);
	assert(span_eq(buf_span(&payload), buf_span(&again)));
	return 0;
}
