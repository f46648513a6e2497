/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_rest.h"

#include <stdlib.h>

#include "backstage/entity_json.h"
#include "base/codec.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "io/json.h"

/*
 * A document costs json-c up to 800 bytes a value. An entity takes some 30
 * values and three for each relation, of which a large group has thousands.
 */
static const struct json_limits answer_limits = { .depth = 32, .values = 250000 };

/* Of a look-up's answer, whose entities are taken one by one: no tree holds it all. */
static const struct json_limits lookup_limits = { .depth = 32, .values = 2000000 };

/* One longer than this would not fit into a request's head. */
#define CURSOR_MAX 4096

/* All that entity_from_json() reads; the annotations of the rules come on top. */
static const char *const fields[] = {
	"kind",
	"metadata.name",
	"metadata.namespace",
	"metadata.uid",
	"metadata.etag",
	"metadata.tags",
	"metadata.annotations.backstage.io/orphan",
	"spec.type",
	"spec.lifecycle",
	"spec.system",
	"relations",
};

#define FIELD_MAIL "spec.profile.email"

static void jdoc_freep(struct json_object **o)
{
	jdoc_free(*o);
}

static enum err add_encoded(struct buf *path, const char *name, struct span value)
{
	enum err e = buf_add_str(path, name);

	return e == ERR_OK ? url_encode(value, path) : e;
}

/* Groups and users come along, because owners are looked up among them. */
static enum err add_filters(struct buf *path, struct span annotated)
{
	enum err e = add_encoded(path, "filter=", annotated);

	return e == ERR_OK ? buf_add_str(path, "&filter=kind%3Dgroup&filter=kind%3Duser") : e;
}

enum err catalog_rest_list(
	const struct entity_rules *rules, unsigned limit, const char *cursor, struct buf *path)
{
	CLEANUP(buf_release) struct buf annotated;
	enum err e;

	buf_init(&annotated, 1024);
	e = buf_addf(&annotated, "metadata.annotations.%s", rules->repository);
	if (e == ERR_OK)
		e = buf_add_str(path, "/api/catalog/entities/by-query?");
	if (e == ERR_OK && cursor == NULL)
		e = add_filters(path, buf_span(&annotated));
	else if (e == ERR_OK)
		e = add_encoded(path, "cursor=", span_of(cursor)); /* it holds the filters */
	if (e == ERR_OK)
		e = add_encoded(path, "&fields=", buf_span(&annotated));
	for (size_t i = 0; e == ERR_OK && i < ARRAY_SIZE(fields); i++)
		e = buf_addf(path, ",%s", fields[i]);
	if (e == ERR_OK && rules->names != NULL)
		e = buf_add_str(path, "," FIELD_MAIL);
	if (e == ERR_OK && rules->names != NULL && rules->login != NULL)
		e = buf_addf(path, ",metadata.annotations.%s", rules->login);
	return e == ERR_OK ? buf_addf(path, "&limit=%u", limit) : e;
}

/* Take the next page's cursor; false if it is none that can be used. */
static bool take_cursor(struct json_object *root, struct catalog_page *page)
{
	struct json_object *info = jdoc_member(root, "pageInfo");
	struct json_object *next = jdoc_member(info, "nextCursor");
	const char *cursor = jdoc_text(next);

	if (info == NULL || (next != NULL && cursor == NULL))
		return false;
	if (cursor == NULL || *cursor == '\0')
		return true;
	if (strlen(cursor) > CURSOR_MAX)
		return false;
	page->cursor = xstrdup(cursor);
	return true;
}

/* Add one entity if it can be kept; only a full builder is an error. */
static enum err add_item(struct json_object *o, const struct entity_rules *rules, struct buf *room,
	struct catalog_builder *b, size_t *skipped)
{
	struct entity e;

	if (entity_from_json(o, rules, room, &e) == ERR_OK && entity_is_wanted(&e))
		return catalog_builder_add(b, &e);
	++*skipped;
	return ERR_OK;
}

enum err catalog_rest_page(struct span answer, const struct entity_rules *rules, struct buf *room,
	struct catalog_builder *b, struct catalog_page *page)
{
	CLEANUP(jdoc_freep) struct json_object *root = NULL;
	struct catalog_page read = { 0 };
	struct json_object *items;
	enum err e;

	e = jdoc_parse(answer, &answer_limits, &root);
	if (e != ERR_OK)
		return e;
	items = jdoc_member(root, "items");
	if (!jdoc_is_array(items) || !take_cursor(root, &read))
		return ERR_PARSE;
	read.items = jdoc_count(items);
	for (size_t i = 0; e == ERR_OK && i < read.items; i++)
		e = add_item(jdoc_at(items, i), rules, room, b, &read.skipped);
	if (e != ERR_OK) {
		free(read.cursor);
		return e;
	}
	*page = read;
	return ERR_OK;
}

static void put_login_field(struct json_writer *w, const char *login)
{
	CLEANUP(buf_release) struct buf field;

	buf_init(&field, 1024);
	if (buf_addf(&field, "metadata.annotations.%s", login) == ERR_OK)
		json_put_span(w, buf_span(&field));
}

enum err catalog_rest_lookup(
	const struct span *refs, size_t n, const struct entity_rules *rules, struct buf *body)
{
	CLEANUP(buf_release) struct buf annotated;
	struct json_writer w;
	enum err e;

	buf_init(&annotated, 1024);
	e = buf_addf(&annotated, "metadata.annotations.%s", rules->repository);
	if (e != ERR_OK)
		return e;
	json_writer_init(&w, body);
	json_object_begin(&w);
	json_key(&w, "entityRefs");
	json_array_begin(&w);
	for (size_t i = 0; i < n; i++)
		json_put_span(&w, refs[i]);
	json_array_end(&w);
	json_key(&w, "fields");
	json_array_begin(&w);
	json_put_span(&w, buf_span(&annotated));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_put_str(&w, fields[i]);
	if (rules->names != NULL)
		json_put_str(&w, FIELD_MAIL);
	if (rules->names != NULL && rules->login != NULL)
		put_login_field(&w, rules->login);
	json_array_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

/* One entity that is there: as it is now, or as it was if that cannot be read. */
static enum err add_found(struct span item, const struct entity_rules *rules, struct buf *room,
	const struct catalog *known, struct span ref, struct catalog_builder *b)
{
	CLEANUP(jdoc_freep) struct json_object *o = NULL;
	struct entity e;

	if (jdoc_parse(item, &answer_limits, &o) == ERR_OK &&
		entity_from_json(o, rules, room, &e) == ERR_OK && span_eq(e.ref, ref))
		return entity_is_wanted(&e) ? catalog_builder_add(b, &e) : ERR_OK;
	if (known != NULL && catalog_get(known, ref, &e))
		return catalog_builder_add(b, &e);
	return ERR_OK;
}

static size_t count_elements(struct json_value array)
{
	struct json_iter it = json_iter(array);
	struct json_value item;
	size_t n = 0;

	while (json_next_element(&it, &item))
		n++;
	return n;
}

enum err catalog_rest_found(struct span answer, const struct entity_rules *rules, struct buf *room,
	const struct catalog *known, const struct span *refs, size_t n, struct catalog_builder *b)
{
	enum err e = json_gate(answer, &lookup_limits, NULL);
	struct json_value items, item;
	struct json_iter it;

	if (e != ERR_OK)
		return e;
	if (!json_get(json_root(answer), "items", &items) || items.type != JSON_ARRAY ||
		count_elements(items) != n)
		return ERR_PARSE;
	it = json_iter(items);
	for (size_t i = 0; e == ERR_OK && json_next_element(&it, &item); i++) {
		if (item.type != JSON_NULL)
			e = add_found(item.text, rules, room, known, refs[i], b);
	}
	return e;
}
