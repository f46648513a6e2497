/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "io/json.h"

Test(jdoc, tells_types_apart_and_is_safe_on_what_is_not_there)
{
	struct json_object *root = NULL;

	cr_assert_eq(jdoc_parse(SPAN("{\"a\":{\"b\":\"x\"},\"n\":-7,\"t\":true,\"l\":[1,null]}"),
			     NULL, &root),
		ERR_OK);
	cr_assert_str_eq(jdoc_text(jdoc_get(root, "a.b")), "x");
	cr_assert_null(jdoc_get(root, "a.c.d"));
	cr_assert_null(jdoc_text(jdoc_get(root, "n")));
	cr_assert_eq(jdoc_int(jdoc_get(root, "n"), 0), -7);
	cr_assert_eq(jdoc_int(jdoc_get(root, "t"), 9), 9);
	cr_assert(jdoc_is_true(jdoc_get(root, "t")));
	cr_assert_eq(jdoc_count(jdoc_get(root, "l")), 2);
	cr_assert_null(jdoc_at(jdoc_get(root, "l"), 1));
	cr_assert_null(jdoc_at(jdoc_get(root, "l"), 2));
	cr_assert_eq(jdoc_count(root), 0);
	cr_assert_null(jdoc_member(NULL, "a"));
	jdoc_free(root);
}

Test(jdoc, reads_a_scalar_that_is_the_whole_document)
{
	struct json_object *root = NULL;

	cr_assert_eq(jdoc_parse(SPAN("42"), NULL, &root), ERR_OK);
	cr_assert_eq(jdoc_int(root, 0), 42);
	jdoc_free(root);
	cr_assert_eq(jdoc_parse(SPAN(" null "), NULL, &root), ERR_OK);
	cr_assert_null(root);
}

Test(jdoc, refuses_what_the_gate_refuses)
{
	struct json_object *root = NULL;
	struct json_limits limits = { .values = 3 };

	cr_assert_eq(jdoc_parse(SPAN("{\"a\":1,\"a\":2}"), NULL, &root), ERR_PARSE);
	cr_assert_eq(jdoc_parse(SPAN("[1,2,3]"), &limits, &root), ERR_LIMIT);
	cr_assert_eq(jdoc_parse(SPAN("<html>"), NULL, &root), ERR_PARSE);
	cr_assert_null(root);
}
