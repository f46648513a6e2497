/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "base/printable.h"

Test(printable, copies_what_fits_without_what_moves_a_terminal)
{
	static const struct {
		struct span from;
		const char *to;
		size_t max;
	} row[] = {
		{ SPAN("all is well"), "all is well", 64 },
		{ SPAN("a\nb\rc\033[2Jd\177e\tf\0g"), "a b c [2Jd e f g", 64 },
		{ SPAN("abcdef"), "abc", 4 },
		{ SPAN("ab\xc3\xa9"), "ab", 4 },
		{ SPAN("ab\xc3\xa9"), "ab\xc3\xa9", 5 },
		{ SPAN("caf\xe9 \xff\n"), "caf? ? ", 64 },
		{ SPAN(""), "", 1 },
		{ { NULL, 0 }, "", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char out[64];

		printable_copy(row[i].from, out, row[i].max);
		cr_expect_str_eq(out, row[i].to, "row %zu", i);
	}
}

Test(printable, every_control_character_goes_and_nothing_else)
{
	for (unsigned c = 0; c < 256; c++) {
		char text = (char)c;

		printable_make(&text, 1, '?');
		cr_expect_eq((unsigned char)text, c < 0x20 || c == 0x7f ? '?' : c, "%u", c);
	}
}
