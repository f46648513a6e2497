/* SPDX-License-Identifier: Apache-2.0 */
#include "model/entity.h"

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

/* A ref's parts where they stand; kind and namespace are empty if left out. */
struct ref_parts {
	struct span kind, space, name;
	bool kinded, spaced;
};

/* Split as Backstage does: a colon behind the slash belongs to the name. */
static struct ref_parts ref_split(struct span text)
{
	const char *end = text.p + text.n;
	const char *slash = text.n == 0 ? NULL : memchr(text.p, '/', text.n);
	const char *colon = text.n == 0 ? NULL : memchr(text.p, ':', text.n);
	const char *p = text.p;
	struct ref_parts r = { 0 };

	if (colon != NULL && (slash == NULL || colon < slash)) {
		r.kinded = true;
		r.kind = (struct span){ p, (size_t)(colon - p) };
		p = colon + 1;
	}
	if (slash != NULL) {
		r.spaced = true;
		r.space = (struct span){ p, (size_t)(slash - p) };
		p = slash + 1;
	}
	r.name = (struct span){ p, (size_t)(end - p) };
	return r;
}

/*
 * Backstage's own rules for names are narrower, but each of them can be replaced
 * by an installation; what cannot be told apart in a ref, a URL or JSON is refused.
 */
static bool ref_part_is_good(struct span part)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"\\:/?#", c) != NULL)
			return false;
	}
	return part.n > 0;
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

struct span entity_ref_kind(struct span ref)
{
	struct ref_parts r = ref_split(ref);

	return r.kinded && r.spaced ? r.kind : (struct span){ 0 };
}

struct span entity_ref_namespace(struct span ref)
{
	struct ref_parts r = ref_split(ref);

	return r.kinded && r.spaced ? r.space : (struct span){ 0 };
}

struct span entity_ref_name(struct span ref)
{
	struct ref_parts r = ref_split(ref);

	return r.kinded && r.spaced ? r.name : (struct span){ 0 };
}

static bool ref_parts_are_good(const struct ref_parts *r)
{
	return (!r->kinded || ref_part_is_good(r->kind)) &&
	       (!r->spaced || ref_part_is_good(r->space)) && ref_part_is_good(r->name);
}

bool entity_ref_is_canonical(struct span ref)
{
	struct ref_parts r = ref_split(ref);

	if (!r.kinded || !r.spaced || !ref_parts_are_good(&r) || ref.n > ENTITY_TEXT_MAX)
		return false;
	for (size_t i = 0; i < ref.n; i++) {
		if (is_upper(ref.p[i]))
			return false;
	}
	return true;
}

enum err entity_ref_parse(struct span text, const char *kind, struct buf *out)
{
	return entity_ref_resolve(text, kind, SPAN("default"), out);
}

enum err entity_ref_resolve(struct span text, const char *kind, struct span space, struct buf *out)
{
	struct ref_parts r = ref_split(text);
	char ref[ENTITY_TEXT_MAX];
	size_t n = 0;

	if (!r.kinded) {
		if (kind == NULL)
			return ERR_PARSE;
		r.kind = span_of(kind);
	}
	if (!r.spaced)
		r.space = space;
	if (!ref_parts_are_good(&r) || r.kind.n + r.space.n + r.name.n + 2 > sizeof(ref))
		return ERR_PARSE;
	n += span_lower(r.kind, ref + n, r.kind.n).n;
	ref[n++] = ':';
	n += span_lower(r.space, ref + n, r.space.n).n;
	ref[n++] = '/';
	n += span_lower(r.name, ref + n, r.name.n).n;
	return buf_add(out, ref, n);
}

bool entity_text_is_plain(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f || c == '"' || c == '\\')
			return false;
	}
	return text.n <= ENTITY_TEXT_MAX && utf8_is_valid(text);
}

bool entity_slug_is_valid(struct span slug)
{
	bool slash = true; /* the start is as good as one: no part may be empty */
	size_t slashes = 0;

	for (size_t i = 0; i < slug.n; i++) {
		if (slug.p[i] == ' ' || (slash && slug.p[i] == '/'))
			return false;
		slash = slug.p[i] == '/';
		slashes += slash;
	}
	return slashes > 0 && !slash && entity_text_is_plain(slug);
}

static bool list_is_plain(const struct span *list, size_t n, size_t max)
{
	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!entity_text_is_plain(list[i]))
			return false;
	}
	return true;
}

enum err entity_check(const struct entity *e)
{
	const struct span text[] = { e->uid, e->etag, e->slug, e->type, e->lifecycle, e->system };

	if (!entity_ref_is_canonical(e->ref) ||
		!list_is_plain(text, ARRAY_SIZE(text), ARRAY_SIZE(text)) ||
		!list_is_plain(e->owner, e->owners, ENTITY_LINKS_MAX) ||
		!list_is_plain(e->parent, e->parents, ENTITY_LINKS_MAX) ||
		!list_is_plain(e->tag, e->tags, ENTITY_LINKS_MAX) ||
		!list_is_plain(e->alias, e->aliases, ENTITY_ALIASES_MAX))
		return ERR_PARSE;
	return ERR_OK;
}

static void write_list(struct json_writer *w, const char *key, const struct span *list, size_t n)
{
	if (n == 0)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_span(w, list[i]);
	json_array_end(w);
}

enum err entity_write(const struct entity *e, struct buf *out)
{
	struct json_writer w;
	enum err err = entity_check(e);

	if (err != ERR_OK)
		return err;
	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_span(&w, "ref", e->ref);
	json_member_opt(&w, "uid", e->uid);
	json_member_opt(&w, "etag", e->etag);
	json_member_opt(&w, "slug", e->slug);
	json_member_opt(&w, "type", e->type);
	json_member_opt(&w, "lifecycle", e->lifecycle);
	json_member_opt(&w, "system", e->system);
	if (e->orphan)
		json_member_bool(&w, "orphan", true);
	write_list(&w, "owners", e->owner, e->owners);
	write_list(&w, "parents", e->parent, e->parents);
	write_list(&w, "tags", e->tag, e->tags);
	write_list(&w, "aliases", e->alias, e->aliases);
	json_object_end(&w);
	return json_done(&w);
}

static enum err read_list(struct json_value v, struct span *list, size_t max, size_t *n)
{
	struct json_iter it = json_iter(v);
	struct json_value item;

	if (v.type != JSON_ARRAY)
		return ERR_PARSE;
	for (*n = 0; json_next_element(&it, &item); (*n)++) {
		if (*n == max || json_plain(item, &list[*n]) != ERR_OK)
			return ERR_PARSE;
	}
	return ERR_OK;
}

/* Members that a later version may have added are passed over. */
static enum err read_member(struct span name, struct json_value v, struct entity *e)
{
	const struct {
		const char *name;
		struct span *field;
	} text[] = {
		{ "ref", &e->ref },
		{ "uid", &e->uid },
		{ "etag", &e->etag },
		{ "slug", &e->slug },
		{ "type", &e->type },
		{ "lifecycle", &e->lifecycle },
		{ "system", &e->system },
	};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		if (json_name_is(name, text[i].name))
			return json_plain(v, text[i].field);
	}
	if (json_name_is(name, "orphan"))
		e->orphan = json_is_true(v);
	if (json_name_is(name, "owners"))
		return read_list(v, e->owner, ENTITY_LINKS_MAX, &e->owners);
	if (json_name_is(name, "parents"))
		return read_list(v, e->parent, ENTITY_LINKS_MAX, &e->parents);
	if (json_name_is(name, "tags"))
		return read_list(v, e->tag, ENTITY_LINKS_MAX, &e->tags);
	if (json_name_is(name, "aliases"))
		return read_list(v, e->alias, ENTITY_ALIASES_MAX, &e->aliases);
	return ERR_OK;
}

enum err entity_read(struct span json, struct entity *e)
{
	const struct json_limits limits = { .depth = 4, .values = 4 * ENTITY_LINKS_MAX };
	struct entity read = { 0 };
	struct json_value root, v;
	struct json_iter it;
	struct span name;

	if (json_gate(json, &limits, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(json);
	if (root.type != JSON_OBJECT)
		return ERR_PARSE;
	it = json_iter(root);
	while (json_next_member(&it, &name, &v)) {
		if (read_member(name, v, &read) != ERR_OK)
			return ERR_PARSE;
	}
	if (entity_check(&read) != ERR_OK)
		return ERR_PARSE;
	*e = read;
	return ERR_OK;
}
