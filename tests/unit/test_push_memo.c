/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/push_memo.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "io/crypto.h"
#include "model/catalog.h"

static struct push_memo memo;

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	push_memo_init(&memo);
}

static void teardown(void)
{
	push_memo_release(&memo);
}

TestSuite(push_memo, .init = setup, .fini = teardown);

static struct push_entity told(const char *ref, const char *uid, const char *etag)
{
	return (struct push_entity){ span_of(ref), span_of(uid), span_of(etag) };
}

static bool is_news(const struct catalog *known, struct push_entity e)
{
	return push_memo_is_news(&memo, known, &e);
}

static struct catalog *catalog_of(const char *ref, const char *uid, const char *etag)
{
	struct catalog *c = catalog_new();
	const struct entity e = { .ref = span_of(ref), .uid = span_of(uid), .etag = span_of(etag) };

	cr_assert_eq(catalog_put(c, &e), ERR_OK);
	return c;
}

#define REF "component:default/a"

Test(push_memo, compares_with_the_catalog_in_force)
{
	struct catalog *known = catalog_of(REF, "u1", "e1");

	cr_assert_not(is_news(known, told(REF, "u1", "e1")));
	cr_assert(is_news(known, told(REF, "u2", "e1")));
	cr_assert(is_news(known, told(REF, "u1", "e2")));
	cr_assert(is_news(known, told(REF, "", "")), "it may be gone");
	cr_assert(is_news(NULL, told(REF, "u1", "e1")));
	catalog_free(known);
}

Test(push_memo, remembers_what_the_catalog_does_not_have)
{
	struct catalog *known = catalog_of("component:default/other", "u", "e");
	struct push_entity a = told(REF, "u1", "e1"), b = told(REF, "u1", "e2");

	cr_assert(is_news(known, a));
	push_memo_note(&memo, &a);
	cr_assert_not(is_news(known, a));
	cr_assert(is_news(known, b));
	push_memo_note(&memo, &b);
	cr_assert_not(is_news(known, b));
	cr_assert(is_news(known, a), "there and back again");
	catalog_free(known);
}

Test(push_memo, does_not_let_parts_run_together)
{
	struct catalog *known = catalog_of("component:default/other", "u", "e");
	struct push_entity a = told(REF, "ab", "c");

	push_memo_note(&memo, &a);
	cr_assert(is_news(known, told(REF, "a", "bc")));
	catalog_free(known);
}

Test(push_memo, holds_no_more_than_it_may)
{
	char ref[64];

	for (size_t i = 0; i < PUSH_MEMO_MAX + 10; i++) {
		struct push_entity e;

		snprintf(ref, sizeof(ref), "component:default/c%zu", i);
		e = told(ref, "u", "e");
		push_memo_note(&memo, &e);
		cr_assert_leq(memo.states.count, PUSH_MEMO_MAX);
	}
	cr_assert_eq(memo.states.count, 10);
}
