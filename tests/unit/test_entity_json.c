/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "backstage/entity_json.h"
#include "base/json_gate.h"
#include "io/crypto.h"
#include "io/pseudonym.h"

/* An entity that was read, and what its texts lie in. */
struct reading {
	struct buf room;
	struct entity e;
	enum err err;
};

static void reading_release(struct reading *r)
{
	buf_release(&r->room);
}

static struct entity_rules rules = { .repository = "travis-ci.com/repo-slug" };

static struct reading read_entity(struct span json)
{
	struct reading r = { 0 };

	buf_init(&r.room, ENTITY_ROOM);
	cr_assert_eq(json_gate(json, NULL, NULL), ERR_OK, "%.*s", SPAN_ARGS(json));
	r.err = entity_from_json(json_root(json), &rules, &r.room, &r.e);
	return r;
}

static void assert_span(struct span got, const char *want)
{
	cr_assert(span_is(got, want), "'%.*s' is not '%s'", SPAN_ARGS(got), want);
}

static const char parcel_api[] =
	"{\"kind\":\"Component\",\"metadata\":{\"name\":\"Parcel-API\",\"namespace\":\"Default\","
	"\"uid\":\"cb80a7fd\",\"etag\":\"dd5bdac3\",\"tags\":[\"c\",\"c\",\"relay\"],"
	"\"annotations\":{\"travis-ci.com/repo-slug\":\"Acme/parcel-api\","
	"\"backstage.io/orphan\":\"true\"}},"
	"\"spec\":{\"type\":\"service\",\"lifecycle\":\"production\",\"owner\":\"other\"},"
	"\"relations\":[{\"type\":\"dependencyOf\",\"targetRef\":\"component:default/parcel-ui\"},"
	"{\"type\":\"ownedBy\",\"targetRef\":\"Group:default/Payments\"},"
	"{\"type\":\"ownedBy\",\"targetRef\":\"group:default/payments\"},"
	"{\"type\":\"ownedBy\",\"targetRef\":\"user:default/alice\"},"
	"{\"type\":\"partOf\",\"targetRef\":\"component:default/big\"},"
	"{\"type\":\"partOf\",\"targetRef\":\"system:default/shipping\"}]}";

Test(entity_json, reads_all_that_the_relay_knows_of_a_component)
{
	CLEANUP(reading_release) struct reading r = read_entity(span_of(parcel_api));

	cr_assert_eq(r.err, ERR_OK);
	assert_span(r.e.ref, "component:default/parcel-api");
	assert_span(r.e.uid, "cb80a7fd");
	assert_span(r.e.etag, "dd5bdac3");
	assert_span(r.e.slug, "Acme/parcel-api");
	assert_span(r.e.type, "service");
	assert_span(r.e.lifecycle, "production");
	assert_span(r.e.system, "system:default/shipping");
	cr_assert(r.e.orphan);
	cr_assert_eq(r.e.tags, 2);
	assert_span(r.e.tag[1], "relay");
	cr_assert(entity_is_wanted(&r.e));
}

Test(entity_json, takes_owners_from_relations_each_once)
{
	CLEANUP(reading_release) struct reading r = read_entity(span_of(parcel_api));

	cr_assert_eq(r.e.owners, 2);
	assert_span(r.e.owner[0], "group:default/payments");
	assert_span(r.e.owner[1], "user:default/alice");
}

Test(entity_json, reads_the_target_objects_of_older_backends)
{
	CLEANUP(reading_release)
	struct reading r = read_entity(
		SPAN("{\"kind\":\"User\",\"metadata\":{\"name\":\"bob\"},\"relations\":["
		     "{\"type\":\"memberOf\",\"target\":{\"kind\":\"Group\",\"namespace\":\"ops\","
		     "\"name\":\"Team\"}},{\"type\":\"memberOf\",\"target\":{\"kind\":\"group\","
		     "\"name\":\"b\"}},{\"type\":\"memberOf\",\"target\":{\"name\":\"c\"}}]}"));

	cr_assert_eq(r.err, ERR_OK);
	assert_span(r.e.ref, "user:default/bob");
	cr_assert_eq(r.e.parents, 2);
	assert_span(r.e.parent[0], "group:ops/team");
	assert_span(r.e.parent[1], "group:default/b");
	cr_assert(entity_is_wanted(&r.e));
}

Test(entity_json, takes_the_system_from_spec_where_no_relation_tells)
{
	CLEANUP(reading_release)
	struct reading r = read_entity(
		SPAN("{\"kind\":\"Component\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ops\"},"
		     "\"spec\":{\"system\":\"Shipping\"}}"));

	assert_span(r.e.system, "system:ops/shipping");
	cr_assert_eq(r.e.owners, 0);
	cr_assert_not(entity_is_wanted(&r.e));
}

Test(entity_json, leaves_out_what_it_cannot_keep)
{
	CLEANUP(reading_release)
	struct reading r = read_entity(
		SPAN("{\"kind\":\"Component\",\"metadata\":{\"name\":\"a\",\"uid\":5,\"etag\":null,"
		     "\"tags\":[\"x\\\"y\",7,\"ok\"],"
		     "\"annotations\":{\"travis-ci.com/repo-slug\":\"acme\"}},"
		     "\"spec\":{\"type\":\"a\\nb\",\"lifecycle\":[],\"system\":\"a b\"},"
		     "\"relations\":[null,7,{},{\"type\":\"ownedBy\"},"
		     "{\"type\":\"ownedBy\",\"targetRef\":\"payments\"},"
		     "{\"type\":\"ownedBy\",\"targetRef\":\"group:default/ok\"}]}"));

	cr_assert_eq(r.err, ERR_OK);
	assert_span(r.e.uid, "");
	assert_span(r.e.etag, "");
	assert_span(r.e.slug, "");
	assert_span(r.e.type, "");
	assert_span(r.e.lifecycle, "");
	assert_span(r.e.system, "");
	cr_assert_eq(r.e.tags, 1);
	cr_assert_eq(r.e.owners, 1);
	assert_span(r.e.owner[0], "group:default/ok");
	cr_assert_eq(entity_check(&r.e), ERR_OK);
}

Test(entity_json, refuses_what_has_no_name)
{
	static const char *const bad[] = {
		"null",
		"[]",
		"\"component:default/a\"",
		"{}",
		"{\"kind\":\"Component\"}",
		"{\"kind\":\"Component\",\"metadata\":{}}",
		"{\"kind\":\"Component\",\"metadata\":{\"name\":\"\"}}",
		"{\"kind\":\"Component\",\"metadata\":{\"name\":\"a/b\"}}",
		"{\"kind\":\"Compo:nent\",\"metadata\":{\"name\":\"a\"}}",
		"{\"kind\":7,\"metadata\":{\"name\":\"a\"}}",
		"{\"metadata\":{\"name\":\"a\"}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(reading_release) struct reading r = read_entity(span_of(bad[i]));

		cr_assert_eq(r.err, ERR_PARSE, "%s", bad[i]);
	}
}

/* Owners owner-0 to owner-299, each twice. */
static void write_crowd(struct buf *json)
{
	cr_assert_eq(buf_add_str(json,
			     "{\"kind\":\"API\",\"metadata\":{\"name\":\"a\"},\"relations\":["),
		ERR_OK);
	for (int i = 0; i < 600; i++)
		cr_assert_eq(buf_addf(json,
				     "%s{\"type\":\"ownedBy\",\"targetRef\":\"group:default/"
				     "%0300d\"}",
				     i == 0 ? "" : ",", i / 2),
			ERR_OK);
	cr_assert_eq(buf_add_str(json, "]}"), ERR_OK);
}

Test(entity_json, keeps_the_first_64_of_a_crowd_of_owners)
{
	CLEANUP(buf_release) struct buf json;
	char last[400];

	buf_init(&json, 1 << 20);
	write_crowd(&json);
	CLEANUP(reading_release) struct reading r = read_entity(buf_span(&json));
	cr_assert_eq(r.err, ERR_OK);
	cr_assert_eq(r.e.owners, ENTITY_LINKS_MAX);
	snprintf(last, sizeof(last), "group:default/%0300d", ENTITY_LINKS_MAX - 1);
	assert_span(r.e.owner[ENTITY_LINKS_MAX - 1], last);
	assert_span(r.e.ref, "api:default/a");
}

static const char ada[] =
	"{\"kind\":\"User\",\"metadata\":{\"name\":\"ada\",\"annotations\":"
	"{\"github.com/user-login\":\"Ada-L\"}},"
	"\"spec\":{\"profile\":{\"email\":\"Ada@Example.com\",\"displayName\":\"Ada\"}}}";

/* With a key, as the relay has one. */
static struct reading read_named(struct span json)
{
	static const uint8_t seed[PSEUDONYM_SEED_BYTES] = { 1 };
	struct pseudonym_key *key;
	struct reading r;

	cr_assert_eq(crypto_init(), ERR_OK);
	key = pseudonym_key_new(seed);
	rules.names = key;
	rules.login = "github.com/user-login";
	r = read_entity(json);
	rules.names = NULL;
	pseudonym_key_free(key);
	return r;
}

Test(entity_json, a_user_s_address_and_login_are_digests)
{
	CLEANUP(buf_release) struct buf json;
	struct reading r = read_named(span_of(ada));

	buf_init(&json, 1 << 16);
	cr_assert_eq(r.err, ERR_OK);
	cr_assert_eq(r.e.aliases, 2);
	cr_assert_eq(r.e.alias[0].n, PSEUDONYM_MAX - 1);
	cr_assert_eq(entity_write(&r.e, &json), ERR_OK);
	cr_expect_null(strcasestr(json.data, "example"));
	cr_expect_null(strcasestr(json.data, "ada-l"));
	reading_release(&r);
}

Test(entity_json, without_a_key_or_of_others_there_are_no_aliases)
{
	struct reading r = read_entity(span_of(ada));

	cr_expect_eq(r.e.aliases, 0);
	reading_release(&r);
	r = read_named(SPAN("{\"kind\":\"Group\",\"metadata\":{\"name\":\"team\"},"
			    "\"spec\":{\"profile\":{\"email\":\"team@example.com\"}}}"));
	cr_expect_eq(r.e.aliases, 0, "a group writes no commits");
	reading_release(&r);
	r = read_named(SPAN("{\"kind\":\"User\",\"metadata\":{\"name\":\"x\"},"
			    "\"spec\":{\"profile\":{\"email\":[\"a@b.c\"]}}}"));
	cr_expect_eq(r.e.aliases, 0);
	reading_release(&r);
}
