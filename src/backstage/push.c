/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/push.h"

#include "backstage/hint.h"
#include "base/buf.h"
#include "base/json_gate.h"
#include "model/entity.h"

/* Whole entities by the dozen, each with its relations. */
static const struct json_limits body_limits = { .depth = 64, .values = 1000000 };

struct reading {
	const struct push_taker *taker;
	struct push_tally *tally;
	struct buf text, ref;
};

static void tell(struct reading *r, struct span ref, struct span uid, struct span etag)
{
	const struct push_entity e = { .ref = ref, .uid = uid, .etag = etag };

	r->tally->entities++;
	r->taker->on_entity(r->taker->ctx, &e);
}

/* The member's characters behind what text holds; false if it is no string, or too long. */
static bool add_text(struct reading *r, struct json_value object, const char *member)
{
	struct json_value v;

	return json_get(object, member, &v) && json_string(v, &r->text) == ERR_OK;
}

static struct span plain_member(struct json_value object, const char *member)
{
	struct json_value v;
	struct span text;

	return json_get(object, member, &v) && json_plain(v, &text) == ERR_OK ? text
									      : (struct span){ 0 };
}

/* "Kind:namespace/name", and canonical in ref. */
static bool ref_of_entity(struct reading *r, struct json_value entity, struct json_value metadata)
{
	struct json_value space;

	buf_clear(&r->text);
	buf_clear(&r->ref);
	if (!add_text(r, entity, "kind") || buf_add_str(&r->text, ":") != ERR_OK)
		return false;
	if (!json_get(metadata, "namespace", &space)) {
		if (buf_add_str(&r->text, "default") != ERR_OK)
			return false;
	} else if (json_string(space, &r->text) != ERR_OK) {
		return false;
	}
	return buf_add_str(&r->text, "/") == ERR_OK && add_text(r, metadata, "name") &&
	       entity_ref_parse(buf_span(&r->text), NULL, &r->ref) == ERR_OK &&
	       entity_ref_is_canonical(buf_span(&r->ref));
}

static void take_entity(struct reading *r, struct json_value entity)
{
	struct json_value metadata;

	if (json_get(entity, "metadata", &metadata) && ref_of_entity(r, entity, metadata))
		tell(r, buf_span(&r->ref), plain_member(metadata, "uid"),
			plain_member(metadata, "etag"));
	else
		r->tally->whole = true;
}

static void on_ref(void *ctx, struct span ref, bool repeats)
{
	(void)repeats;
	tell(ctx, ref, (struct span){ 0 }, (struct span){ 0 });
}

static void take_hint(struct reading *r, struct json_value root)
{
	const struct hint_taker taker = { .on_ref = on_ref, .ctx = r };
	struct hint_tally tally = { 0 };

	hint_read_payload(root, &taker, &tally);
	r->tally->whole |= tally.whole;
}

static void take_root(struct reading *r, struct json_value root)
{
	struct json_value list, entity;
	struct json_iter it;

	if (json_get(root, "entities", &list) && list.type == JSON_ARRAY) {
		it = json_iter(list);
		while (json_next_element(&it, &entity))
			take_entity(r, entity);
		return;
	}
	if (json_get(root, "entity", &entity) && entity.type == JSON_OBJECT)
		take_entity(r, entity);
	else
		take_hint(r, root);
}

enum err push_read(struct span body, const struct push_taker *taker, struct push_tally *tally,
	const char **why)
{
	struct push_tally told = { 0 };
	struct reading r = { .taker = taker, .tally = &told };
	enum err e = json_gate(body, &body_limits, NULL);

	if (e != ERR_OK) {
		*why = e == ERR_LIMIT ? "The JSON has more values or is deeper than is read."
				      : "The body is no JSON, or has a member twice.";
		return e;
	}
	if (json_root(body).type != JSON_OBJECT) {
		*why = "The body is no JSON object.";
		return ERR_PARSE;
	}
	buf_init(&r.text, 3 * ENTITY_TEXT_MAX);
	buf_init(&r.ref, ENTITY_TEXT_MAX);
	take_root(&r, json_root(body));
	buf_release(&r.text);
	buf_release(&r.ref);
	*tally = told;
	return ERR_OK;
}
