/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/entity_json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/json.h"
#include "io/pseudonym.h"

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
static bool list_add(struct span *list, size_t *n, size_t max, struct span text)
{
	if (text.n == 0 || *n == max || list_has(list, *n, text))
		return false;
	list[(*n)++] = text;
	return true;
}

/* A text, or nothing if it could not be kept. */
static struct span plain_text(struct json_object *o)
{
	struct span text = span_of(jdoc_text(o));

	return entity_text_is_plain(text) ? text : (struct span){ 0 };
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
	struct json_object *kind, struct json_object *named, struct buf *room)
{
	const char *k = jdoc_text(kind);
	const char *space = jdoc_text(jdoc_member(named, "namespace"));
	const char *name = jdoc_text(jdoc_member(named, "name"));
	char text[ENTITY_TEXT_MAX + 1];
	size_t start = room->len;
	int n;

	if (k == NULL || name == NULL)
		return (struct span){ 0 };
	n = snprintf(text, sizeof(text), "%s:%s/%s", k, space == NULL ? "default" : space, name);
	if (n < 0 || (size_t)n >= sizeof(text))
		return (struct span){ 0 };
	return ref_since(room, start, entity_ref_parse(span_of(text), NULL, room));
}

static struct span relation_target(struct json_object *relation, struct buf *room)
{
	const char *ref = jdoc_text(jdoc_member(relation, "targetRef"));
	struct json_object *target = jdoc_member(relation, "target");
	size_t start = room->len;

	if (ref == NULL)
		return ref_of_parts(jdoc_member(target, "kind"), target, room);
	return ref_since(room, start, entity_ref_parse(span_of(ref), NULL, room));
}

static bool take_system(struct span target, struct entity *e)
{
	if (e->system.n > 0 || !span_is(entity_ref_kind(target), "system"))
		return false;
	e->system = target;
	return true;
}

static bool take_relation(struct span type, struct span target, struct entity *e)
{
	if (span_is(type, "ownedBy"))
		return list_add(e->owner, &e->owners, ENTITY_LINKS_MAX, target);
	if (span_is(type, "childOf") || span_is(type, "memberOf"))
		return list_add(e->parent, &e->parents, ENTITY_LINKS_MAX, target);
	return span_is(type, "partOf") && take_system(target, e);
}

/* Keeps in room what was taken and nothing else, so that it cannot run over. */
static void read_relation(struct json_object *relation, struct buf *room, struct entity *e)
{
	struct span type = span_of(jdoc_text(jdoc_member(relation, "type")));
	size_t start = room->len;

	if (take_relation(type, relation_target(relation, room), e))
		return;
	room->len = start;
	room->data[start] = '\0';
}

static void read_metadata(
	struct json_object *metadata, const struct entity_rules *rules, struct entity *e)
{
	struct json_object *annotations = jdoc_member(metadata, "annotations");
	struct json_object *tags = jdoc_member(metadata, "tags");
	struct span slug = plain_text(jdoc_member(annotations, rules->repository));

	e->uid = plain_text(jdoc_member(metadata, "uid"));
	e->etag = plain_text(jdoc_member(metadata, "etag"));
	if (entity_slug_is_valid(slug))
		e->slug = slug;
	e->orphan = span_is(plain_text(jdoc_member(annotations, "backstage.io/orphan")), "true");
	for (size_t i = 0; i < jdoc_count(tags); i++)
		IGNORE(list_add(e->tag, &e->tags, ENTITY_LINKS_MAX, plain_text(jdoc_at(tags, i))));
}

static void read_spec(struct json_object *spec, struct buf *room, struct entity *e)
{
	struct span system = span_of(jdoc_text(jdoc_member(spec, "system")));
	size_t start = room->len;

	e->type = plain_text(jdoc_member(spec, "type"));
	e->lifecycle = plain_text(jdoc_member(spec, "lifecycle"));
	if (e->system.n == 0 && system.n > 0)
		e->system = ref_since(room, start,
			entity_ref_resolve(system, "system", entity_ref_namespace(e->ref), room));
}

static void add_alias(const char *digest, struct buf *room, struct entity *e)
{
	size_t start = room->len;
	struct span alias = ref_since(room, start, buf_add_str(room, digest));

	IGNORE(!list_add(e->alias, &e->aliases, ENTITY_ALIASES_MAX, alias));
}

/* What commits may call a user: its address and its login. */
static void read_aliases(struct json_object *metadata, struct json_object *spec,
	const struct entity_rules *rules, struct buf *room, struct entity *e)
{
	struct json_object *annotations = jdoc_member(metadata, "annotations");
	const char *mail = jdoc_text(jdoc_member(jdoc_member(spec, "profile"), "email"));
	const char *login =
		rules->login == NULL ? NULL : jdoc_text(jdoc_member(annotations, rules->login));
	char digest[PSEUDONYM_MAX];

	if (rules->names == NULL || !span_is(entity_ref_kind(e->ref), "user"))
		return;
	if (pseudonym_of_mail(rules->names, span_of(mail), digest))
		add_alias(digest, room, e);
	if (pseudonym_of_login(rules->names, span_of(login), digest))
		add_alias(digest, room, e);
}

enum err entity_from_json(
	struct json_object *o, const struct entity_rules *rules, struct buf *room, struct entity *e)
{
	struct json_object *metadata = jdoc_member(o, "metadata");
	struct json_object *relations = jdoc_member(o, "relations");
	struct entity read = { 0 };

	buf_clear(room);
	/* All of it now: spans into room must not move. */
	if (buf_room(room, ENTITY_ROOM) == NULL)
		return ERR_LIMIT;
	read.ref = ref_of_parts(jdoc_member(o, "kind"), metadata, room);
	if (read.ref.n == 0)
		return ERR_PARSE;
	read_metadata(metadata, rules, &read);
	for (size_t i = 0; i < jdoc_count(relations); i++)
		read_relation(jdoc_at(relations, i), room, &read);
	read_spec(jdoc_member(o, "spec"), room, &read);
	read_aliases(metadata, jdoc_member(o, "spec"), rules, room, &read);
	*e = read;
	return ERR_OK;
}

bool entity_is_wanted(const struct entity *e)
{
	struct span kind = entity_ref_kind(e->ref);

	return e->slug.n > 0 || span_is(kind, "group") || span_is(kind, "user");
}
