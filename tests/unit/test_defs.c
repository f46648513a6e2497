/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

TestSuite(defs);

Test(defs, take_leaves_null_behind)
{
	char *owner = xstrdup("x"), *taken = TAKE(owner);

	cr_assert_null(owner);
	cr_assert_str_eq(taken, "x");
	free(taken);
}

Test(defs, container_of_finds_the_struct_around_a_member)
{
	struct outer {
		int before;
		struct span member;
	} o = { 0 };

	cr_assert_eq(CONTAINER_OF(&o.member, struct outer, member), &o);
}

Test(defs, xcalloc_gives_zeros_also_for_nothing)
{
	CLEANUP(freep) uint8_t *some = xcalloc(64, 1), *none = xcalloc(0, 1);

	cr_assert_not_null(none);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(some[i], 0);
}

Test(defs, xstrndup_copies_no_more_than_asked)
{
	CLEANUP(freep) char *cut = xstrndup("abcdef", 3);
	CLEANUP(freep) char *none = xstrndup(NULL, 0);

	cr_assert_str_eq(cut, "abc");
	cr_assert_str_eq(none, "");
}

Test(defs, running_out_of_memory_exits, .exit_code = EXIT_FAILURE)
{
	/* More than the address space holds, in a way the compiler does not see through. */
	size_t volatile huge = SIZE_MAX / 2;

	free(xrealloc(NULL, huge, 4));
}

Test(defs, every_error_has_words_of_its_own)
{
	static const enum err all[] = { ERR_OK, ERR_IO, ERR_PARSE, ERR_AUTH, ERR_LIMIT,
		ERR_NOTFOUND, ERR_BUSY };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		cr_assert_gt(strlen(err_str(all[i])), 0);
		for (size_t j = 0; j < i; j++)
			cr_assert_str_neq(err_str(all[i]), err_str(all[j]));
	}
}

Test(defs, spans_compare_by_length_and_bytes)
{
	struct span none = { NULL, 0 }, nul = { "a\0b", 3 };

	cr_assert(span_eq(none, SPAN("")));
	cr_assert(span_is(none, ""));
	cr_assert(span_eq(nul, (struct span){ "a\0b", 3 }));
	cr_assert_not(span_is(nul, "a"));
	cr_assert_not(span_is(SPAN("ab"), "abc"));
	cr_assert_eq(span_of(NULL).n, 0);
	cr_assert_eq(span_of("four").n, 4);
}

Test(defs, spans_compare_without_case_in_ascii_only)
{
	cr_assert(span_is_nocase(SPAN("Content-Length"), "content-LENGTH"));
	cr_assert_not(span_is_nocase(SPAN("content"), "content-"));
	cr_assert_not(span_is_nocase(SPAN("\xc3\x84"), "\xc3\xa4"));
	cr_assert(span_is_nocase((struct span){ NULL, 0 }, ""));
}

Test(defs, span_starts_needs_the_whole_prefix)
{
	cr_assert(span_starts(SPAN("unix:/run"), "unix:"));
	cr_assert(span_starts(SPAN("unix:"), "unix:"));
	cr_assert_not(span_starts(SPAN("unix"), "unix:"));
	cr_assert(span_starts((struct span){ NULL, 0 }, ""));
	cr_assert_not(span_starts((struct span){ NULL, 0 }, "x"));
}
