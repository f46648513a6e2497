/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_file.h"
#include "io/crypto.h"
#include "io/pseudonym.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "scratch.h"

/* A file that was read: either a catalog or the reason why not. */
struct reading {
	struct scratch scratch;
	struct catalog *c;
	char *why;
	enum err err;
};

static void reading_release(struct reading *r)
{
	catalog_free(r->c);
	free(r->why);
	scratch_remove(&r->scratch);
}

static struct entity_rules rules = { .repository = "travis-ci.com/repo-slug" };

static struct reading read_path(const char *path)
{
	struct catalog *b = catalog_new();
	struct reading r = { 0 };

	r.err = catalog_file_read(path, &rules, b, &r.why);
	r.c = TAKE(b);
	return r;
}

static struct reading read_text(const char *text)
{
	struct scratch scratch;
	struct reading r;
	char path[128];

	scratch_make(&scratch);
	scratch_write(&scratch, "c.yaml", span_of(text));
	r = read_path(scratch_path(&scratch, "c.yaml", path));
	r.scratch = scratch;
	return r;
}

static struct entity entity_of(const struct reading *r, const char *ref)
{
	struct entity e;

	cr_assert_eq(r->err, ERR_OK, "%s", r->why);
	cr_assert(catalog_get(r->c, span_of(ref), &e), "%s is not there", ref);
	return e;
}

static void assert_span(struct span got, const char *want)
{
	cr_assert(span_is(got, want), "'%.*s' is not '%s'", SPAN_ARGS(got), want);
}

#define HEAD "apiVersion: backstage.io/v1alpha1\nkind: "

Test(catalog_file, reads_a_component_as_backstage_would)
{
	CLEANUP(reading_release)
	struct reading r = read_text(HEAD "Component\n"
					  "metadata:\n"
					  "  name: Parcel-API\n"
					  "  namespace: ops\n"
					  "  uid: cb80a7fd\n"
					  "  annotations:\n"
					  "    travis-ci.com/repo-slug: Acme/parcel-api\n"
					  "    backstage.io/orphan: 'true'\n"
					  "  tags: [c, relay]\n"
					  "spec:\n"
					  "  type: service\n"
					  "  lifecycle: production\n"
					  "  owner: Payments\n"
					  "  system: default/shipping\n");
	struct entity e = entity_of(&r, "component:ops/parcel-api");

	assert_span(e.slug, "Acme/parcel-api");
	assert_span(e.uid, "cb80a7fd");
	assert_span(e.type, "service");
	assert_span(e.lifecycle, "production");
	assert_span(e.system, "system:default/shipping");
	cr_assert(e.orphan);
	cr_assert_eq(e.tags, 2);
	cr_assert_eq(e.owners, 1);
	assert_span(e.owner[0], "group:ops/payments");
}

Test(catalog_file, links_groups_and_users_from_either_side)
{
	CLEANUP(reading_release)
	struct reading r = read_text(HEAD "User\nmetadata: {name: alice}\n"
					  "spec: {memberOf: [team]}\n"
					  "---\n" HEAD "User\nmetadata: {name: bob}\nspec: {}\n"
					  "---\n" HEAD "Group\nmetadata: {name: team}\n"
					  "spec: {members: [alice, bob, absent], parent: area}\n"
					  "---\n" HEAD "Group\nmetadata: {name: area}\n"
					  "spec: {children: [team, choir]}\n"
					  "---\n" HEAD "Group\nmetadata: {name: choir}\n");

	cr_assert_eq(entity_of(&r, "user:default/alice").parents, 1);
	assert_span(entity_of(&r, "user:default/bob").parent[0], "group:default/team");
	cr_assert_eq(entity_of(&r, "group:default/team").parents, 1);
	assert_span(entity_of(&r, "group:default/choir").parent[0], "group:default/area");
	cr_assert(catalog_belongs(r.c, SPAN("user:default/bob"), SPAN("group:default/area")));
}

Test(catalog_file, keeps_an_owner_that_does_not_exist)
{
	CLEANUP(reading_release)
	struct reading r = read_text(
		HEAD "API\nmetadata: {name: a}\nspec: {owner: user:ghosts/bill, system: null}\n");
	struct entity e = entity_of(&r, "api:default/a");

	assert_span(e.owner[0], "user:ghosts/bill");
	assert_span(e.system, "");
}

Test(catalog_file, keeps_an_unknown_kind_only_with_a_repository)
{
	CLEANUP(reading_release)
	struct reading r = read_text(
		HEAD "Robot\nmetadata:\n  name: a\n  annotations: {travis-ci.com/repo-slug: x/y}\n"
		     "---\n" HEAD "Robot\nmetadata: {name: b}\n"
		     "---\n" HEAD "Location\nmetadata: {name: c}\nspec: {target: ./d.yaml}\n");

	cr_assert_eq(r.err, ERR_OK);
	cr_assert_eq(catalog_count(r.c), 1);
	entity_of(&r, "robot:default/a");
}

Test(catalog_file, says_where_and_what_is_wrong)
{
	const struct {
		const char *text, *why;
	} row[] = {
		{ "- a\n", "c.yaml:1:1: an entity must be a mapping" },
		{ "kind: Component\nmetadata: {name: a}\n", "c.yaml:1:1: apiVersion is missing" },
		{ HEAD "Component\n", "c.yaml:1:1: metadata is missing" },
		{ HEAD "Component\nmetadata: {}\n", "c.yaml:3:11: name is missing" },
		{ HEAD "Component\nmetadata:\n  name: 'a b'\n", "c.yaml:4:9: name \"a b\"" },
		{ HEAD "Component\nmetadata:\n  name: -a\n", "c.yaml:4:9: name \"-a\"" },
		{ HEAD "Component\nmetadata:\n  name: [a]\n", "c.yaml:4:9: name must be a text" },
		{ HEAD "Com-ponent\nmetadata: {name: a}\n", "c.yaml:2:7: kind \"Com-ponent\"" },
		{ HEAD "Component\nmetadata:\n  name: a\n  namespace: a/b\n",
			"c.yaml:5:14: namespace \"a/b\"" },
		{ HEAD "Component\nmetadata:\n  name: a\n  annotations:\n"
		       "    travis-ci.com/repo-slug: parcel\n",
			"c.yaml:6:30: \"parcel\" is no repository" },
		{ HEAD "Component\nmetadata: {name: a}\nspec:\n  owner: 'a b'\n",
			"c.yaml:5:10: \"a b\" is no reference to a group" },
		{ HEAD "Component\nmetadata: {name: a}\nspec:\n  owner: [a]\n",
			"c.yaml:5:10: must be a reference to a group" },
		{ HEAD "Component\nmetadata: {name: a}\nspec:\n  type: \"a\\nb\"\n",
			"c.yaml:5:9: type is too long" },
		{ HEAD "Component\nmetadata: {name: a, tags: c}\n", "tags must be a list" },
		{ HEAD "User\nmetadata: {name: a}\nspec:\n  memberOf: {a: b}\n",
			"c.yaml:5:13: memberOf must be a reference or a list" },
		{ HEAD "User\nmetadata: {name: a}\n---\n" HEAD "user\nmetadata: {name: A}\n",
			"c.yaml:5:1: user:default/a is here twice" },
		{ HEAD "Component\nmetadata: {name: a\n", "c.yaml:4:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(reading_release) struct reading r = read_text(row[i].text);

		cr_assert_eq(r.err, ERR_PARSE, "row %zu", i);
		cr_assert_not_null(strstr(r.why, row[i].why), "row %zu: %s", i, r.why);
		cr_assert_eq(catalog_count(r.c), 0, "row %zu", i);
	}
}

Test(catalog_file, names_a_file_that_cannot_be_read)
{
	struct reading r = read_path("/nonexistent/c.yaml");

	cr_assert_eq(r.err, ERR_IO);
	cr_assert_str_eq(r.why, "/nonexistent/c.yaml: No such file or directory");
	free(r.why);
	catalog_free(r.c);
	r = read_path("/");
	cr_assert_eq(r.err, ERR_IO);
	cr_assert_str_eq(r.why, "/: Is a directory");
	free(r.why);
	catalog_free(r.c);
}

Test(catalog_file, reads_the_example_that_comes_with_the_package)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	struct entity e[3];
	struct reading r;

	snprintf(path, sizeof(path), "%s/etc/catalog.example.yaml", top == NULL ? "." : top);
	r = read_path(path);
	cr_assert_eq(r.err, ERR_OK, "%s", r.why);
	cr_assert_eq(catalog_find(r.c, SPAN("acme/parcel"), e, 3), 2);
	assert_span(e[0].owner[0], "group:default/payments");
	cr_assert(catalog_belongs(r.c, SPAN("user:default/bob"), SPAN("group:default/platform")));
	catalog_free(r.c);
}

Test(catalog_file, users_have_digests_of_address_and_login)
{
	static const uint8_t seed[PSEUDONYM_SEED_BYTES] = { 1 };
	struct pseudonym_key *key;
	struct reading r;
	char digest[PSEUDONYM_MAX];
	struct span ref;

	cr_assert_eq(crypto_init(), ERR_OK);
	key = pseudonym_key_new(seed);
	rules.names = key;
	rules.login = "github.com/user-login";
	r = read_text("apiVersion: backstage.io/v1alpha1\nkind: User\n"
		      "metadata: {name: ada, annotations: {github.com/user-login: Ada-L}}\n"
		      "spec: {memberOf: [], profile: {email: Ada@example.com}}\n");
	cr_assert_eq(r.err, ERR_OK, "%s", r.why);
	cr_assert(pseudonym_of_mail(key, SPAN("ada@example.com"), digest));
	cr_assert(catalog_user(r.c, span_of(digest), &ref));
	cr_expect(span_is(ref, "user:default/ada"));
	cr_assert(pseudonym_of_login(key, SPAN("ada-l"), digest));
	cr_expect(catalog_user(r.c, span_of(digest), &ref));
	rules.names = NULL;
	pseudonym_key_free(key);
	reading_release(&r);
}
