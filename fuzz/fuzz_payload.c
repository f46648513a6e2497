/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "travis/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A payload that reads has what an event needs, and reads back from its own record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(build_release) struct build b;
	CLEANUP(build_release) struct build again;
	CLEANUP(buf_release) struct buf json;
	const char *why = NULL;

	build_init(&b);
	build_init(&again);
	buf_init(&json, 1 << 20);
	if (travis_payload_read((struct span){ (const char *)data, len }, &b, &why) != ERR_OK) {
		assert(why != NULL);
		return 0;
	}
	assert(b.id > 0 && b.repository_id > 0 && b.owner.n > 0 && b.name.n > 0);
	IGNORE(travis_payload_is_from(&b, "app.travis-ci.com"));
	b.host = SPAN("app.travis-ci.com");
	assert(build_write(&b, &json) == ERR_OK);
	assert(build_read(buf_span(&json), &again) == ERR_OK);
	assert(span_eq(b.branch, again.branch) && b.state == again.state);
	return 0;
}
