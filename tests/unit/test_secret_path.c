/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "secret/path.h"

static const struct secret_vars plain = {
	.kind = { "Component", 9 },
	.namespace = { "default", 7 },
	.name = { "Parcel-API", 10 },
	.owner_kind = { "group", 5 },
	.owner_namespace = { "default", 7 },
	.owner_name = { "payments", 8 },
};

static void assert_fills(const char *path, const char *expected)
{
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 1024);
	cr_assert_eq(secret_path_fill(path, &plain, &out), ERR_OK, "%s", path);
	cr_assert_str_eq(out.data, expected);
}

Test(secret_path, has_values_in_the_places_of_its_variables)
{
	assert_fills("ci/backstage", "ci/backstage");
	assert_fills("travis/{namespace}/{name}", "travis/default/parcel-api");
	assert_fills("{owner.kind}/{owner.namespace}/{owner.name}/{kind}",
		"group/default/payments/component");
	cr_assert(secret_path_has_vars("travis/{name}"));
	cr_assert_not(secret_path_has_vars("travis/name"));
}

/* The name of an entity is chosen by whoever registers it. */
Test(secret_path, cannot_be_left_by_an_entitys_name)
{
	static const char *const names[] = { "", ".", "..", "a/b", "../x", "a.", "a..", "/", "a\\b",
		"a%2fb", "{name}", "a b", "a\nb", "a?b", "a#b", "caf\xc3\xa9", "a:b", "*", "+/",
		"a;b" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(buf_release) struct buf out;
		struct secret_vars vars = plain;

		buf_init(&out, 1024);
		vars.name = span_of(names[i]);
		cr_assert_eq(secret_path_fill("travis/{name}", &vars, &out), ERR_PARSE, "'%s'",
			names[i]);
	}
}

Test(secret_path, cannot_be_left_by_a_name_with_a_zero_byte)
{
	CLEANUP(buf_release) struct buf out;
	struct secret_vars vars = plain;

	buf_init(&out, 1024);
	vars.name = (struct span){ "a\0b", 3 };
	cr_assert_eq(secret_path_fill("travis/{name}", &vars, &out), ERR_PARSE);
}

Test(secret_path, is_valid_where_nothing_can_be_misread)
{
	static const char *const good[] = { "a", "ci/hook", "a.b/c_d-e", "{name}",
		"arn:aws:secretsmanager:eu-central-1:0:secret:x-AbC",
		"ci/{namespace}/{name}/token" };
	static const char *const bad[] = { "", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a.",
		"a b", "a?b", "a#b", "a%20b", "travis-{name}", "{name}x", "{nothing}", "{",
		"{name}{kind}" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_expect(secret_path_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_not(secret_path_is_valid(bad[i]), "%s", bad[i]);
}
