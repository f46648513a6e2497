/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "model/entity.h"
#include "travis/v3_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A request's target: what is asked for is within its bounds, and a slug is one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data, *mark = len == 0 ? NULL : memchr(text, '?', len);
	const size_t n = mark == NULL ? len : (size_t)(mark - text);
	const struct span path = { text, n };
	const struct span query = { mark == NULL ? NULL : mark + 1,
		mark == NULL ? 0 : len - n - 1 };
	struct v3_request r;
	const char *why = NULL;

	v3_path_read(path, &r);
	assert(r.what == V3_NOTHING || v3_owns(path));
	assert(r.what != V3_BUILDS || entity_slug_is_valid(buf_span(&r.slug)));
	assert((r.what != V3_BUILD && r.what != V3_ACT) || r.id > 0);
	assert(r.what != V3_ACT || r.act != NULL);
	if (v3_query_read(query, &r, &why) == ERR_OK)
		assert(r.limit > 0 && r.limit <= V3_LIMIT_MOST && r.offset >= 0);
	else
		assert(why != NULL);
	v3_request_release(&r);
	return 0;
}
