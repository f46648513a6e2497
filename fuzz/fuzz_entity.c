/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "backstage/catalog_rest.h"
#include "backstage/entity_json.h"
#include "base/json_gate.h"
#include "io/crypto.h"
#include "io/pseudonym.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* What was read keeps its promises, and comes back from the store as it went in. */
static void check_entity(const struct entity *e)
{
	CLEANUP(buf_release) struct buf json, again;
	struct entity back;

	buf_init(&json, 1 << 20);
	buf_init(&again, 1 << 20);
	must(entity_check(e) == ERR_OK);
	must(entity_write(e, &json) == ERR_OK);
	must(entity_read(buf_span(&json), &back) == ERR_OK);
	must(entity_write(&back, &again) == ERR_OK);
	must(span_eq(buf_span(&json), buf_span(&again)));
}

static const struct entity_rules *rules(void)
{
	static const uint8_t seed[PSEUDONYM_SEED_BYTES] = { 1 };
	static struct entity_rules r = { "travis-ci.com/repo-slug", "github.com/user-login", NULL };

	if (r.names == NULL && crypto_init() == ERR_OK)
		r.names = pseudonym_key_new(seed);
	return &r;
}

static void read_as_entity(struct span text, struct buf *room)
{
	struct entity e;

	if (json_gate(text, NULL, NULL) == ERR_OK &&
		entity_from_json(json_root(text), rules(), room, &e) == ERR_OK)
		check_entity(&e);
}

static void read_as_page(struct span text, struct buf *room)
{
	struct catalog *c = catalog_new();
	struct catalog_page page = { 0 };
	struct entity e;
	struct span ref;

	if (catalog_rest_page(text, rules(), room, c, &page) == ERR_OK)
		must(catalog_count(c) + page.skipped <= page.items);
	free(page.cursor);
	for (size_t i = 0; catalog_at(c, i, &e); i++) {
		check_entity(&e);
		must(catalog_get(c, e.ref, &e));
		for (size_t k = 0; k < e.aliases; k++)
			must(catalog_user(c, e.alias[k], &ref) || catalog_shared_aliases(c) > 0);
		must(e.slug.n == 0 || catalog_find(c, e.slug, &e, 1) > 0);
	}
	catalog_free(c);
}

static void read_as_found(struct span text, struct buf *room)
{
	const struct span refs[] = { SPAN("component:default/parcel-api"),
		SPAN("user:default/bob") };
	enum catalog_fate fate[ARRAY_SIZE(refs)];
	struct catalog *c = catalog_new();
	struct entity e;

	if (catalog_rest_found(text, rules(), room, refs, 2, c, fate) == ERR_OK) {
		for (size_t i = 0; i < ARRAY_SIZE(refs); i++)
			must(catalog_get(c, refs[i], &e) == (fate[i] == CATALOG_FOUND));
	}
	catalog_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(buf_release) struct buf room;
	struct span text = { (const char *)data, len };

	buf_init(&room, ENTITY_ROOM);
	read_as_entity(text, &room);
	read_as_page(text, &room);
	read_as_found(text, &room);
	return 0;
}
