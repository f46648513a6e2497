/* SPDX-License-Identifier: Apache-2.0 */
#include "base/html_write.h"

#include <criterion/criterion.h>

#define FFFD "\xef\xbf\xbd"

static void expect_text(struct span text, const char *wanted)
{
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, 1 << 16);
	html_init(&h, &out);
	html_text(&h, text);
	cr_assert_eq(html_done(&h), ERR_OK);
	cr_assert_str_eq(out.data, wanted);
}

Test(html_write, lets_no_markup_through)
{
	expect_text(SPAN("<script>alert('1' && \"2\")</script>"),
		"&lt;script&gt;alert(&#39;1&#39; &amp;&amp; &quot;2&quot;)&lt;/script&gt;");
	expect_text(SPAN("&lt;"), "&amp;lt;");
	expect_text(SPAN(""), "");
	expect_text(SPAN("plain Änderung ✓ 𝄞"), "plain Änderung ✓ 𝄞");
}

Test(html_write, makes_blanks_of_line_ends_and_marks_other_control_characters)
{
	expect_text(SPAN("a\tb\r\nc"), "a b  c");
	expect_text(SPAN("a\0b\x1b[1m\x7f"), "a" FFFD "b" FFFD "[1m" FFFD);
	expect_text(SPAN("\xc2\x80\xc2\x9f\xc2\xa0"), FFFD FFFD "\xc2\xa0");
}

Test(html_write, marks_what_is_not_utf_8_and_what_xml_does_not_have)
{
	expect_text(SPAN("a\xff\xc3"), "a" FFFD FFFD);
	expect_text(SPAN("\xed\xa0\x80"), FFFD FFFD FFFD);
	expect_text(SPAN("\xef\xbf\xbe\xef\xbf\xbf"), FFFD FFFD);
}

Test(html_write, marks_what_would_turn_the_direction_of_the_rest)
{
	static const char *const turning[] = { "\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f",
		"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9" };

	for (size_t i = 0; i < ARRAY_SIZE(turning); i++)
		expect_text(span_of(turning[i]), FFFD);
	expect_text(SPAN("שלום"), "שלום");
}

Test(html_write, isolates_foreign_text_and_cuts_it_between_characters)
{
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, 1 << 16);
	html_init(&h, &out);
	html_foreign(&h, SPAN("ab✓cd"), 4);
	html_attr(&h, "title", SPAN("a\"b"));
	html_url_part(&h, SPAN("group:a/b&c"));
	cr_assert_eq(html_done(&h), ERR_OK);
	cr_assert_str_eq(out.data, "<bdi>ab…</bdi> title=\"a&quot;b\"group%3Aa%2Fb%26c");
}

Test(html_write, keeps_the_first_error)
{
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, 4);
	html_init(&h, &out);
	html_put(&h, "<p>");
	html_put(&h, "too much");
	html_put(&h, "x");
	cr_assert_eq(html_done(&h), ERR_LIMIT);
	cr_assert_str_eq(out.data, "<p>");
}
