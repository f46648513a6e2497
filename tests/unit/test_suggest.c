/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>

#include "base/suggest.h"

Test(suggest, counts_slips_of_the_pen)
{
	cr_assert_eq(edit_distance(SPAN(""), SPAN("")), 0);
	cr_assert_eq(edit_distance(SPAN("listen"), SPAN("Listen")), 0);
	cr_assert_eq(edit_distance(SPAN("lisen"), SPAN("listen")), 1);
	cr_assert_eq(edit_distance(SPAN("lsiten"), SPAN("listen")), 1);
	cr_assert_eq(edit_distance(SPAN("liste"), SPAN("listen")), 1);
	cr_assert_eq(edit_distance(SPAN("lixten"), SPAN("listen")), 1);
	cr_assert_eq(edit_distance(SPAN(""), SPAN("listen")), 6);
	cr_assert_eq(edit_distance(SPAN("kitten"), SPAN("sitting")), 3);
}

Test(suggest, monstrous_words_are_near_to_nothing)
{
	static const char x[65] =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	cr_assert_eq(edit_distance((struct span){ x, 64 }, (struct span){ x, 64 }), SIZE_MAX);
	cr_assert_eq(edit_distance((struct span){ x, 63 }, (struct span){ x, 63 }), 0);
}

Test(suggest, offers_the_nearest_word_only_if_it_is_near)
{
	struct suggestion s;

	suggestion_init(&s, SPAN("max_haed"));
	suggestion_offer(&s, SPAN("max_uri"));
	suggestion_offer(&s, SPAN("max_head"));
	suggestion_offer(&s, SPAN("max_fields"));
	cr_assert(span_is(s.best, "max_head"));
	suggestion_init(&s, SPAN("wibble"));
	suggestion_offer(&s, SPAN("listen"));
	cr_assert_eq(s.best.n, 0);
}
