/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "relay/watchlist.h"

static const struct watchlist_rules rules = { .after_ms = 1000, .window_ms = 100000 };

static struct mono at(int64_t ms)
{
	return (struct mono){ ms };
}

static int64_t due(const struct watchlist *l, int64_t ms)
{
	const struct watch *w = watchlist_due(l, at(ms));

	return w == NULL ? 0 : w->id;
}

Test(watchlist, a_build_is_due_when_there_was_no_news_for_long)
{
	struct watchlist l;

	watchlist_init(&l);
	watchlist_note(&l, 7, SPAN("a/b"), at(0), &rules);
	cr_expect_eq(due(&l, 999), 0);
	cr_expect_eq(due(&l, 1000), 7);
	watchlist_note(&l, 7, SPAN("a/b"), at(900), &rules);
	cr_expect_eq(due(&l, 1899), 0);
	cr_expect_eq(due(&l, 1900), 7);
	watchlist_release(&l);
}

Test(watchlist, the_one_that_waits_longest_is_first)
{
	struct watchlist l;

	watchlist_init(&l);
	watchlist_note(&l, 7, SPAN("a/b"), at(50), &rules);
	watchlist_note(&l, 8, SPAN("a/b"), at(20), &rules);
	watchlist_note(&l, 9, SPAN("a/b"), at(80), &rules);
	cr_expect_eq(due(&l, 5000), 8);
	watchlist_forget(&l, 8);
	watchlist_forget(&l, 8);
	cr_expect_eq(due(&l, 5000), 7);
	watchlist_release(&l);
}

Test(watchlist, the_older_it_is_the_less_often_it_is_due)
{
	struct watchlist l;

	watchlist_init(&l);
	watchlist_note(&l, 7, SPAN("a/b"), at(0), &rules);
	watchlist_defer(&l, 7, at(1000), &rules);
	cr_expect_eq(due(&l, 1999), 0);
	cr_expect_eq(due(&l, 2000), 7);
	watchlist_defer(&l, 7, at(40000), &rules);
	cr_expect_eq(due(&l, 49999), 0);
	cr_expect_eq(due(&l, 50000), 7);
	watchlist_defer(&l, 8, at(0), &rules);
	cr_expect_eq(l.by_id.count, 1);
	watchlist_release(&l);
}

Test(watchlist, what_had_no_news_for_the_window_is_hopeless)
{
	struct watchlist l;
	const struct watch *w;

	watchlist_init(&l);
	watchlist_note(&l, 7, SPAN("a/b"), at(0), &rules);
	w = watchlist_due(&l, at(100000));
	cr_assert_not_null(w);
	cr_expect_not(watch_is_hopeless(w, at(99999), &rules));
	cr_expect(watch_is_hopeless(w, at(100000), &rules));
	watchlist_release(&l);
}
