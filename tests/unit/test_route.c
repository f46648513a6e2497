/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/defs.h"
#include "model/address.h"
#include "model/pattern.h"
#include "model/route.h"

#define LIST1(a)    ((char *[]){ (char[]){ a }, NULL })
#define LIST2(a, b) ((char *[]){ (char[]){ a }, (char[]){ b }, NULL })

static const struct span kinds[] = { { "component", 9 }, { "api", 3 } };
static const struct span owners[] = { { "group:default/payments", 22 },
	{ "user:default/bob", 16 } };

static struct route_facts facts(void)
{
	return (struct route_facts){
		.type = SPAN("dev.cdevents.pipelinerun.finished.0.3.0"),
		.source = SPAN("travis-com"),
		.outcome = SPAN("failure"),
		.transition = SPAN("broken"),
		.branch = SPAN("release/1.2"),
		.repository = SPAN("Acme/parcel-api"),
		.kind = kinds,
		.kinds = ARRAY_SIZE(kinds),
		.owner = owners,
		.owners = ARRAY_SIZE(owners),
	};
}

Test(route, takes_what_is_no_build_only_where_it_names_the_type)
{
	const struct route any = { 0 };
	const struct route op = { .type = LIST1("dev.stagewire.operator.*") };
	const struct route end = { .type = LIST1("dev.cdevents.pipelinerun.finished.*") };
	struct route_facts build = facts(), tripped = { 0 };

	tripped.type = SPAN("dev.stagewire.operator.sink.tripped");
	cr_expect(route_matches(&any, &build));
	cr_expect(route_matches(&end, &build));
	cr_expect_not(route_matches(&op, &build));
	cr_expect_not(route_matches(&any, &tripped));
	cr_expect_not(route_matches(&end, &tripped));
	cr_expect(route_matches(&op, &tripped));
}

Test(route, without_conditions_matches_every_build)
{
	const struct route r = { 0 };
	struct route_facts f = facts();

	cr_assert(route_matches(&r, &f));
}

Test(route, every_condition_that_is_set_must_hold)
{
	const struct {
		struct route r;
		bool want;
	} row[] = {
		{ { .source = LIST1("travis-com") }, true },
		{ { .source = LIST1("travis-org") }, false },
		{ { .outcome = LIST2("error", "failure") }, true },
		{ { .outcome = LIST1("success") }, false },
		{ { .transition = LIST1("broken") }, true },
		{ { .transition = LIST1("fixed") }, false },
		{ { .branch = LIST1("release/*") }, true },
		{ { .branch = LIST1("release") }, false },
		{ { .branch = LIST1("Release/*") }, false },
		{ { .repository = LIST1("acme/*") }, true },
		{ { .repository = LIST1("acme/parcel") }, false },
		{ { .kind = LIST1("api") }, true },
		{ { .kind = LIST1("system") }, false },
		{ { .owner = LIST1("user:default/bob") }, true },
		{ { .owner = LIST1("group:*") }, true },
		{ { .owner = LIST1("group:default/platform") }, false },
		{ { .outcome = LIST1("failure"), .branch = LIST1("main") }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct route_facts f = facts();

		cr_expect_eq(route_matches(&row[i].r, &f), row[i].want, "row %zu", i);
	}
}

Test(route, an_entity_condition_fails_where_there_is_no_entity)
{
	struct route r = { .kind = LIST1("*") };
	struct route_facts f = facts();

	f.kinds = 0;
	cr_assert_not(route_matches(&r, &f));
}

Test(routes, name_each_sink_once_in_order_of_first_mention)
{
	const struct route r[] = {
		{ .to = LIST2("bus", "record") },
		{ .outcome = LIST1("success"), .to = LIST1("never") },
		{ .outcome = LIST1("failure"), .to = LIST2("notify", "bus") },
	};
	struct route_facts f = facts();
	const char *sink[8];

	cr_assert_eq(routes_choose(r, ARRAY_SIZE(r), &f, sink, ARRAY_SIZE(sink)), 3);
	cr_expect_str_eq(sink[0], "bus");
	cr_expect_str_eq(sink[1], "record");
	cr_expect_str_eq(sink[2], "notify");
	cr_expect_eq(routes_choose(r, ARRAY_SIZE(r), &f, sink, 2), 2);
}

Test(pattern, a_star_stands_for_any_end_and_only_there)
{
	cr_expect(pattern_matches("*", SPAN(""), false));
	cr_expect(pattern_matches("a*", SPAN("a"), false));
	cr_expect(pattern_matches("a*", SPAN("abc"), false));
	cr_expect_not(pattern_matches("a*c", SPAN("abc"), false));
	cr_expect_not(pattern_matches("", SPAN("a"), false));
	cr_expect(pattern_matches("MAIN", SPAN("main"), true));
	cr_expect_not(pattern_matches("MAIN", SPAN("main"), false));
}

Test(route, each_condition_tells_by_itself_whether_it_holds_and_what_it_looked_at)
{
	const struct route r = {
		.outcome = LIST2("error", "failure"),
		.branch = LIST1("main"),
		.repository = LIST1("acme/*"),
		.owner = LIST1("GROUP:default/payments"),
		.kind = LIST1("system"),
	};
	static const struct {
		const char *name;
		bool set, holds;
		size_t texts;
	} want[ROUTE_CONDITIONS] = {
		[ROUTE_SOURCE] = { "source", false, true, 1 },
		[ROUTE_OUTCOME] = { "outcome", true, true, 1 },
		[ROUTE_TRANSITION] = { "transition", false, true, 1 },
		[ROUTE_BRANCH] = { "branch", true, false, 1 },
		[ROUTE_REPOSITORY] = { "repository", true, true, 1 },
		[ROUTE_KIND] = { "kind", true, false, 2 },
		[ROUTE_OWNER] = { "owner", true, true, 2 },
		[ROUTE_AUTHOR] = { "author", false, true, 1 },
	};
	struct route_facts f = facts();

	f.author = SPAN("user:default/ada");
	for (enum route_condition c = ROUTE_SOURCE; c < ROUTE_CONDITIONS; c++) {
		size_t n;
		const struct span *text = route_texts(&f, c, &n);

		cr_expect_str_eq(route_condition_str(c), want[c].name);
		cr_expect_eq(route_patterns(&r, c) != NULL, want[c].set, "%s", want[c].name);
		cr_expect_eq(route_holds(&r, &f, c), want[c].holds, "%s", want[c].name);
		cr_expect_eq(n, want[c].texts, "%s", want[c].name);
		cr_expect_gt(text[0].n, 0);
	}
	cr_assert_not(route_matches(&r, &f));
	f.kinds = f.owners = 0;
	cr_assert_not(route_holds(&r, &f, ROUTE_OWNER), "nobody owns it");
	cr_assert(span_eq(route_texts(&f, ROUTE_BRANCH, &(size_t){ 0 })[0], f.branch));
}

Test(route, addresses_owners_unless_it_says_whom)
{
	const struct {
		struct route r;
		unsigned want;
	} row[] = {
		{ { 0 }, ADDRESS_OWNER },
		{ { .address = LIST1("owner") }, ADDRESS_OWNER },
		{ { .address = LIST1("author") }, ADDRESS_AUTHOR },
		{ { .address = LIST2("author", "owner") }, ADDRESS_OWNER | ADDRESS_AUTHOR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(route_address(&row[i].r), row[i].want, "row %zu", i);
}

Test(route, to_the_author_alone_needs_one_who_is_known)
{
	const struct route author = { .address = LIST1("author") };
	const struct route both = { .address = LIST2("owner", "author") };
	const struct route one = { .author = LIST1("user:default/ada") };
	const struct route any = { .author = LIST1("*") };
	struct route_facts f = facts();

	cr_expect_not(route_matches(&author, &f));
	cr_expect(route_matches(&both, &f));
	cr_expect_not(route_matches(&one, &f));
	cr_expect_not(route_matches(&any, &f), "whoever it is, there must be one");
	f.author = SPAN("user:default/bob");
	cr_expect(route_matches(&any, &f));
	cr_expect(route_matches(&author, &f));
	cr_expect_not(route_matches(&one, &f));
	f.author = SPAN("user:default/ada");
	cr_expect(route_matches(&one, &f));
	cr_expect(route_holds(&author, &f, ROUTE_AUTHOR));
	cr_expect_not_null(route_patterns(&author, ROUTE_AUTHOR));
	cr_expect_null(route_patterns(&both, ROUTE_AUTHOR));
}

Test(routes, to_one_sink_address_all_that_any_of_them_does)
{
	const struct route r[] = {
		{ .to = LIST2("notify", "record") },
		{ .address = LIST1("author"), .to = LIST1("notify") },
		{ .outcome = LIST1("success"), .address = LIST1("author"), .to = LIST1("other") },
		{ .address = LIST1("author"), .to = LIST1("other") },
	};
	struct route_facts f = facts();

	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "notify"), ADDRESS_OWNER);
	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "other"), 0);
	f.author = SPAN("user:default/ada");
	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "notify"), ADDRESSES_ALL);
	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "other"), ADDRESS_AUTHOR);
	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "record"), ADDRESS_OWNER);
	cr_expect_eq(routes_address(r, ARRAY_SIZE(r), &f, "nowhere"), 0);
}
