/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "io/secmem.h"
#include "relay/budget.h"

static struct budget *b;
static struct secret *alice, *bob;
static struct budget_name hers, his;

static struct mono at(int64_t ms)
{
	return (struct mono){ .ms = 1000000 + ms };
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	b = budget_new();
	alice = secret_new("token-of-alice", 14);
	bob = secret_new("token-of-bob", 12);
	hers = budget_name(b, span_of("app.travis-ci.com"), alice);
	his = budget_name(b, span_of("app.travis-ci.com"), bob);
}

static void tear_down(void)
{
	budget_free(b);
	secret_free(alice);
	secret_free(bob);
}

TestSuite(budget, .init = set_up, .fini = tear_down);

/* Ask until it is to wait; returns how often it was not. */
static unsigned post_all(const struct budget_name *n, struct mono now, struct budget_turn *turn)
{
	unsigned posts = 0;

	while (posts < 1000 && budget_admit(b, n, true, now, turn) == 0)
		posts++;
	return posts;
}

Test(budget, a_token_posts_forty_times_in_half_a_minute)
{
	struct budget_turn turn = { 0 };

	cr_expect_eq(post_all(&hers, at(0), &turn), 40);
	cr_expect(turn.held);
	cr_expect_eq(budget_admit(b, &hers, true, at(10000), &turn), 20000);
	/* That turn, and the others of the next half a minute. */
	cr_expect_eq(post_all(&hers, at(30000), &turn), 40);
	cr_expect_eq(turn.at.ms, at(60000).ms);
}

Test(budget, leaves_some_posts_to_those_who_wait)
{
	struct budget_turn turn = { 0 };

	for (unsigned i = 0; i < BUDGET_POSTS - BUDGET_SPARE; i++)
		cr_expect_eq(budget_spare(b, &hers, at(0)), 0);
	cr_expect_eq(budget_spare(b, &hers, at(5)), 29995);
	cr_expect_eq(post_all(&hers, at(5), &turn), BUDGET_SPARE);
	cr_expect_eq(budget_spare(b, &hers, at(30000)), 0, "the first are over");
	budget_ban(b, &hers, at(30000), 60000);
	cr_expect_eq(budget_spare(b, &hers, at(30010)), 59990);
}

Test(budget, each_token_has_its_own)
{
	struct budget_turn turn = { 0 }, other = { 0 };

	cr_expect_eq(post_all(&hers, at(0), &turn), 40);
	cr_expect_eq(budget_wait(b, &hers, at(0)), 30000);
	cr_expect_eq(budget_wait(b, &his, at(0)), 0);
	cr_expect_eq(post_all(&his, at(0), &other), 40);
}

Test(budget, the_same_token_elsewhere_is_another)
{
	struct budget_name there = budget_name(b, span_of("travis.example.com"), alice);
	struct budget_name again = budget_name(b, span_of("app.travis-ci.com"), alice);
	struct budget_turn turn = { 0 };

	cr_expect_eq(post_all(&hers, at(0), &turn), 40);
	cr_expect_eq(budget_wait(b, &there, at(0)), 0);
	cr_expect_gt(budget_wait(b, &again, at(0)), 0);
}

Test(budget, turns_are_in_order_and_one_that_is_given_back_is_given_again)
{
	struct budget_turn turn[100] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(turn); i++) {
		budget_take(b, &hers, at(0), &turn[i]);
		cr_expect_eq(turn[i].at.ms, at((int64_t)(i / 40) * 30000).ms, "%zu", i);
	}
	cr_expect_eq(budget_wait(b, &hers, at(0)), 60000);
	for (size_t i = ARRAY_SIZE(turn); i-- > 40;)
		budget_return(b, &turn[i]);
	cr_expect_eq(budget_wait(b, &hers, at(0)), 30000);
	budget_take(b, &hers, at(0), &turn[99]);
	budget_return(b, &turn[5]);
	cr_expect_eq(budget_wait(b, &hers, at(0)), 30000, "not the last one: it is lost");
	budget_return(b, &turn[99]);
	budget_return(b, &turn[6]);
	cr_expect_eq(budget_wait(b, &hers, at(0)), 0);
}

Test(budget, a_turn_is_of_one_token)
{
	struct budget_turn turn = { 0 };

	cr_expect_eq(post_all(&hers, at(0), &turn), 40);
	cr_expect_eq(budget_admit(b, &his, true, at(0), &turn), 0, "the token was rotated");
	cr_expect_not(turn.held);
}

Test(budget, a_ban_holds_for_all_calls_of_the_token_and_no_rush_follows)
{
	struct budget_turn early = { 0 }, turn = { 0 };

	cr_expect_eq(post_all(&hers, at(0), &early), 40);
	budget_ban(b, &hers, at(0), 3600000);
	budget_ban(b, &hers, at(0), 60000);
	cr_expect_eq(budget_ban_wait(b, &hers, at(0)), 3600000, "the longer one counts");
	cr_expect_eq(budget_admit(b, &hers, false, at(0), &turn), 3600000);
	cr_expect_eq(budget_admit(b, &hers, true, at(40000), &early), 3560000);
	cr_expect_eq(budget_admit(b, &his, true, at(0), &turn), 0);
	cr_expect_eq(post_all(&hers, at(3600000), &early), 40);
	cr_expect_eq(budget_admit(b, &hers, false, at(3600000), &turn), 0);
}

Test(budget, tokens_that_are_idle_are_forgotten)
{
	for (unsigned i = 0; i < 10000; i++) {
		struct budget_turn turn = { 0 };
		struct secret *s = secret_new((const char *)&i, sizeof(i));
		struct budget_name n = budget_name(b, span_of("h"), s);

		budget_take(b, &n, at((int64_t)i * 1000), &turn);
		cr_expect_eq(turn.at.ms, at((int64_t)i * 1000).ms);
		secret_free(s);
	}
	/* What is young is not. */
	cr_expect_eq(budget_wait(b, &hers, at(0)), 0);
}
