/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "model/catalog.h"

static struct entity entity(const char *ref, const char *slug, const char *owner)
{
	struct entity e = { .ref = span_of(ref), .slug = span_of(slug) };

	if (owner != NULL)
		e.owner[e.owners++] = span_of(owner);
	return e;
}

static void add(struct catalog *c, const struct entity *e)
{
	cr_assert_eq(catalog_put(c, e), ERR_OK, "%.*s", SPAN_ARGS(e->ref));
}

static void add_new(struct catalog *c, const char *ref, const char *slug, const char *owner)
{
	struct entity e = entity(ref, slug, owner);

	add(c, &e);
}

static void add_child(struct catalog *c, const char *ref, const char *p1, const char *p2)
{
	struct entity e = entity(ref, NULL, NULL);

	if (p1 != NULL)
		e.parent[e.parents++] = span_of(p1);
	if (p2 != NULL)
		e.parent[e.parents++] = span_of(p2);
	add(c, &e);
}

static void assert_span(struct span got, const char *want)
{
	cr_assert(span_is(got, want), "'%.*s' is not '%s'", SPAN_ARGS(got), want);
}

Test(entity_ref, is_made_complete_and_lower_case)
{
	const struct {
		const char *text, *kind, *ref;
	} row[] = {
		{ "Component:Default/Parcel-API", NULL, "component:default/parcel-api" },
		{ "component:parcel-api", NULL, "component:default/parcel-api" },
		{ "payments", "group", "group:default/payments" },
		{ "Ops/Payments", "Group", "group:ops/payments" },
		{ "user:alice", "group", "user:default/alice" },
		{ "payments", NULL, NULL },
		{ "", "group", NULL },
		{ "group:", "group", NULL },
		{ ":a", "group", NULL },
		{ "/a", "group", NULL },
		{ "group:x/", "group", NULL },
		{ "group:a/b/c", "group", NULL },
		{ "a/b:c", "group", NULL },
		{ "group:default/a b", "group", NULL },
		{ "group:default/a\"b", "group", NULL },
		{ "group:default/a\nb", "group", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(buf_release) struct buf out;
		enum err e;

		buf_init(&out, 1000);
		e = entity_ref_parse(span_of(row[i].text), row[i].kind, &out);
		cr_assert_eq(e == ERR_OK, row[i].ref != NULL, "row %zu: %s", i, row[i].text);
		cr_assert_str_eq(out.data, row[i].ref == NULL ? "" : row[i].ref);
	}
}

Test(entity_ref, is_refused_if_too_long)
{
	CLEANUP(buf_release) struct buf out;
	char name[ENTITY_TEXT_MAX + 1] = { 0 };

	buf_init(&out, 10000);
	memset(name, 'a', ENTITY_TEXT_MAX - strlen("group:default/"));
	cr_assert_eq(entity_ref_parse(span_of(name), "group", &out), ERR_OK);
	cr_assert(entity_ref_is_canonical(buf_span(&out)));
	memset(name, 'a', ENTITY_TEXT_MAX - strlen("group:default/") + 1);
	cr_assert_eq(entity_ref_parse(span_of(name), "group", &out), ERR_PARSE);
}

Test(entity_ref, comes_apart_only_if_complete)
{
	assert_span(entity_ref_kind(SPAN("user:ops/bob")), "user");
	assert_span(entity_ref_namespace(SPAN("user:ops/bob")), "ops");
	assert_span(entity_ref_name(SPAN("user:ops/bob")), "bob");
	assert_span(entity_ref_kind(SPAN("user:bob")), "");
	assert_span(entity_ref_name(SPAN("ops/bob")), "");
	assert_span(entity_ref_name((struct span){ 0 }), "");
}

Test(entity_slug, has_an_owner_and_a_name)
{
	cr_assert(entity_slug_is_valid(SPAN("acme/parcel-api")));
	cr_assert(entity_slug_is_valid(SPAN("acme/tools/parcel-api")));
	cr_assert_not(entity_slug_is_valid(SPAN("")));
	cr_assert_not(entity_slug_is_valid(SPAN("acme")));
	cr_assert_not(entity_slug_is_valid(SPAN("/api")));
	cr_assert_not(entity_slug_is_valid(SPAN("acme/")));
	cr_assert_not(entity_slug_is_valid(SPAN("acme//api")));
	cr_assert_not(entity_slug_is_valid(SPAN("acme/a b")));
	cr_assert_not(entity_slug_is_valid(SPAN("acme/a\x7f")));
}

static struct entity full_entity(void)
{
	struct entity e = entity("component:default/api", "Acme/API", "group:default/a");

	e.uid = SPAN("cb80a7fd-0000");
	e.etag = SPAN("dd5bdac3");
	e.type = SPAN("servi\xc3\xa7o");
	e.lifecycle = SPAN("production");
	e.system = SPAN("system:default/shipping");
	e.orphan = true;
	e.owner[e.owners++] = SPAN("user:default/bob");
	e.parent[e.parents++] = SPAN("group:default/p");
	e.tag[e.tags++] = SPAN("c");
	e.tag[e.tags++] = SPAN("java");
	return e;
}

static void assert_full(const struct entity *e)
{
	assert_span(e->ref, "component:default/api");
	assert_span(e->uid, "cb80a7fd-0000");
	assert_span(e->etag, "dd5bdac3");
	assert_span(e->slug, "Acme/API");
	assert_span(e->type, "servi\xc3\xa7o");
	assert_span(e->lifecycle, "production");
	assert_span(e->system, "system:default/shipping");
	cr_assert(e->orphan);
	cr_assert_eq(e->owners, 2);
	assert_span(e->owner[0], "group:default/a");
	assert_span(e->owner[1], "user:default/bob");
	cr_assert_eq(e->parents, 1);
	assert_span(e->parent[0], "group:default/p");
	cr_assert_eq(e->tags, 2);
	assert_span(e->tag[1], "java");
}

Test(entity, reads_back_what_it_wrote)
{
	CLEANUP(buf_release) struct buf json;
	struct entity e = full_entity(), back;

	buf_init(&json, 10000);
	cr_assert_eq(entity_write(&e, &json), ERR_OK);
	cr_assert_eq(entity_read(buf_span(&json), &back), ERR_OK, "%s", json.data);
	assert_full(&back);
}

Test(entity, writes_nothing_that_it_could_not_read)
{
	static const char *const bad[] = { "a\"b", "a\\b", "a\nb", "a\x7f", "a\xff" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_release) struct buf json;
		struct entity e = entity("component:default/api", NULL, NULL);

		buf_init(&json, 10000);
		e.tag[e.tags++] = span_of(bad[i]);
		cr_assert_eq(entity_write(&e, &json), ERR_PARSE, "%zu", i);
		cr_assert_eq(json.len, 0);
	}
}

Test(entity, is_not_read_from_anything_else)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"null",
		"{\"ref\":\"Component:default/a\"}",
		"{\"ref\":\"component:default/a\",\"uid\":5}",
		"{\"ref\":\"component:default/a\",\"owners\":\"x\"}",
		"{\"ref\":\"component:default/a\",\"tags\":[\"a\\\"\"]}",
		"{\"ref\":\"component:default/a\"",
	};
	struct entity e = full_entity();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(entity_read(span_of(bad[i]), &e), ERR_PARSE, "%s", bad[i]);
	assert_full(&e);
}

Test(entity, passes_over_members_of_a_later_version)
{
	struct entity e;

	cr_assert_eq(entity_read(SPAN("{\"ref\":\"user:default/a\",\"mood\":[{}]}"), &e), ERR_OK);
	assert_span(e.ref, "user:default/a");
}

Test(catalog, gives_back_all_of_an_entity)
{
	struct catalog *c = catalog_new();
	struct entity e = full_entity(), back;

	add(c, &e);
	cr_assert(catalog_get(c, SPAN("component:default/api"), &back));
	assert_full(&back);
	cr_assert_not(catalog_get(c, SPAN("component:default/ap"), &back));
	cr_assert_not(catalog_get(c, (struct span){ 0 }, &back));
	catalog_free(c);
}

Test(catalog, finds_a_repository_in_any_case)
{
	struct catalog *c = catalog_new();
	struct entity e;

	add_new(c, "component:default/api", "Acme/Parcel-API", NULL);
	add_new(c, "component:default/ui", "acme/parcel-ui", NULL);
	cr_assert_eq(catalog_find(c, SPAN("aCME/pARCEL-api"), &e, 1), 1);
	assert_span(e.ref, "component:default/api");
	assert_span(e.slug, "Acme/Parcel-API");
	cr_assert_eq(catalog_find(c, SPAN("acme/parcel"), &e, 1), 0);
	cr_assert_eq(catalog_find(c, (struct span){ 0 }, &e, 1), 0);
	catalog_free(c);
}

Test(catalog, gives_the_entities_of_a_monorepo_in_order)
{
	struct catalog *c = catalog_new();
	struct entity e[2];

	add_new(c, "component:default/c", "acme/mono", NULL);
	add_new(c, "component:default/a", "ACME/mono", NULL);
	add_new(c, "component:default/b", "acme/MONO", NULL);
	cr_assert_eq(catalog_find(c, SPAN("acme/mono"), e, 2), 3);
	assert_span(e[0].ref, "component:default/a");
	assert_span(e[1].ref, "component:default/b");
	cr_assert_eq(catalog_repositories(c), 1);
	catalog_free(c);
}

Test(catalog, passes_over_an_orphan_only_if_there_is_another)
{
	struct catalog *c = catalog_new();
	struct entity e = entity("component:default/a-old", "acme/api", NULL);

	e.orphan = true;
	add(c, &e);
	e = entity("component:default/gone", "acme/gone", NULL);
	e.orphan = true;
	add(c, &e);
	add_new(c, "component:default/new", "acme/api", NULL);
	cr_assert_eq(catalog_find(c, SPAN("acme/api"), &e, 1), 1);
	assert_span(e.ref, "component:default/new");
	cr_assert_eq(catalog_find(c, SPAN("acme/gone"), &e, 1), 1);
	assert_span(e.ref, "component:default/gone");
	catalog_free(c);
}

Test(catalog, replaces_an_entity_that_comes_twice)
{
	struct catalog *c = catalog_new();
	struct entity e;

	add_new(c, "component:default/api", "acme/old", "group:default/a");
	add_new(c, "component:default/api", "acme/new", "group:default/b");
	cr_assert_eq(catalog_count(c), 1);
	cr_assert_eq(catalog_find(c, SPAN("acme/old"), &e, 1), 0);
	cr_assert_eq(catalog_find(c, SPAN("acme/new"), &e, 1), 1);
	cr_assert_eq(e.owners, 1);
	assert_span(e.owner[0], "group:default/b");
	catalog_free(c);
}

Test(catalog, knows_entities_from_mere_mentions)
{
	struct catalog *c = catalog_new();
	struct entity e;

	add_new(c, "component:default/api", NULL, "group:default/a");
	cr_assert(catalog_get(c, SPAN("component:default/api"), &e));
	cr_assert_not(catalog_get(c, SPAN("group:default/a"), &e));
	cr_assert_not(catalog_get(c, SPAN("group:default/b"), &e));
	cr_assert_eq(catalog_count(c), 1);
	catalog_free(c);
}

Test(catalog, refuses_a_broken_entity)
{
	struct catalog *c = catalog_new();
	struct entity e = entity("Component:default/api", NULL, NULL);
	char text[ENTITY_TEXT_MAX + 1];

	cr_assert_eq(catalog_put(c, &e), ERR_PARSE);
	memset(text, 'a', sizeof(text));
	e = entity("component:default/api", NULL, NULL);
	e.type = (struct span){ text, sizeof(text) };
	cr_assert_eq(catalog_put(c, &e), ERR_PARSE);
	cr_assert_not(catalog_get(c, e.ref, &e));
	catalog_free(c);
}

Test(catalog, of_nothing_answers_nothing)
{
	struct catalog *c = catalog_new();
	struct entity e;

	cr_assert_eq(catalog_count(c), 0);
	cr_assert_eq(catalog_repositories(c), 0);
	cr_assert_not(catalog_at(c, 0, &e));
	cr_assert_not(catalog_get(c, SPAN("component:default/api"), &e));
	cr_assert_eq(catalog_find(c, SPAN("acme/api"), &e, 1), 0);
	cr_assert_not(catalog_belongs(c, SPAN("user:default/a"), SPAN("group:default/b")));
	catalog_free(c);
}

Test(catalog, holds_ten_thousand_in_order_and_finds_each)
{
	struct catalog *c = catalog_new();
	struct entity e, before = { 0 };
	char ref[64], slug[64];

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(ref, sizeof(ref), "component:default/c%u", i * 7919 % 10000);
		snprintf(slug, sizeof(slug), "Acme/r%u", i * 7919 % 10000 / 2);
		add_new(c, ref, slug, "group:default/a");
	}
	cr_assert_eq(catalog_count(c), 10000);
	cr_assert_eq(catalog_repositories(c), 5000);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(ref, sizeof(ref), "component:default/c%u", i);
		snprintf(slug, sizeof(slug), "aCME/R%u", i / 2);
		cr_assert(catalog_get(c, span_of(ref), &e), "%s", ref);
		cr_assert_eq(catalog_find(c, span_of(slug), &e, 1), 2, "%s", slug);
		cr_assert(catalog_at(c, i, &e));
		cr_assert(i == 0 || strncmp(before.ref.p, e.ref.p, before.ref.n) < 0 ||
			  before.ref.n < e.ref.n);
		before = e;
	}
	catalog_free(c);
}

Test(catalog, tells_members_by_way_of_parents)
{
	struct catalog *c = catalog_new();

	add_child(c, "user:default/bob", "group:default/team", "group:default/choir");
	add_child(c, "group:default/team", "group:default/area", NULL);
	add_child(c, "group:default/area", "group:default/absent", NULL);
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/choir")));
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/area")));
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/absent")));
	cr_assert(catalog_belongs(c, SPAN("group:default/team"), SPAN("group:default/area")));
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("user:default/bob")));
	cr_assert_not(catalog_belongs(c, SPAN("group:default/area"), SPAN("group:default/team")));
	cr_assert_not(catalog_belongs(c, SPAN("user:default/eve"), SPAN("group:default/team")));
	catalog_free(c);
}

Test(catalog, walks_a_cycle_of_groups_once)
{
	struct catalog *c = catalog_new();

	add_child(c, "user:default/bob", "group:default/a", NULL);
	add_child(c, "group:default/a", "group:default/b", "group:default/a");
	add_child(c, "group:default/b", "group:default/a", NULL);
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/b")));
	cr_assert_not(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/c")));
	catalog_free(c);
}

Test(catalog, looks_eight_groups_up_and_no_further)
{
	struct catalog *c = catalog_new();
	char ref[64], parent[64];

	add_child(c, "user:default/bob", "group:default/g1", NULL);
	for (int i = 1; i < 12; i++) {
		snprintf(ref, sizeof(ref), "group:default/g%d", i);
		snprintf(parent, sizeof(parent), "group:default/g%d", i + 1);
		add_child(c, ref, parent, NULL);
	}
	cr_assert(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/g8")));
	cr_assert_not(catalog_belongs(c, SPAN("user:default/bob"), SPAN("group:default/g9")));
	catalog_free(c);
}

static void add_user(struct catalog *b, const char *ref, const char *one, const char *two)
{
	struct entity e = entity(ref, NULL, NULL);

	e.alias[e.aliases++] = span_of(one);
	if (two != NULL)
		e.alias[e.aliases++] = span_of(two);
	add(b, &e);
}

Test(catalog, finds_the_one_user_of_an_alias)
{
	struct catalog *b = catalog_new();
	struct catalog *c;
	struct entity e;
	struct span ref;

	add_user(b, "user:default/ada", "mail-ada", "login-ada");
	add_user(b, "user:default/bob", "mail-bob", "shared");
	add_user(b, "user:default/cid", "shared", NULL);
	add_user(b, "user:default/dan", "shared", NULL);
	add_new(b, "component:default/api", "acme/api", NULL);
	c = TAKE(b);
	cr_assert(catalog_user(c, SPAN("mail-ada"), &ref));
	assert_span(ref, "user:default/ada");
	cr_assert(catalog_user(c, SPAN("login-ada"), &ref));
	assert_span(ref, "user:default/ada");
	cr_expect_not(catalog_user(c, SPAN("shared"), &ref), "nobody knows who is meant");
	cr_expect_not(catalog_user(c, SPAN("mail-eve"), &ref));
	cr_expect_not(catalog_user(c, SPAN(""), &ref));
	assert_span(ref, "user:default/ada");
	cr_expect_eq(catalog_shared_aliases(c), 1);
	cr_assert(catalog_get(c, SPAN("user:default/bob"), &e));
	cr_expect_eq(e.aliases, 2);
	assert_span(e.alias[1], "shared");
	catalog_free(c);
}

Test(catalog, of_nobody_has_no_user)
{
	struct catalog *c = catalog_new();
	struct span ref;

	cr_expect_not(catalog_user(c, SPAN("mail-ada"), &ref));
	cr_expect_eq(catalog_shared_aliases(c), 0);
	catalog_free(c);
}

Test(catalog, knows_what_comes_after_a_ref)
{
	struct catalog *b = catalog_new();
	struct catalog *c;

	add_new(b, "component:default/b", NULL, NULL);
	add_new(b, "component:default/d", NULL, NULL);
	c = TAKE(b);
	cr_expect_eq(catalog_after(c, SPAN("")), 0);
	cr_expect_eq(catalog_after(c, SPAN("component:default/a")), 0);
	cr_expect_eq(catalog_after(c, SPAN("component:default/b")), 1);
	cr_expect_eq(catalog_after(c, SPAN("component:default/c")), 1);
	cr_expect_eq(catalog_after(c, SPAN("component:default/d")), 2);
	catalog_free(c);
}

Test(entity, keeps_its_aliases_in_the_store)
{
	struct entity e = entity("user:default/ada", NULL, NULL), back;
	CLEANUP(buf_release) struct buf json;

	buf_init(&json, 4096);
	e.alias[e.aliases++] = SPAN("0123");
	e.alias[e.aliases++] = SPAN("4567");
	cr_assert_eq(entity_write(&e, &json), ERR_OK);
	cr_assert_eq(entity_read(buf_span(&json), &back), ERR_OK);
	cr_assert_eq(back.aliases, 2);
	assert_span(back.alias[1], "4567");
	cr_expect_eq(
		entity_read(SPAN("{\"ref\":\"user:default/a\",\"aliases\":[\"1\",\"2\",\"3\"]}"),
			&back),
		ERR_PARSE);
}
