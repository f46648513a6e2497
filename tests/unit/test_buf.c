/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"

TestSuite(buf);

Test(buf, refuses_what_exceeds_max_and_keeps_the_rest)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, 4);
	cr_assert_eq(buf_add(&b, "abcd", 4), ERR_OK);
	cr_assert_eq(buf_add(&b, "e", 1), ERR_LIMIT);
	cr_assert_eq(buf_addf(&b, "%d", 5), ERR_LIMIT);
	cr_assert_null(buf_room(&b, 1));
	cr_assert_str_eq(b.data, "abcd");
	cr_assert_eq(b.len, 4);
}

Test(buf, detach_gives_away_the_bytes)
{
	struct buf b;
	char *s;

	buf_init(&b, 100);
	cr_assert_eq(buf_add(&b, "hi", 2), ERR_OK);
	s = buf_detach(&b);
	cr_assert_str_eq(s, "hi");
	cr_assert_eq(b.len, 0);
	cr_assert_eq(b.max, 100);
	free(s);
}

Test(buf, detach_of_nothing_is_an_empty_string_to_free)
{
	struct buf b;
	char *s;

	buf_init(&b, 0);
	s = buf_detach(&b);
	cr_assert_str_eq(s, "");
	free(s);
}

Test(buf, is_a_c_string_before_and_after_everything)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, 1000);
	cr_assert_str_eq(b.data, "");
	cr_assert_not_null(buf_room(&b, 500));
	cr_assert_str_eq(b.data, "", "room that was not used");
	cr_assert_eq(buf_addf(&b, "%s-%d", "a", 7), ERR_OK);
	cr_assert_str_eq(b.data, "a-7");
	cr_assert_eq(buf_add_str(&b, "!"), ERR_OK);
	cr_assert_eq(buf_add_span(&b, SPAN("?")), ERR_OK);
	cr_assert_eq(buf_add_span(&b, (struct span){ NULL, 0 }), ERR_OK);
	cr_assert_str_eq(b.data, "a-7!?");
	buf_clear(&b);
	cr_assert_str_eq(b.data, "");
	cr_assert_eq(buf_span(&b).n, 0);
}

Test(buf, keeps_its_room_when_cleared)
{
	CLEANUP(buf_release) struct buf b;
	char *before;

	buf_init(&b, 1000);
	cr_assert_eq(buf_addf(&b, "%200d", 1), ERR_OK);
	before = b.data;
	buf_clear(&b);
	cr_assert_eq(buf_addf(&b, "%200d", 2), ERR_OK);
	cr_assert_eq(b.data, before);
}

Test(buf, grows_byte_by_byte_to_its_ceiling_and_keeps_them_all)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, 5000);
	for (int i = 0; i < 5000; i++) {
		char c = (char)('a' + i % 26);

		cr_assert_eq(buf_add(&b, &c, 1), ERR_OK);
	}
	cr_assert_eq(buf_add(&b, "x", 1), ERR_LIMIT);
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(b.data[i], (char)('a' + i % 26));
}

Test(buf, keeps_nul_bytes_like_any_other)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, 10);
	cr_assert_eq(buf_add(&b, "a\0b", 3), ERR_OK);
	cr_assert(span_eq(buf_span(&b), (struct span){ "a\0b", 3 }));
}

Test(buf, survives_sizes_that_would_wrap)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, SIZE_MAX);
	cr_assert_eq(buf_add(&b, "abc", 3), ERR_OK);
	cr_assert_null(buf_room(&b, SIZE_MAX));
	cr_assert_null(buf_room(&b, SIZE_MAX - 3));
	cr_assert_str_eq(b.data, "abc");
}

Test(buf, lower_case_is_that_of_ascii_and_of_what_is_appended)
{
	struct buf b;

	buf_init(&b, 12);
	cr_assert_eq(buf_add_str(&b, "AZ"), ERR_OK);
	cr_assert_eq(buf_add_lower(&b, SPAN("AZ@[\xc4/")), ERR_OK);
	cr_assert_str_eq(b.data, "AZaz@[\xc4/");
	cr_assert_eq(buf_add_lower(&b, SPAN("TOO LONG")), ERR_LIMIT);
	cr_assert_eq(buf_add_lower(&b, (struct span){ NULL, 0 }), ERR_OK);
	cr_assert_str_eq(b.data, "AZaz@[\xc4/");
	buf_release(&b);
}
