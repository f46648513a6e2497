/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/page_filter.h"

#include <criterion/criterion.h>

#include "model/entity.h"

static void expect(const char *query, const char *href)
{
	CLEANUP(buf_release) struct buf text, out;
	struct page_filter f;
	const char *what = "";
	struct html h;

	buf_init(&text, 1 << 16);
	buf_init(&out, 1 << 16);
	cr_assert_eq(
		page_filter_read(span_of(query), &f, &text, &what), ERR_OK, "%s: %s", query, what);
	html_init(&h, &out);
	page_filter_href(&h, &f);
	cr_assert_eq(html_done(&h), ERR_OK);
	cr_assert_str_eq(out.data, href, "%s: %s", query, out.data);
}

static void expect_refused(const char *query, const char *wanted)
{
	CLEANUP(buf_release) struct buf text;
	struct page_filter f;
	const char *what = "";

	buf_init(&text, 1 << 16);
	cr_assert_eq(page_filter_read(span_of(query), &f, &text, &what), ERR_PARSE, "%s", query);
	cr_assert_str_eq(what, wanted, "%s", query);
}

Test(page_filter, reads_names_as_people_write_them_and_writes_them_short)
{
	expect("", " href=\"./\"");
	expect("system=&owner=&state=&by=system&page=1", " href=\"./\"");
	expect("owner=payments", " href=\"?owner=payments\"");
	expect("owner=group:default/Payments", " href=\"?owner=payments\"");
	expect("owner=team-a%2Fpayments", " href=\"?owner=team-a%2Fpayments\"");
	expect("owner=user:bob", " href=\"?owner=user%3Adefault%2Fbob\"");
	expect("component=api:x", " href=\"?component=api%3Adefault%2Fx\"");
	expect("component=+parcel-*+", " href=\"?component=parcel-*\"");
	expect("component=*", " href=\"./\"");
	expect("state=failed&by=owner&page=3&system=s",
		" href=\"?system=s&amp;state=failed&amp;by=owner&amp;page=3\"");
	expect("page=2", " href=\"?page=2\"");
	expect("unknown=1&owner=a", " href=\"?owner=a\"");
}

Test(page_filter, refuses_what_there_cannot_be)
{
	expect_refused("state=green", "state");
	expect_refused("by=colour", "by");
	expect_refused("page=0", "page");
	expect_refused("page=99999999999999999999", "page");
	expect_refused("page=2x", "page");
	expect_refused("owner=a&owner=a", "owner");
	expect_refused("system=%4", "system");
}

Test(page_filter, takes_a_name_that_is_none_for_one_that_nobody_has)
{
	static const char *const absurd[] = { "owner=a+b", "system=%00", "component=%3Cb%3E%22",
		"owner=a%2Fb%2Fc" };

	for (size_t i = 0; i < ARRAY_SIZE(absurd); i++) {
		CLEANUP(buf_release) struct buf text;
		struct page_filter f;
		const char *what = "";

		buf_init(&text, 1 << 16);
		cr_assert_eq(page_filter_read(span_of(absurd[i]), &f, &text, &what), ERR_OK);
		cr_assert(f.absurd, "%s", absurd[i]);
		cr_assert_not(page_filter_is_open(&f));
	}
}

Test(page_filter, shortens_refs_only_where_they_can_be_told_again)
{
	cr_assert(span_is(page_short_ref(SPAN("group:default/a"), "group"), "a"));
	cr_assert(span_is(page_short_ref(SPAN("group:team/a"), "group"), "team/a"));
	cr_assert(span_is(page_short_ref(SPAN("user:default/a"), "group"), "user:default/a"));
	cr_assert(span_is(page_short_ref(SPAN(""), "group"), ""));
}
