/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "model/entity.h"
#include "model/ownership.h"

static const struct wall none = { -1 };

static struct ownership owned_by(const char *owners)
{
	return (struct ownership){ .ref = SPAN("component:default/api"),
		.owners = span_of(owners) };
}

static struct ownership_change change(int64_t not_before, int64_t since, const char *owners)
{
	return (struct ownership_change){
		.state = owned_by(owners),
		.not_before = { not_before },
		.since = { since },
	};
}

Test(ownership, is_kept_of_what_is_owned_only)
{
	cr_expect(ownership_is_of(SPAN("component:default/api")));
	cr_expect(ownership_is_of(SPAN("system:default/shipping")));
	cr_expect_not(ownership_is_of(SPAN("user:default/ada")));
	cr_expect_not(ownership_is_of(SPAN("group:default/payments")));
}

Test(ownership, owners_in_another_order_or_twice_are_the_same)
{
	CLEANUP(buf_release) struct buf x, y;
	struct entity a = { .ref = SPAN("component:default/api"), .owners = 3 }, b = a;
	struct ownership oa, ob;
	struct span owner;
	size_t at = 0;

	buf_init(&x, 4096);
	buf_init(&y, 4096);
	a.owner[0] = a.owner[2] = SPAN("user:default/b");
	a.owner[1] = SPAN("group:default/a");
	b.owners = 2;
	b.owner[0] = SPAN("group:default/a");
	b.owner[1] = SPAN("user:default/b");
	cr_assert_eq(ownership_of(&a, &x, &oa), ERR_OK);
	cr_assert_eq(ownership_of(&b, &y, &ob), ERR_OK);
	cr_expect(ownership_is_same(&oa, &ob));
	cr_expect(ownership_next_owner(&oa, &at, &owner) && span_is(owner, "group:default/a"));
	cr_expect(ownership_next_owner(&oa, &at, &owner) && span_is(owner, "user:default/b"));
	cr_expect_not(ownership_next_owner(&oa, &at, &owner));
}

Test(ownership, differs_in_owner_uid_repository_orphan_and_end)
{
	struct ownership a = owned_by("group:default/a"), b;

	a.uid = SPAN("1");
	a.slug = SPAN("acme/api");
	b = a;
	cr_assert(ownership_is_same(&a, &b));
	b.owners = SPAN("group:default/b");
	cr_expect_not(ownership_is_same(&a, &b));
	b = a;
	b.uid = SPAN("2");
	cr_expect_not(ownership_is_same(&a, &b));
	b = a;
	b.slug = SPAN("acme/ui");
	cr_expect_not(ownership_is_same(&a, &b));
	b = a;
	b.orphan = true;
	cr_expect_not(ownership_is_same(&a, &b));
	b = a;
	b.gone = true;
	cr_expect_not(ownership_is_same(&a, &b));
	a = (struct ownership){ .gone = true };
	cr_expect(ownership_is_same(&a, &b), "gone is gone");
}

/* Owned by A, learned at 100; then by B, learned at 300, while A was still read at 200. */
static struct ownership_view between(int64_t at)
{
	struct ownership_change a = change(-1, 100, "a"), b = change(200, 300, "b");
	struct ownership_record r = { .begins = { 100 }, .now = { 1000 }, .confirmed = { 900 } };
	static struct ownership_change kept[2];

	kept[0] = a;
	kept[1] = b;
	r.whole = none;
	if (at >= 100)
		r.then = at >= 300 ? &kept[1] : &kept[0];
	if (at < 300)
		r.next = at < 100 ? &kept[0] : &kept[1];
	return ownership_at(&r, (struct wall){ at });
}

Test(ownership, is_certain_from_when_it_was_learned_until_it_was_last_read)
{
	static const struct {
		int64_t at;
		enum ownership_word word;
		const char *owners, * or ;
	} cases[] = {
		{ 99, OWNERSHIP_BEFORE, NULL, NULL },
		{ 100, OWNERSHIP_CERTAIN, "a", NULL },
		{ 200, OWNERSHIP_CERTAIN, "a", NULL },
		{ 201, OWNERSHIP_UNCERTAIN, "a", "b" },
		{ 299, OWNERSHIP_UNCERTAIN, "a", "b" },
		{ 300, OWNERSHIP_CERTAIN, "b", NULL },
		{ 900, OWNERSHIP_CERTAIN, "b", NULL },
		{ 901, OWNERSHIP_UNCERTAIN, "b", NULL },
		{ 1001, OWNERSHIP_FUTURE, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ownership_view v = between(cases[i].at);

		cr_expect_eq(v.word, cases[i].word, "at %d", (int)cases[i].at);
		cr_expect_eq(v.state == NULL, cases[i].owners == NULL, "at %d", (int)cases[i].at);
		if (v.state != NULL)
			cr_expect(span_is(v.state->owners, cases[i].owners));
		cr_expect_eq(v.or == NULL, cases[i].or == NULL, "at %d", (int)cases[i].at);
		if (v.or != NULL)
			cr_expect(span_is(v.or->owners, cases[i].or));
	}
}

Test(ownership, of_what_came_later_is_absence_before)
{
	struct ownership_change a = change(200, 300, "a");
	struct ownership_record r = { .next = &a,
		.begins = { 100 },
		.now = { 1000 },
		.confirmed = { 900 },
		.whole = { -1 } };
	struct ownership_view v;

	a.first = true;
	v = ownership_at(&r, (struct wall){ 150 });
	cr_expect_eq(v.word, OWNERSHIP_CERTAIN);
	cr_expect_null(v.state);
	v = ownership_at(&r, (struct wall){ 250 });
	cr_expect_eq(v.word, OWNERSHIP_UNCERTAIN);
	cr_expect_not_null(v.or);
	cr_expect_eq(ownership_at(&r, (struct wall){ 50 }).word, OWNERSHIP_BEFORE);
	r.whole.ms = 160;
	cr_expect_eq(ownership_at(&r, (struct wall){ 150 }).word, OWNERSHIP_BEFORE,
		"its rows may have been removed");
	r.whole.ms = -1;
	a.first = false;
	cr_expect_eq(ownership_at(&r, (struct wall){ 150 }).word, OWNERSHIP_BEFORE,
		"the row before it was removed");
}

Test(ownership, of_what_is_gone_is_absence)
{
	struct ownership_change gone = change(200, 300, "");
	struct ownership_record r = {
		.then = &gone, .begins = { 100 }, .now = { 1000 }, .confirmed = { 900 }
	};
	struct ownership_view v;

	gone.state.gone = true;
	v = ownership_at(&r, (struct wall){ 400 });
	cr_expect_eq(v.word, OWNERSHIP_CERTAIN);
	cr_expect_null(v.state);
}

Test(ownership, of_what_was_never_seen_is_unknown)
{
	struct ownership_record r = { .begins = { 100 }, .now = { 1000 }, .confirmed = { 900 } };

	cr_expect_eq(ownership_at(&r, (struct wall){ 150 }).word, OWNERSHIP_UNKNOWN);
	r.begins = none;
	cr_expect_eq(ownership_at(&r, (struct wall){ 150 }).word, OWNERSHIP_BEFORE);
}

Test(ownership, learned_by_a_hint_is_certain_at_that_moment)
{
	struct ownership_change a = change(200, 300, "a");
	struct ownership_record r = {
		.then = &a, .begins = { 100 }, .now = { 1000 }, .confirmed = { 200 }
	};

	cr_expect_eq(ownership_at(&r, (struct wall){ 300 }).word, OWNERSHIP_CERTAIN);
	cr_expect_eq(ownership_at(&r, (struct wall){ 301 }).word, OWNERSHIP_UNCERTAIN);
}
