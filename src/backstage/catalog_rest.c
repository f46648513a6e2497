/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_rest.h"

#include <stdlib.h>

#include "backstage/entity_json.h"
#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

/*
 * The gate takes some 16 bytes for a member. An entity has some 30 values and three
 * for each relation, of which a large group has thousands.
 */
static const struct json_limits answer_limits = { .depth = 32, .values = 2000000 };

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

static enum err answer_items(struct span answer, struct json_value *root, struct json_value *items)
{
	enum err e = json_gate(answer, &answer_limits, NULL);

	if (e != ERR_OK)
		return e;
	*root = json_root(answer);
	if (!json_get(*root, "items", items) || items->type != JSON_ARRAY)
		return ERR_PARSE;
	return ERR_OK;
}

/* Take the next page's cursor, if there is one; ERR_PARSE if it is none that can be used. */
static enum err take_cursor(struct json_value root, struct catalog_page *page)
{
	CLEANUP(buf_release) struct buf cursor;
	struct json_value info, next;
	enum err e;

	buf_init(&cursor, CURSOR_MAX);
	if (!json_get(root, "pageInfo", &info) || info.type != JSON_OBJECT)
		return ERR_PARSE;
	if (!json_get(info, "nextCursor", &next) || next.type == JSON_NULL)
		return ERR_OK;
	e = json_string(next, &cursor);
	if (e == ERR_OK && cursor.len > 0)
		page->cursor = buf_detach(&cursor);
	return e == ERR_OK ? ERR_OK : ERR_PARSE;
}

static void put_item(struct json_value o, const struct entity_rules *rules, struct buf *room,
	struct catalog *c, struct catalog_page *page)
{
	struct entity e;

	page->items++;
	if (entity_from_json(o, rules, room, &e) != ERR_OK || !entity_is_wanted(&e) ||
		catalog_put(c, &e) != ERR_OK)
		page->skipped++;
}

enum err catalog_rest_page(struct span answer, const struct entity_rules *rules, struct buf *room,
	struct catalog *c, struct catalog_page *page)
{
	struct catalog_page read = { 0 };
	struct json_value root, items, o;
	struct json_iter it;
	enum err e = answer_items(answer, &root, &items);

	if (e == ERR_OK)
		e = take_cursor(root, &read);
	if (e != ERR_OK)
		return e;
	it = json_iter(items);
	while (json_next_element(&it, &o))
		put_item(o, rules, room, c, &read);
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

static enum catalog_fate fate_of(struct json_value o, const struct entity_rules *rules,
	struct buf *room, struct span ref, struct catalog *c)
{
	struct entity e;

	if (o.type == JSON_NULL)
		return CATALOG_GONE;
	if (entity_from_json(o, rules, room, &e) != ERR_OK || !span_eq(e.ref, ref))
		return CATALOG_GARBLED;
	if (!entity_is_wanted(&e))
		return CATALOG_GONE;
	return catalog_put(c, &e) == ERR_OK ? CATALOG_FOUND : CATALOG_GARBLED;
}

enum err catalog_rest_found(struct span answer, const struct entity_rules *rules, struct buf *room,
	const struct span *refs, size_t n, struct catalog *c, enum catalog_fate *fate)
{
	struct json_value root, items, o;
	struct json_iter it;
	size_t i = 0;
	enum err e = answer_items(answer, &root, &items);

	if (e != ERR_OK)
		return e;
	it = json_iter(items);
	for (; json_next_element(&it, &o); i++) {
		if (i == n)
			return ERR_PARSE;
		fate[i] = fate_of(o, rules, room, refs[i], c);
	}
	return i == n ? ERR_OK : ERR_PARSE;
}
