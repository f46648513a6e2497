/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/codec.h"
#include "relay/quota.h"

#define HOST SPAN("app.travis-ci.com")
#define SLUG SPAN("acme/parcel-api")
#define MIN  INT64_C(60000)

static struct quota *q;

static void set_up(void)
{
	q = quota_new();
}

static void tear_down(void)
{
	quota_free(q);
}

TestSuite(quota, .init = set_up, .fini = tear_down);

static struct mono at(int64_t ms)
{
	return (struct mono){ .ms = 100000000 + ms };
}

static struct span id_of(unsigned n)
{
	static char text[UUID_TEXT_MAX];

	snprintf(text, sizeof(text), "%08x-0000-8000-8000-000000000000", n);
	return span_of(text);
}

static void count(unsigned id, int64_t ms)
{
	quota_count(q, HOST, SLUG, id_of(id), at(ms));
}

static int64_t wait_at(size_t max, int64_t ms)
{
	return quota_wait(q, HOST, SLUG, max, at(ms));
}

Test(quota, a_repository_has_so_many_builds_within_an_hour)
{
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(wait_at(3, i * MIN), 0);
		count(i, i * MIN);
	}
	cr_expect_eq(wait_at(3, 10 * MIN), 50 * MIN, "until the first one is an hour old");
	cr_expect_eq(wait_at(2, 10 * MIN), 51 * MIN);
	cr_expect_eq(wait_at(4, 10 * MIN), 0);
	cr_expect_eq(wait_at(0, 10 * MIN), 0, "as many as Travis takes");
	cr_expect_eq(wait_at(3, 60 * MIN), 0);
}

Test(quota, each_repository_of_each_host_has_its_own_whatever_its_case)
{
	count(1, 0);
	cr_expect_gt(quota_wait(q, HOST, SPAN("Acme/Parcel-API"), 1, at(0)), 0);
	cr_expect_eq(quota_wait(q, HOST, SPAN("acme/parcel-web"), 1, at(0)), 0);
	cr_expect_eq(quota_wait(q, SPAN("travis.example.com"), SLUG, 1, at(0)), 0);
}

Test(quota, a_trigger_counts_once_at_its_latest_time)
{
	count(1, 0);
	count(1, 5 * MIN);
	cr_expect_eq(wait_at(2, 5 * MIN), 0);
	cr_expect_eq(wait_at(1, 5 * MIN), 60 * MIN);
	quota_drop(q, HOST, SLUG, id_of(1));
	cr_expect_eq(wait_at(1, 5 * MIN), 0, "it was not made");
}

Test(quota, what_is_read_in_another_order_counts_all_the_same)
{
	count(1, 30 * MIN);
	count(2, 10 * MIN);
	count(3, 20 * MIN);
	cr_expect_eq(wait_at(3, 40 * MIN), 30 * MIN);
}

Test(quota, when_others_have_used_it_up_the_average_is_waited_for)
{
	quota_full(q, HOST, SLUG, 10, 60 * MIN, at(0));
	cr_expect_eq(wait_at(10, 0), 6 * MIN);
	cr_expect_eq(wait_at(0, 0), 6 * MIN);
	cr_expect_eq(wait_at(0, 6 * MIN), 0);
}

Test(quota, one_of_ours_that_goes_sooner_is_waited_for)
{
	count(1, 0);
	quota_full(q, HOST, SLUG, 10, 60 * MIN, at(58 * MIN));
	cr_expect_eq(wait_at(0, 58 * MIN), 2 * MIN);
}

Test(quota, what_is_kept_is_bounded)
{
	for (unsigned i = 0; i < 10000; i++)
		count(i, i);
	cr_expect_gt(wait_at(200, 10000), 0);
	for (unsigned i = 0; i < 10000; i++) {
		char slug[32];

		snprintf(slug, sizeof(slug), "acme/r%u", i);
		quota_count(q, HOST, span_of(slug), id_of(i), at((int64_t)i * MIN));
	}
	cr_expect_eq(quota_wait(q, HOST, SPAN("acme/r9999"), 1, at(9999 * MIN)), 60 * MIN);
}
