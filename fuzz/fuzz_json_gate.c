/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever the gate lets through is walked to the last value, inside the text. */
static unsigned walk(struct json_value v, struct span text)
{
	struct json_iter it = json_iter(v);
	struct json_value inner;
	struct span name;
	unsigned values = 1;

	assert(v.text.n > 0);
	assert(v.text.p >= text.p && v.text.p + v.text.n <= text.p + text.n);
	switch (v.type) {
	case JSON_OBJECT:
		while (json_next_member(&it, &name, &inner))
			values += walk(inner, text);
		break;
	case JSON_ARRAY:
		while (json_next_element(&it, &inner))
			values += walk(inner, text);
		break;
	case JSON_STRING: {
		CLEANUP(buf_release) struct buf plain;

		buf_init(&plain, v.text.n);
		assert(json_string(v, &plain) == ERR_OK);
		assert(utf8_is_valid(buf_span(&plain)));
		break;
	}
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_NUMBER: break;
	}
	return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct json_limits limits = { .depth = 16, .values = 1000 };
	struct span text = { (const char *)data, len };
	size_t at = len + 1;

	if (json_gate(text, &limits, &at) == ERR_OK)
		assert(walk(json_root(text), text) <= limits.values);
	else
		assert(at <= len);
	return 0;
}
