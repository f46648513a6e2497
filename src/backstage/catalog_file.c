/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "io/pseudonym.h"
#include "io/yaml.h"

static const struct yaml_limits file_limits = {
	.bytes_max = 16 << 20,
	.nodes_max = 1000000,
	.depth_max = 32,
};

/* One file being read. Entities borrow from the YAML nodes and from refs. */
struct file {
	const char *path;
	const struct entity_rules *rules;
	struct yaml_node **docs;
	size_t count;
	struct entity *entity; /* as many as docs */
	struct map by_ref;     /* to entity */
	struct map refs;       /* canonical refs, to their own text */
	char **why;
};

static void file_release(struct file *f)
{
	struct span key;
	size_t at = 0;
	void *ref;

	while (map_next(&f->refs, &at, &key, &ref))
		free(ref);
	map_release(&f->refs);
	map_release(&f->by_ref);
	free(f->entity);
	yaml_free_all(f->docs, f->count);
}

static PRINTF(3, 4) enum err
	file_error(struct file *f, const struct yaml_node *at, const char *fmt, ...)
{
	char text[LOG_QUOTE_MAX + 128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = asprintf(f->why, "%s:%u:%u: %s", f->path, at->line, at->column, text);
	if (n < 0)
		abort();
	return ERR_PARSE;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters and digits, and some other characters but at the ends; as Backstage has it. */
static bool name_is_valid(const char *name, const char *others)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		bool end = i == 0 || i == n - 1;

		if (!is_alnum(name[i]) && (end || strchr(others, name[i]) == NULL))
			return false;
	}
	return n > 0 && n <= 63;
}

static bool node_is_null(const struct yaml_node *n)
{
	return n == NULL || yaml_is_null(n);
}

/* Take the text under a key; nothing if there is none. */
static enum err take_text(
	struct file *f, const struct yaml_node *map, const char *key, struct span *text)
{
	const struct yaml_node *n = yaml_get(map, key);

	if (node_is_null(n))
		return ERR_OK;
	if (n->type != YAML_SCALAR)
		return file_error(f, n, "%s must be a text", key);
	if (!entity_text_is_plain(span_of(n->text)))
		return file_error(f, n,
			"%s is too long, or has quotes, backslashes or control characters", key);
	*text = span_of(n->text);
	return ERR_OK;
}

/* A text that must be there, as a name. */
static enum err take_name(struct file *f, const struct yaml_node *map, const char *key,
	const char *others, struct span *text)
{
	const struct yaml_node *n = yaml_get(map, key);
	char quoted[LOG_QUOTE_MAX];

	if (node_is_null(n))
		return file_error(f, map, "%s is missing", key);
	if (n->type != YAML_SCALAR)
		return file_error(f, n, "%s must be a text", key);
	if (!name_is_valid(n->text, others))
		return file_error(f, n,
			"%s %s is none: 1 to 63 letters, digits and, between them, any of \"%s\"",
			key, log_quote(span_of(n->text), quoted), others);
	*text = span_of(n->text);
	return ERR_OK;
}

/* Keep a canonical ref for as long as f lives. */
static struct span keep_ref(struct file *f, struct span ref)
{
	char *kept = map_get(&f->refs, ref);

	if (kept == NULL) {
		kept = xstrndup(ref.p, ref.n);
		map_put(&f->refs, ref, kept);
	}
	return span_of(kept);
}

/* The ref that a scalar in from's spec means. */
static enum err take_ref(struct file *f, const struct yaml_node *n, const char *kind,
	const struct entity *from, struct span *ref)
{
	CLEANUP(buf_release) struct buf text;
	char quoted[LOG_QUOTE_MAX];

	buf_init(&text, ENTITY_TEXT_MAX);
	if (n->type != YAML_SCALAR)
		return file_error(f, n, "must be a reference to a %s", kind);
	if (entity_ref_resolve(span_of(n->text), kind, entity_ref_namespace(from->ref), &text) !=
		ERR_OK)
		return file_error(f, n, "%s is no reference to a %s, [kind:][namespace/]name",
			log_quote(span_of(n->text), quoted), kind);
	*ref = keep_ref(f, buf_span(&text));
	return ERR_OK;
}

static enum err link_add(struct file *f, const struct yaml_node *n, struct span *list,
	size_t *count, struct span ref)
{
	for (size_t i = 0; i < *count; i++) {
		if (span_eq(list[i], ref))
			return ERR_OK;
	}
	if (*count == ENTITY_LINKS_MAX)
		return file_error(f, n, "more than %d of these for one entity", ENTITY_LINKS_MAX);
	list[(*count)++] = ref;
	return ERR_OK;
}

static enum err take_slug(struct file *f, const struct yaml_node *annotations, struct entity *e)
{
	const struct yaml_node *n = yaml_get(annotations, f->rules->repository);
	char quoted[LOG_QUOTE_MAX];

	if (node_is_null(n))
		return ERR_OK;
	if (n->type != YAML_SCALAR)
		return file_error(f, n, "%s must be a text", f->rules->repository);
	if (!entity_slug_is_valid(span_of(n->text)))
		return file_error(f, n, "%s is no repository, owner/name",
			log_quote(span_of(n->text), quoted));
	e->slug = span_of(n->text);
	return ERR_OK;
}

static enum err take_tags(struct file *f, const struct yaml_node *tags, struct entity *e)
{
	if (node_is_null(tags))
		return ERR_OK;
	if (tags->type != YAML_SEQUENCE)
		return file_error(f, tags, "tags must be a list");
	for (size_t i = 0; i < tags->count; i++) {
		const struct yaml_node *n = tags->item[i];
		enum err err;

		if (n->type != YAML_SCALAR || !entity_text_is_plain(span_of(n->text)))
			return file_error(f, n, "a tag must be a plain text");
		err = link_add(f, n, e->tag, &e->tags, span_of(n->text));
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* What names the entity: kind, metadata.namespace and metadata.name. */
static enum err take_names(struct file *f, const struct yaml_node *doc, struct entity *e)
{
	const struct yaml_node *metadata = yaml_get(doc, "metadata");
	struct span version, kind, space = SPAN("default"), name;
	CLEANUP(buf_release) struct buf ref;
	char text[3 * 64];
	enum err err;

	buf_init(&ref, ENTITY_TEXT_MAX);
	err = take_name(f, doc, "apiVersion", "-_./", &version);
	if (err == ERR_OK)
		err = take_name(f, doc, "kind", "", &kind);
	if (err != ERR_OK)
		return err;
	if (metadata == NULL || metadata->type != YAML_MAPPING)
		return file_error(f, doc, "metadata is missing");
	err = take_name(f, metadata, "name", "-_.", &name);
	if (err == ERR_OK && !node_is_null(yaml_get(metadata, "namespace")))
		err = take_name(f, metadata, "namespace", "-_.", &space);
	if (err != ERR_OK)
		return err;
	snprintf(text, sizeof(text), "%.*s:%.*s/%.*s", SPAN_ARGS(kind), SPAN_ARGS(space),
		SPAN_ARGS(name));
	err = entity_ref_parse(span_of(text), NULL, &ref);
	if (err == ERR_OK)
		e->ref = keep_ref(f, buf_span(&ref));
	return err;
}

static enum err take_system(struct file *f, const struct yaml_node *spec, struct entity *e)
{
	const struct yaml_node *n = yaml_get(spec, "system");

	return node_is_null(n) ? ERR_OK : take_ref(f, n, "system", e, &e->system);
}

static enum err take_owner(struct file *f, const struct yaml_node *spec, struct entity *e)
{
	const struct yaml_node *n = yaml_get(spec, "owner");
	enum err err;

	if (node_is_null(n))
		return ERR_OK;
	err = take_ref(f, n, "group", e, &e->owner[0]);
	if (err == ERR_OK)
		e->owners = 1;
	return err;
}

static void add_alias(struct file *f, const char *digest, struct entity *e)
{
	if (e->aliases < ENTITY_ALIASES_MAX)
		e->alias[e->aliases++] = keep_ref(f, span_of(digest));
}

/* What commits may call a user; kept as digests only. */
static void take_aliases(struct file *f, const struct yaml_node *annotations,
	const struct yaml_node *spec, struct entity *e)
{
	const struct entity_rules *rules = f->rules;
	const char *mail = yaml_get_text(yaml_get(spec, "profile"), "email");
	const char *login = rules->login == NULL ? NULL : yaml_get_text(annotations, rules->login);
	char digest[PSEUDONYM_MAX];

	if (rules->names == NULL || !span_is(entity_ref_kind(e->ref), "user"))
		return;
	if (pseudonym_of_mail(rules->names, span_of(mail), digest))
		add_alias(f, digest, e);
	if (pseudonym_of_login(rules->names, span_of(login), digest))
		add_alias(f, digest, e);
}

/* What one document says about its own entity. */
static enum err take_entity(struct file *f, const struct yaml_node *doc, struct entity *e)
{
	const struct yaml_node *metadata = yaml_get(doc, "metadata");
	const struct yaml_node *annotations = yaml_get(metadata, "annotations");
	const struct yaml_node *spec = yaml_get(doc, "spec");
	enum err err;

	if (doc->type != YAML_MAPPING)
		return file_error(f, doc, "an entity must be a mapping");
	err = take_names(f, doc, e);
	if (err != ERR_OK)
		return err;
	if (map_put(&f->by_ref, e->ref, e) != NULL)
		return file_error(f, doc, "%.*s is here twice", SPAN_ARGS(e->ref));
	take_aliases(f, annotations, spec, e);
	e->orphan = span_is(span_of(yaml_get_text(annotations, "backstage.io/orphan")), "true");
	err = take_slug(f, annotations, e);
	if (err == ERR_OK)
		err = take_tags(f, yaml_get(metadata, "tags"), e);
	if (err == ERR_OK)
		err = take_text(f, metadata, "uid", &e->uid);
	if (err == ERR_OK)
		err = take_text(f, spec, "type", &e->type);
	if (err == ERR_OK)
		err = take_text(f, spec, "lifecycle", &e->lifecycle);
	if (err == ERR_OK)
		err = take_owner(f, spec, e);
	return err == ERR_OK ? take_system(f, spec, e) : err;
}

/* One link between a group and what is below it, named from either side. */
struct membership {
	const char *key, *kind;
	bool upwards; /* key names parents; else children, which get e as parent */
};

static enum err take_link(
	struct file *f, const struct yaml_node *n, const struct membership *m, struct entity *e)
{
	struct entity *child;
	struct span ref;
	enum err err = take_ref(f, n, m->kind, e, &ref);

	if (err != ERR_OK)
		return err;
	if (m->upwards)
		return link_add(f, n, e->parent, &e->parents, ref);
	child = map_get(&f->by_ref, ref);
	return child == NULL ? ERR_OK : link_add(f, n, child->parent, &child->parents, e->ref);
}

/* Take one reference or a list of them. */
static enum err take_links(
	struct file *f, const struct yaml_node *spec, const struct membership *m, struct entity *e)
{
	const struct yaml_node *n = yaml_get(spec, m->key);

	if (node_is_null(n))
		return ERR_OK;
	if (n->type == YAML_MAPPING)
		return file_error(f, n, "%s must be a reference or a list of them", m->key);
	if (n->type == YAML_SCALAR)
		return take_link(f, n, m, e);
	for (size_t i = 0; i < n->count; i++) {
		enum err err = take_link(f, n->item[i], m, e);

		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* What one document says about groups above and below; all entities are known by now. */
static enum err take_memberships(struct file *f, const struct yaml_node *doc, struct entity *e)
{
	static const struct {
		const char *kind;
		struct membership m;
	} rules[] = {
		{ "group", { "parent", "group", true } },
		{ "group", { "children", "group", false } },
		{ "group", { "members", "user", false } },
		{ "user", { "memberOf", "group", true } },
	};
	const struct yaml_node *spec = yaml_get(doc, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		enum err err = ERR_OK;

		if (span_is(entity_ref_kind(e->ref), rules[i].kind))
			err = take_links(f, spec, &rules[i].m, e);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* Backstage's own kinds that are more than a pointer, and whatever has a repository. */
static bool is_kept(const struct entity *e)
{
	static const char *const kinds[] = { "api", "component", "domain", "group", "resource",
		"system", "template", "user" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (span_is(entity_ref_kind(e->ref), kinds[i]))
			return true;
	}
	return e->slug.n > 0;
}

static enum err take_all(struct file *f, struct catalog *c)
{
	enum err err = ERR_OK;

	f->entity = xcalloc(f->count + 1, sizeof(*f->entity));
	for (size_t i = 0; err == ERR_OK && i < f->count; i++)
		err = take_entity(f, f->docs[i], &f->entity[i]);
	for (size_t i = 0; err == ERR_OK && i < f->count; i++)
		err = take_memberships(f, f->docs[i], &f->entity[i]);
	for (size_t i = 0; err == ERR_OK && i < f->count; i++) {
		if (!is_kept(&f->entity[i]))
			continue;
		err = catalog_put(c, &f->entity[i]);
		if (err != ERR_OK)
			return file_error(f, f->docs[i], "cannot be kept: %s", err_str(err));
	}
	return err;
}

/* Read at most as much as the parser takes, and one byte that it refuses. Sets errno. */
static enum err file_slurp(const char *path, struct buf *text)
{
	FILE *in = fopen(path, "re");
	size_t n = 1;
	int failed;

	if (in == NULL)
		return ERR_IO;
	while (n > 0 && text->len < text->max) {
		size_t room = text->max - text->len < 65536 ? text->max - text->len : 65536;
		char *at = buf_room(text, room);

		n = fread(at, 1, room, in);
		text->len += n;
		at[n] = '\0';
	}
	failed = ferror(in) != 0 ? errno : 0;
	fclose(in);
	errno = failed;
	return failed == 0 ? ERR_OK : ERR_IO;
}

enum err catalog_file_read(
	const char *path, const struct entity_rules *rules, struct catalog *c, char **why)
{
	CLEANUP(file_release)
	struct file f = { .path = path, .rules = rules, .why = why };
	CLEANUP(buf_release) struct buf text;
	struct yaml_error at;
	enum err err;

	buf_init(&text, file_limits.bytes_max + 1);
	err = file_slurp(path, &text);
	if (err != ERR_OK) {
		if (asprintf(why, "%s: %s", path, strerror(errno)) < 0)
			abort();
		return err;
	}
	err = yaml_parse(buf_span(&text), &file_limits, &f.docs, &f.count, &at);
	if (err != ERR_OK) {
		if (asprintf(why, "%s:%u:%u: %s", path, at.line, at.column, at.text) < 0)
			abort();
		return err;
	}
	return take_all(&f, c);
}
