/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "base/json_gate.h"
#include "travis/payload.h"
#include "travis/reconcile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is made of a build is a strict payload of the same build, or none. */
static void check_found(const struct travis_found *f)
{
	const struct travis_author_rules author = { NULL, { NULL, 0 } };
	CLEANUP(buf_release) struct buf payload;
	CLEANUP(build_release) struct build b;
	const char *why = NULL;

	buf_init(&payload, 1 << 20);
	build_init(&b);
	if (travis_found_payload(f, "app.travis-ci.com", &payload) != ERR_OK)
		return;
	assert(f->told);
	if (travis_payload_read(buf_span(&payload), &author, &b, &why) != ERR_OK) {
		assert(why != NULL);
		return;
	}
	assert(b.id == f->id && build_is_final(b.state) == f->over);
	assert(f->slug.n == b.owner.n + 1 + b.name.n);
	assert(travis_payload_is_from(&b, "app.travis-ci.com"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span text = { (const char *)data, len };
	struct json_value v;
	struct json_iter it;
	struct travis_found f;

	if (json_gate(text, NULL, NULL) != ERR_OK)
		return 0;
	if (travis_found_read(json_root(text), &f) == ERR_OK)
		check_found(&f);
	if (travis_builds_read(json_root(text), &it) != ERR_OK)
		return 0;
	while (json_next_element(&it, &v)) {
		if (travis_found_read(v, &f) == ERR_OK)
			check_found(&f);
	}
	return 0;
}
