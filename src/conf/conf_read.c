/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/suggest.h"
#include "conf/conf_table.h"
#include "io/yaml.h"

enum err conf_refuse(struct conf_reader *r, const struct yaml_node *at, const char *fmt, ...)
{
	char message[512];
	struct buf line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	buf_init(&line, 8192);
	IGNORE(buf_addf(&line, "%s:%u:%u: %s", r->name, at == NULL ? 1 : at->line,
		       at == NULL ? 1 : at->column, message) != ERR_OK);
	free(r->why);
	r->why = buf_detach(&line);
	return ERR_PARSE;
}

const char *conf_article(const char *noun)
{
	return strchr("aeiou", noun[0]) == NULL ? "a" : "an";
}

const char *conf_quote(const char *text, char out[CONF_QUOTE_MAX])
{
	struct span all = span_of(text), shown = utf8_cut(all, CONF_QUOTE_MAX - 8);
	bool printable = text[0] == '\0' || conf_text_is_printable(text);

	snprintf(out, CONF_QUOTE_MAX, "'%.*s%s'", SPAN_ARGS(shown), shown.n < all.n ? "..." : "");
	for (char *p = out; !printable && *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	}
	return out;
}

/* Where the walk is: in a mapping whose options are those below prefix. */
struct place {
	const char *prefix;           /* "", "http.", "sinks[].", "routes[].when." */
	const struct conf_list *list; /* the list whose item this is in; or NULL */
	const char *kind;             /* of the item; or NULL */
	void *base;
};

static enum err mapping_read(
	struct conf_reader *r, const struct place *at, const struct yaml_node *map);

/* The word after the prefix in an option's name: what may stand here as a key. */
static struct span word_below(const struct conf_option *o, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(o->name, prefix, n) != 0)
		return (struct span){ 0 };
	return (struct span){ o->name + n, strcspn(o->name + n, ".[") };
}

enum err conf_refuse_key(
	struct conf_reader *r, const struct yaml_node *key, const struct suggestion *known)
{
	char quoted[CONF_QUOTE_MAX];

	conf_quote(key->text, quoted);
	if (known->best.n == 0)
		return conf_refuse(r, key, "unknown key %s", quoted);
	return conf_refuse(
		r, key, "unknown key %s; did you mean '%.*s'?", quoted, SPAN_ARGS(known->best));
}

static enum err unknown_key(
	struct conf_reader *r, const struct place *at, const struct yaml_node *key)
{
	struct suggestion s;

	suggestion_init(&s, span_of(key->text));
	for (size_t i = 0; i < conf_options_n; i++) {
		struct span word = word_below(&conf_options[i], at->prefix);

		if (word.n > 0 && conf_option_applies(&conf_options[i], at->kind))
			suggestion_offer(&s, word);
	}
	return conf_refuse_key(r, key, &s);
}

static void defaults_set(const struct place *at)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		if (conf_option_is_below(o, at->prefix) && conf_option_applies(o, at->kind))
			conf_value_default(o, at->base);
	}
}

/* Only required options can be missing; they are all texts or lists. */
static enum err required_check(
	struct conf_reader *r, const struct place *at, const struct yaml_node *item)
{
	const char *name = conf_item_text(at->list, at->base, "name");
	char quoted[CONF_QUOTE_MAX] = "this";

	if (name != NULL)
		conf_quote(name, quoted);
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		if (!o->required || !conf_option_is_below(o, at->prefix) ||
			!conf_option_applies(o, at->kind) || conf_text(o, at->base) != NULL)
			continue;
		if (name == NULL)
			return conf_refuse(r, item, "this %s needs a '%s'", at->list->noun,
				conf_option_label(o));
		return conf_refuse(r, item, "%s %s needs a '%s'", at->list->noun, quoted,
			conf_option_label(o));
	}
	return ERR_OK;
}

/* The item's type, unless it is none that there is: then its own row will say so. */
static const char *kind_of(const struct conf_list *list, const struct yaml_node *item)
{
	char name[CONF_NAME_MAX];
	const struct conf_option *o;
	const char *kind = yaml_get_text(item, "type");

	snprintf(name, sizeof(name), "%stype", list->prefix);
	o = conf_option_find(name);
	return o == NULL || kind == NULL || !o->form->fits(kind) ? NULL : kind;
}

static enum err item_read(struct conf_reader *r, const struct conf_list *list,
	const struct yaml_node *node, void *base)
{
	struct place at = { .prefix = list->prefix, .list = list, .base = base };
	enum err e;

	if (node->type != YAML_MAPPING)
		return conf_refuse(r, node, "%s %s must be a mapping of keys to values",
			conf_article(list->noun), list->noun);
	at.kind = kind_of(list, node);
	defaults_set(&at);
	e = mapping_read(r, &at, node);
	if (e != ERR_OK)
		return e;
	return required_check(r, &at, node);
}

static enum err list_read(
	struct conf_reader *r, const struct conf_list *list, const struct yaml_node *node)
{
	if (yaml_is_null(node))
		return ERR_OK;
	if (node->type != YAML_SEQUENCE)
		return conf_refuse(
			r, node, "%ss must be a list of items that begin with '- '", list->noun);
	if (node->count > CONF_ITEMS_MAX)
		return conf_refuse(r, node, "more than %d %ss", CONF_ITEMS_MAX, list->noun);
	conf_list_set(list, r->conf, node->count);
	for (size_t i = 0; i < node->count; i++) {
		enum err e = item_read(r, list, node->item[i], conf_list_item(list, r->conf, i));

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static bool is_empty_map(const struct yaml_node *node)
{
	return node->type == YAML_MAPPING && node->count == 0;
}

/* A section that holds comments only is null in YAML, and as good as left out. */
static enum err section_read(struct conf_reader *r, const struct place *at, const char *prefix,
	const struct yaml_node *node)
{
	struct place below = *at;

	below.prefix = prefix;
	if (at->list != NULL && at->list->strict && (yaml_is_null(node) || is_empty_map(node)))
		return conf_refuse(r, node, "%.*s is empty; leave it out or fill it in",
			(int)(strlen(prefix) - strlen(at->list->prefix)) - 1,
			prefix + strlen(at->list->prefix));
	if (yaml_is_null(node))
		return ERR_OK;
	if (node->type != YAML_MAPPING)
		return conf_refuse(r, node, "%.*s must be a mapping of keys to values",
			(int)strlen(prefix) - 1, prefix);
	return mapping_read(r, &below, node);
}

static enum err misplaced_key(struct conf_reader *r, const struct place *at,
	const struct conf_option *o, const struct yaml_node *key)
{
	return conf_refuse(r, key, "a %s of type %s has no '%s'; it belongs to %s", at->list->noun,
		at->kind, conf_option_label(o), o->kinds[0]);
}

static const struct conf_list *list_find(const char *prefix)
{
	for (size_t i = 0; i < conf_lists_n; i++) {
		if (strcmp(conf_lists[i].prefix, prefix) == 0)
			return &conf_lists[i];
	}
	return NULL;
}

static bool section_exists(const char *prefix)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		if (conf_option_is_below(&conf_options[i], prefix))
			return true;
	}
	return false;
}

/* What a key opens is an option, a list of items, a section, or unknown. */
static enum err pair_read(struct conf_reader *r, const struct place *at,
	const struct yaml_node *key, const struct yaml_node *node)
{
	char name[CONF_NAME_MAX + 3];
	const struct conf_option *o;
	const struct conf_list *list;
	int n = snprintf(name, CONF_NAME_MAX, "%s%s", at->prefix, key->text);

	/* A key with a dot would name an option of somewhere else. */
	if (n >= CONF_NAME_MAX || key->text[0] == '\0' || strpbrk(key->text, ".[") != NULL)
		return unknown_key(r, at, key);
	o = conf_option_find(name);
	if (o != NULL && !conf_option_applies(o, at->kind))
		return misplaced_key(r, at, o, key);
	if (o != NULL)
		return conf_value_read(r, o, node, at->base);
	strcpy(name + n, "[].");
	list = list_find(name);
	if (list != NULL)
		return list_read(r, list, node);
	strcpy(name + n, ".");
	if (section_exists(name))
		return section_read(r, at, name, node);
	return unknown_key(r, at, key);
}

static enum err mapping_read(
	struct conf_reader *r, const struct place *at, const struct yaml_node *map)
{
	for (size_t i = 0; i < map->count; i++) {
		enum err e = pair_read(r, at, map->key[i], map->item[i]);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err conf_read(struct conf_reader *r)
{
	struct place top = { .prefix = "", .base = r->conf };

	defaults_set(&top);
	if (r->root == NULL)
		return ERR_OK;
	if (r->root->type != YAML_MAPPING)
		return conf_refuse(
			r, r->root, "expected sections such as 'listen:' and 'sources:'");
	return mapping_read(r, &top, r->root);
}

enum err conf_check_each(
	struct conf_reader *r, size_t n, enum err (*check)(struct conf_reader *r, size_t i))
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < n; i++)
		e = check(r, i);
	return e;
}
