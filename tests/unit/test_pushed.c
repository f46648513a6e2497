/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "model/pushed.h"

TestSuite(pushed, .timeout = 30);

Test(pushed, is_read_as_it_was_written)
{
	CLEANUP(buf_release) struct buf text;
	struct pushed p, q;

	buf_init(&text, 1024);
	pushed_init(&p);
	snprintf(p.digest, sizeof(p.digest), "0123456789abcdef0123456789abcdef");
	snprintf(p.version, sizeof(p.version), "a \"version\"");
	snprintf(p.id, sizeof(p.id), "7e1c");
	p.at = (struct wall){ 1764000000123 };
	p.asking = true;
	cr_assert_eq(pushed_write(&p, &text), ERR_OK);
	cr_assert_eq(pushed_read(buf_span(&text), &q), ERR_OK);
	cr_assert_str_eq(q.digest, p.digest);
	cr_assert_str_eq(q.version, p.version);
	cr_assert_str_eq(q.id, p.id);
	cr_assert_eq(q.at.ms, p.at.ms);
	cr_assert(q.asking);
}

Test(pushed, nothing_is_read_as_nothing)
{
	CLEANUP(buf_release) struct buf text;
	struct pushed p, q;

	buf_init(&text, 1024);
	pushed_init(&p);
	cr_assert_eq(pushed_write(&p, &text), ERR_OK);
	cr_assert_eq(pushed_read(buf_span(&text), &q), ERR_OK);
	cr_assert_str_empty(q.digest);
	cr_assert_eq(q.at.ms, WALL_NONE.ms);
	cr_assert_not(q.asking);
}

Test(pushed, what_is_none_is_refused_and_touches_nothing)
{
	static const char *const bad[] = { "", "[]", "{\"digest\":7}", "{\"at\":\"yesterday\"}",
		"{\"digest\":\"0123456789012345678901234567890123456789\"}", "{\"id\":null}" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pushed p;

		pushed_init(&p);
		snprintf(p.id, sizeof(p.id), "kept");
		cr_assert_eq(pushed_read(span_of(bad[i]), &p), ERR_PARSE, "%s", bad[i]);
		cr_assert_str_eq(p.id, "kept");
	}
}
