/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/page_index.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "model/catalog.h"

#define MANY 5000

static struct catalog *catalog;
static struct page_index *x;

static void add(struct catalog *b, const char *ref, const char *slug, const char *system,
	const char *owner, const char *second)
{
	struct entity e = {
		.ref = span_of(ref),
		.slug = span_of(slug),
		.system = span_of(system),
	};

	if (owner != NULL)
		e.owner[e.owners++] = span_of(owner);
	if (second != NULL)
		e.owner[e.owners++] = span_of(second);
	cr_assert_eq(catalog_put(b, &e), ERR_OK);
}

static void build(struct catalog *b)
{
	catalog = b;
	x = page_index_new();
	while (!page_index_step(x, catalog))
		;
}

static void open_small(void)
{
	struct catalog *b = catalog_new();

	add(b, "component:default/web", "acme/web", "system:default/shop", "group:default/ui",
		NULL);
	add(b, "component:default/pay", "acme/pay", "system:default/money", "group:default/pay",
		"group:default/ui");
	add(b, "component:default/lone", "acme/lone", "", NULL, NULL);
	add(b, "component:default/cart", "acme/cart", "system:default/shop", "group:default/pay",
		NULL);
	add(b, "component:default/dry", "", "system:default/dry", "group:default/dry", NULL);
	add(b, "group:default/pay", "", "", NULL, NULL);
	build(b);
}

static void close_all(void)
{
	page_index_free(x);
	catalog_free(catalog);
}

static struct page_pick all(void)
{
	return (struct page_pick){
		.system = PAGE_ANY,
		.owner = PAGE_ANY,
		.to = SIZE_MAX,
		.state = -1,
	};
}

/* The names of those chosen, in order. */
static const char *chosen(const struct page_pick *pick, enum page_order by, size_t skip, size_t max)
{
	static char text[512];
	size_t number[16], n = page_index_choose(x, pick, by, skip, number, max), at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		struct entity e;

		cr_assert(catalog_at(catalog, page_index_place(x, number[i]), &e));
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%.*s ", SPAN_ARGS(entity_ref_name(e.ref)));
	}
	return text;
}

TestSuite(page_index, .fini = close_all, .timeout = 60);

Test(page_index, orders_by_system_or_owner_with_those_that_have_none_last)
{
	struct page_pick pick = all();

	open_small();
	cr_assert_eq(page_index_count(x), 4);
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "pay cart web lone ");
	cr_assert_str_eq(chosen(&pick, PAGE_BY_OWNER, 0, 16), "cart pay web lone ");
}

Test(page_index, chooses_by_system_by_any_of_the_owners_and_by_place)
{
	struct page_pick pick = all();

	open_small();
	pick.system = page_index_name(x, SPAN("system:default/shop"));
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "cart web ");
	pick = all();
	pick.owner = page_index_name(x, SPAN("group:default/ui"));
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "pay web ");
	pick.owner = page_index_name(x, SPAN("group:default/dry"));
	cr_assert_eq(pick.owner, PAGE_NOBODY);
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "");
	pick = all();
	pick.from = catalog_position(catalog, SPAN("component:default/l"));
	pick.to = catalog_position(catalog, SPAN("component:default/p~"));
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "pay lone ");
}

Test(page_index, pages_without_loss_or_repetition)
{
	struct page_pick pick = all();

	open_small();
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 2), "pay cart ");
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 2, 2), "web lone ");
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 4, 2), "");
}

Test(page_index, tallies_states_whatever_the_state_asked_for)
{
	size_t tally[PAGE_STATES], number;
	struct page_pick pick = all();

	open_small();
	cr_assert(page_index_number(
		x, catalog_position(catalog, SPAN("component:default/pay")), &number));
	page_index_set_state(x, number, 4);
	pick.state = 4;
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "pay ");
	page_index_tally(x, &pick, tally);
	cr_assert_eq(tally[4], 1);
	cr_assert_eq(tally[0], 3);
	pick.system = page_index_name(x, SPAN("system:default/shop"));
	page_index_tally(x, &pick, tally);
	cr_assert_eq(tally[4], 0);
	cr_assert_eq(tally[0], 2);
}

Test(page_index, gives_out_what_is_out_of_date_in_turn)
{
	size_t number[3];

	open_small();
	cr_assert_eq(page_index_stale(x), 4);
	cr_assert_eq(page_index_take_stale(x, number, 3), 3);
	cr_assert_not(page_index_is_read(x));
	page_index_set_stale(x, 0);
	page_index_set_stale(x, 0);
	cr_assert_eq(page_index_stale(x), 2);
	cr_assert_eq(page_index_take_stale(x, number, 3), 2);
	cr_assert_eq(number[0], 3);
	cr_assert_eq(number[1], 0);
	cr_assert_eq(page_index_take_stale(x, number, 3), 0);
	cr_assert(page_index_is_read(x));
}

Test(page_index, leaves_an_orphan_out_whose_repository_has_somebody_else)
{
	struct catalog *b = catalog_new();
	struct entity e = {
		.ref = SPAN("component:default/a"), .slug = SPAN("acme/a"), .orphan = true
	};
	struct page_pick pick = all();

	cr_assert_eq(catalog_put(b, &e), ERR_OK);
	e.ref = SPAN("component:default/gone");
	e.slug = SPAN("acme/gone");
	cr_assert_eq(catalog_put(b, &e), ERR_OK);
	add(b, "component:default/b", "acme/A", "", NULL, NULL);
	build(b);
	cr_assert_str_eq(chosen(&pick, PAGE_BY_SYSTEM, 0, 16), "b gone ");
}

Test(page_index, knows_no_number_of_who_has_no_repository)
{
	size_t number;

	open_small();
	cr_assert_not(page_index_number(
		x, catalog_position(catalog, SPAN("component:default/dry")), &number));
	cr_assert_not(page_index_number(x, catalog_count(catalog), &number));
}

Test(page_index, lists_systems_and_owners_in_order)
{
	struct span ref[2];

	open_small();
	cr_assert_eq(page_index_systems(x, ref, 2), 2);
	cr_assert(span_is(ref[0], "system:default/money"));
	cr_assert(span_is(ref[1], "system:default/shop"));
	cr_assert_eq(page_index_owners(x, ref, 1), 2);
	cr_assert(span_is(ref[0], "group:default/pay"));
}

Test(page_index, is_built_in_bounded_steps)
{
	struct catalog *b = catalog_new();
	char ref[64], slug[64];
	size_t steps = 1;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(ref, sizeof(ref), "component:default/c%u", i);
		snprintf(slug, sizeof(slug), "acme/c%u", i);
		add(b, ref, slug, "system:default/s", "group:default/g", NULL);
	}
	catalog = b;
	x = page_index_new();
	while (!page_index_step(x, catalog))
		steps++;
	cr_assert_eq(page_index_count(x), MANY);
	cr_assert_geq(steps, 5);
}

Test(page_index, is_empty_for_an_empty_catalog)
{
	struct page_pick pick = all();
	size_t number[1];

	build(catalog_new());
	cr_assert_eq(page_index_count(x), 0);
	cr_assert_str_eq(chosen(&pick, PAGE_BY_OWNER, 0, 16), "");
	cr_assert_eq(page_index_take_stale(x, number, 1), 0);
}
