/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"

Test(buf, refuses_what_exceeds_max_and_keeps_the_rest)
{
	CLEANUP(buf_release) struct buf b;

	buf_init(&b, 4);
	cr_assert_eq(buf_add(&b, "abcd", 4), ERR_OK);
	cr_assert_eq(buf_add(&b, "e", 1), ERR_LIMIT);
	cr_assert_str_eq(b.data, "abcd");
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
	free(s);
}
