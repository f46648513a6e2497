/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/entity_json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/pseudonym.h"

/* A text with escapes that is longer than that cannot be one that is kept. */
#define ESCAPED_MAX (6 * ENTITY_TEXT_MAX + 2)

struct entity_rules entity_rules_copy(const struct entity_rules *rules)
{
	return (struct entity_rules){
		.repository = xstrdup(rules->repository),
		.login = rules->login == NULL ? NULL : xstrdup(rules->login),
		.names = rules->names,
	};
}

void entity_rules_release(struct entity_rules *rules)
{
	free((char *)(uintptr_t)rules->repository);
	free((char *)(uintptr_t)rules->login);
}

static bool list_has(const struct span *list, size_t n, struct span text)
{
	for (size_t i = 0; i < n; i++) {
		if (span_eq(list[i], text))
			return true;
	}
	return false;
}

/* False if text is none, is there already or finds no place. */
static bool list_add(struct span *list, size_t *n, struct span text)
{
	if (text.n == 0 || *n == ENTITY_LINKS_MAX || list_has(list, *n, text))
		return false;
	list[(*n)++] = text;
	return true;
}

/* The members of an object, by the order of their names; nulls where there are none. */
static void take_members(
	struct json_value object, const char *const *name, struct json_value *v, size_t n)
{
	struct json_iter it = json_iter(object);
	struct json_value member;
	struct span found;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct json_value){ JSON_NULL, { NULL, 0 } };
	while (object.type == JSON_OBJECT && json_next_member(&it, &found, &member)) {
		for (size_t i = 0; i < n; i++) {
			if (json_name_is(found, name[i]))
				v[i] = member;
		}
	}
}

/* A string's characters, in room if it has escapes; nothing if it is none or too long. */
static struct span text_of(struct json_value v, struct buf *room)
{
	size_t start = room->len;
	struct span text;

	if (json_plain(v, &text) == ERR_OK)
		return text;
	if (v.type != JSON_STRING || v.text.n > ESCAPED_MAX || json_string(v, room) != ERR_OK)
		return (struct span){ 0 };
	return (struct span){ room->data + start, room->len - start };
}

/* A text, or nothing if it could not be kept. */
static struct span plain_text(struct json_value v, struct buf *room)
{
	struct span text = text_of(v, room);

	return entity_text_is_plain(text) ? text : (struct span){ 0 };
}

static void room_cut(struct buf *room, size_t len)
{
	room->len = len;
	room->data[len] = '\0';
}

/* The ref that was just appended to room; nothing if that failed. */
static struct span ref_since(const struct buf *room, size_t start, enum err e)
{
	if (e != ERR_OK)
		return (struct span){ 0 };
	return (struct span){ room->data + start, room->len - start };
}

/* The ref of an object with kind, namespace and name. */
static struct span ref_of_parts(
	struct json_value kind, struct json_value space, struct json_value name, struct buf *room)
{
	struct span k = text_of(kind, room), n = text_of(name, room);
	struct span s = space.type == JSON_STRING ? text_of(space, room) : SPAN("default");
	char text[ENTITY_TEXT_MAX + 1];
	size_t start = room->len;
	int len;

	if (k.n + s.n + n.n > ENTITY_TEXT_MAX)
		return (struct span){ 0 };
	len = snprintf(
		text, sizeof(text), "%.*s:%.*s/%.*s", SPAN_ARGS(k), SPAN_ARGS(s), SPAN_ARGS(n));
	if (len < 0 || (size_t)len >= sizeof(text))
		return (struct span){ 0 };
	return ref_since(room, start, entity_ref_parse(span_of(text), NULL, room));
}

static struct span ref_of_target(struct json_value target, struct buf *room)
{
	static const char *const names[] = { "kind", "namespace", "name" };
	struct json_value v[ARRAY_SIZE(names)];

	take_members(target, names, v, ARRAY_SIZE(names));
	return ref_of_parts(v[0], v[1], v[2], room);
}

static struct span ref_of_text(struct span text, struct buf *room)
{
	size_t start = room->len;

	return ref_since(room, start, entity_ref_parse(text, NULL, room));
}

static bool take_system(struct span target, struct entity *e)
{
	if (e->system.n > 0 || !span_is(entity_ref_kind(target), "system"))
		return false;
	e->system = target;
	return true;
}

/* The others are many: a group has one for each entity that it owns. */
static bool relation_counts(struct span type)
{
	return span_is(type, "ownedBy") || span_is(type, "childOf") || span_is(type, "memberOf") ||
	       span_is(type, "partOf");
}

static bool take_relation(struct span type, struct span target, struct entity *e)
{
	if (span_is(type, "ownedBy"))
		return list_add(e->owner, &e->owners, target);
	if (span_is(type, "childOf") || span_is(type, "memberOf"))
		return list_add(e->parent, &e->parents, target);
	return span_is(type, "partOf") && take_system(target, e);
}

/* Keeps in room what was taken and nothing else, so that it cannot run over. */
static void read_relation(struct json_value relation, struct buf *room, struct entity *e)
{
	static const char *const names[] = { "type", "targetRef", "target" };
	struct json_value v[ARRAY_SIZE(names)];
	size_t start = room->len;
	struct span type, target;

	take_members(relation, names, v, ARRAY_SIZE(names));
	type = text_of(v[0], room);
	if (!relation_counts(type))
		target = (struct span){ 0 };
	else if (v[1].type == JSON_STRING)
		target = ref_of_text(text_of(v[1], room), room);
	else
		target = ref_of_target(v[2], room);
	if (!take_relation(type, target, e))
		room_cut(room, start);
}

static void read_relations(struct json_value relations, struct buf *room, struct entity *e)
{
	struct json_iter it = json_iter(relations);
	struct json_value v;

	while (relations.type == JSON_ARRAY && json_next_element(&it, &v))
		read_relation(v, room, e);
}

static void read_tags(struct json_value tags, struct buf *room, struct entity *e)
{
	struct json_iter it = json_iter(tags);
	struct json_value v;

	while (tags.type == JSON_ARRAY && json_next_element(&it, &v)) {
		size_t start = room->len;

		if (!list_add(e->tag, &e->tags, plain_text(v, room)))
			room_cut(room, start);
	}
}

static void add_alias(const char *digest, struct buf *room, struct entity *e)
{
	size_t start = room->len;
	struct span alias = ref_since(room, start, buf_add_str(room, digest));

	if (e->aliases < ENTITY_ALIASES_MAX && !list_has(e->alias, e->aliases, alias))
		e->alias[e->aliases++] = alias;
}

/* What commits may call a user: its address and its login. */
static void read_aliases(struct span mail, struct span login, const struct entity_rules *rules,
	struct buf *room, struct entity *e)
{
	char digest[PSEUDONYM_MAX];

	if (rules->names == NULL || !span_is(entity_ref_kind(e->ref), "user"))
		return;
	if (pseudonym_of_mail(rules->names, mail, digest))
		add_alias(digest, room, e);
	if (pseudonym_of_login(rules->names, login, digest))
		add_alias(digest, room, e);
}

static void read_annotations(struct json_value annotations, const struct entity_rules *rules,
	struct buf *room, struct entity *e)
{
	const char *const names[] = { rules->repository, "backstage.io/orphan" };
	struct json_value v[ARRAY_SIZE(names)];
	struct span slug;

	take_members(annotations, names, v, ARRAY_SIZE(names));
	slug = plain_text(v[0], room);
	if (entity_slug_is_valid(slug))
		e->slug = slug;
	e->orphan = span_is(plain_text(v[1], room), "true");
}

static struct span login_of(
	struct json_value annotations, const struct entity_rules *rules, struct buf *room)
{
	struct json_value v;

	if (rules->login == NULL || !json_get(annotations, rules->login, &v))
		return (struct span){ 0 };
	return text_of(v, room);
}

static struct span mail_of(struct json_value profile, struct buf *room)
{
	struct json_value v;

	return json_get(profile, "email", &v) ? text_of(v, room) : (struct span){ 0 };
}

static void read_spec(struct json_value type, struct json_value lifecycle, struct json_value system,
	struct buf *room, struct entity *e)
{
	struct span text = text_of(system, room);

	e->type = plain_text(type, room);
	e->lifecycle = plain_text(lifecycle, room);
	if (e->system.n == 0 && text.n > 0) {
		size_t start = room->len;

		e->system = ref_since(room, start,
			entity_ref_resolve(text, "system", entity_ref_namespace(e->ref), room));
	}
}

/* The members that are looked at, where they stand. */
enum member {
	META_NAMESPACE,
	META_NAME,
	META_UID,
	META_ETAG,
	META_ANNOTATIONS,
	META_TAGS,
	META_MEMBERS,
	SPEC_TYPE = 0,
	SPEC_LIFECYCLE,
	SPEC_SYSTEM,
	SPEC_PROFILE,
	SPEC_MEMBERS,
	TOP_KIND = 0,
	TOP_METADATA,
	TOP_RELATIONS,
	TOP_SPEC,
	TOP_MEMBERS,
};

static const char *const meta_names[META_MEMBERS] = { "namespace", "name", "uid", "etag",
	"annotations", "tags" };
static const char *const spec_names[SPEC_MEMBERS] = { "type", "lifecycle", "system", "profile" };
static const char *const top_names[TOP_MEMBERS] = { "kind", "metadata", "relations", "spec" };

enum err entity_from_json(
	struct json_value o, const struct entity_rules *rules, struct buf *room, struct entity *e)
{
	struct json_value top[TOP_MEMBERS], meta[META_MEMBERS], spec[SPEC_MEMBERS];
	struct entity read = { 0 };

	buf_clear(room);
	/* All of it now: spans into room must not move. */
	if (buf_room(room, ENTITY_ROOM) == NULL)
		return ERR_LIMIT;
	take_members(o, top_names, top, TOP_MEMBERS);
	take_members(top[TOP_METADATA], meta_names, meta, META_MEMBERS);
	take_members(top[TOP_SPEC], spec_names, spec, SPEC_MEMBERS);
	read.ref = ref_of_parts(top[TOP_KIND], meta[META_NAMESPACE], meta[META_NAME], room);
	if (read.ref.n == 0)
		return ERR_PARSE;
	read.uid = plain_text(meta[META_UID], room);
	read.etag = plain_text(meta[META_ETAG], room);
	read_annotations(meta[META_ANNOTATIONS], rules, room, &read);
	read_tags(meta[META_TAGS], room, &read);
	read_relations(top[TOP_RELATIONS], room, &read);
	read_spec(spec[SPEC_TYPE], spec[SPEC_LIFECYCLE], spec[SPEC_SYSTEM], room, &read);
	read_aliases(mail_of(spec[SPEC_PROFILE], room),
		login_of(meta[META_ANNOTATIONS], rules, room), rules, room, &read);
	*e = read;
	return ERR_OK;
}

bool entity_is_wanted(const struct entity *e)
{
	struct span kind = entity_ref_kind(e->ref);

	return e->slug.n > 0 || span_is(kind, "group") || span_is(kind, "user");
}
