/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/correlate.h"

static struct catalog *a_catalog(void)
{
	struct catalog *b = catalog_new();
	struct entity one = { .ref = SPAN("component:default/one"), .slug = SPAN("acme/mono") };
	struct entity two = { .ref = SPAN("component:default/two"), .slug = SPAN("Acme/Mono") };

	one.owner[one.owners++] = SPAN("group:default/a");
	two.owner[two.owners++] = SPAN("group:default/a");
	two.owner[two.owners++] = SPAN("group:default/b");
	cr_assert_eq(catalog_put(b, &one), ERR_OK);
	cr_assert_eq(catalog_put(b, &two), ERR_OK);
	return b;
}

static void cleanup(struct catalog **c)
{
	catalog_free(*c);
}

static void make(struct plan *p, const struct catalog *c, const char *slug, char *owner)
{
	struct route route = { .owner = (char *[]){ owner, NULL },
		.to = (char *[]){ (char[]){ "notify" }, NULL } };
	const struct routes routes = { &route, 1 };
	struct build b;

	build_init(&b);
	b.state = BUILD_FAILED;
	plan_make(p, &b, TRANSITION_BROKEN, "travis-com", span_of(slug), c, &routes);
}

static struct plan plan;

Test(plan, waits_before_any_catalog_was_loaded)
{
	make(&plan, NULL, "acme/mono", (char[]){ "*" });
	cr_expect_eq(plan.place, EVENT_WAITING);
	cr_expect_str_eq(plan_reason(&plan), "no-catalog");
}

Test(plan, quarantines_what_no_entity_claims)
{
	CLEANUP(cleanup) struct catalog *c = a_catalog();

	make(&plan, c, "acme/other", (char[]){ "*" });
	cr_expect_eq(plan.place, EVENT_QUARANTINED);
	cr_expect_str_eq(plan_reason(&plan), "no-entity");
	cr_expect_eq(plan.sinks, 0);
}

Test(plan, finds_every_entity_of_a_repository_and_each_owner_once)
{
	CLEANUP(cleanup) struct catalog *c = a_catalog();

	make(&plan, c, "ACME/mono", (char[]){ "group:default/b" });
	cr_expect_eq(plan.place, EVENT_ROUTED);
	cr_expect_eq(plan.entities, 2);
	cr_expect_eq(plan.owners, 2);
	cr_assert_eq(plan.sinks, 1);
	cr_expect_str_eq(plan.sink[0], "notify");
	cr_expect_null(plan_reason(&plan));
}

Test(plan, says_when_no_route_takes_an_event)
{
	CLEANUP(cleanup) struct catalog *c = a_catalog();

	make(&plan, c, "acme/mono", (char[]){ "group:default/nobody" });
	cr_expect_eq(plan.place, EVENT_ROUTED);
	cr_expect_eq(plan.sinks, 0);
	cr_expect_str_eq(plan_reason(&plan), "no-route");
}

Test(plan, has_room_for_every_sink_there_can_be)
{
	CLEANUP(cleanup) struct catalog *c = a_catalog();
	static char names[STORE_SINKS_MAX][16];
	static char *to[STORE_SINKS_MAX + 1];
	struct route route = { .to = to };
	const struct routes routes = { &route, 1 };
	struct build b;

	for (size_t i = 0; i < STORE_SINKS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "sink-%zu", i);
		to[i] = names[i];
	}
	build_init(&b);
	b.state = BUILD_FAILED;
	plan_make(&plan, &b, TRANSITION_BROKEN, "travis-com", SPAN("acme/mono"), c, &routes);
	cr_assert_eq(plan.sinks, STORE_SINKS_MAX);
	cr_assert_str_eq(plan.sink[STORE_SINKS_MAX - 1], "sink-255");
}

static void user(struct catalog *b, const char *ref, const char *mail, const char *login)
{
	struct entity e = { .ref = span_of(ref) };

	if (mail != NULL)
		e.alias[e.aliases++] = span_of(mail);
	if (login != NULL)
		e.alias[e.aliases++] = span_of(login);
	cr_assert_eq(catalog_put(b, &e), ERR_OK);
}

Test(author, is_who_has_the_address_or_else_the_login_that_hides_in_it)
{
	static const struct {
		const char *mail, *login, *want;
	} cases[] = {
		{ "m-ada", NULL, "user:default/ada" },
		{ "m-unknown", "l-bob", "user:default/bob" },
		{ "m-ada", "l-bob", "user:default/ada" },
		{ "m-shared", NULL, "" },
		{ "m-unknown", NULL, "" },
		{ NULL, NULL, "" },
	};
	struct catalog *b = catalog_new();
	CLEANUP(cleanup) struct catalog *c = NULL;

	user(b, "user:default/ada", "m-ada", NULL);
	user(b, "user:default/bob", NULL, "l-bob");
	user(b, "user:default/cid", "m-shared", NULL);
	user(b, "user:default/dan", "m-shared", NULL);
	c = TAKE(b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct build build;
		struct span got;

		build_init(&build);
		build.author_mail = span_of(cases[i].mail);
		build.author_login = span_of(cases[i].login);
		got = author_of(c, &build);
		cr_expect(span_is(got, cases[i].want), "%zu: %.*s", i, SPAN_ARGS(got));
	}
}
