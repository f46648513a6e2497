/* SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/codec.h"
#include "base/map.h"

#define YAML_CORE_TAG "tag:yaml.org,2002:"

struct yaml_reader {
	yaml_parser_t parser;
	struct span text;
	const struct yaml_limits *limits;
	unsigned nodes, depth;
	struct yaml_error *why;
};

static PRINTF(3, 4) enum err
	yaml_refuse(struct yaml_reader *r, const yaml_mark_t *at, const char *fmt, ...)
{
	va_list ap;

	r->why->line = (unsigned)at->line + 1;
	r->why->column = (unsigned)at->column + 1;
	va_start(ap, fmt);
	vsnprintf(r->why->text, sizeof(r->why->text), fmt, ap);
	va_end(ap);
	return ERR_PARSE;
}

static enum err yaml_refuse_size(struct yaml_reader *r, const yaml_mark_t *at, const char *what)
{
	IGNORE(yaml_refuse(r, at, "%s", what));
	return ERR_LIMIT;
}

/* The reader counts bytes where the scanner counts lines; a line's columns are characters. */
static yaml_mark_t yaml_mark_of_offset(struct span text, size_t offset)
{
	yaml_mark_t at = { 0 };

	for (size_t i = 0; i < offset && i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\n') {
			at.line++;
			at.column = 0;
		} else if ((c & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/* Is there a tab where the scanner stopped? */
static bool yaml_is_tab(const struct yaml_reader *r, const yaml_mark_t *at)
{
	const char *p = r->text.p, *end = p + r->text.n;

	for (size_t line = 0; line < at->line; line++) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (lf == NULL)
			return false;
		p = lf + 1;
	}
	return (size_t)(end - p) > at->column && p[at->column] == '\t';
}

/* Pass on what libyaml found, in a sentence where its own words would not help. */
static enum err yaml_refuse_syntax(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem == NULL ? "malformed" : p->problem;
	yaml_mark_t at;

	if (p->error == YAML_READER_ERROR) {
		at = yaml_mark_of_offset(r->text, p->problem_offset);
		return yaml_refuse(r, &at, "a byte that is no printable UTF-8 text");
	}
	at = p->problem_mark;
	if (strstr(problem, "cannot start any token") != NULL && yaml_is_tab(r, &at))
		return yaml_refuse(r, &at, "a tab cannot indent YAML; use spaces");
	if (strstr(problem, "cannot start any token") != NULL)
		return yaml_refuse(
			r, &at, "a text cannot begin with this character; put it in quotes");
	if (strstr(problem, "mapping values are not allowed") != NULL)
		return yaml_refuse(r, &at,
			"a second ':' or a wrong indent; put text that contains ': ' in quotes");
	if (p->context != NULL && p->context_mark.line != at.line)
		return yaml_refuse(r, &at, "%s %s that begins on line %zu", problem, p->context,
			p->context_mark.line + 1);
	if (p->context != NULL)
		return yaml_refuse(r, &at, "%s %s", problem, p->context);
	return yaml_refuse(r, &at, "%s", problem);
}

static enum err yaml_next(struct yaml_reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return ERR_OK;
	if (r->parser.error == YAML_MEMORY_ERROR)
		out_of_memory();
	return yaml_refuse_syntax(r);
}

/* Is it no tag, or one of the core ones among "a|b|c"? */
static bool yaml_tag_is_core(const yaml_char_t *tag, const char *const *names)
{
	const char *text = (const char *)tag;

	if (tag == NULL)
		return true;
	if (strncmp(text, YAML_CORE_TAG, strlen(YAML_CORE_TAG)) != 0)
		return false;
	text += strlen(YAML_CORE_TAG);
	for (; *names != NULL; names++) {
		if (strcmp(text, *names) == 0)
			return true;
	}
	return false;
}

/* What all nodes have in common: a place, a budget, no anchor, no foreign tag. */
static enum err yaml_node_begin(struct yaml_reader *r, const yaml_event_t *event,
	const yaml_char_t *anchor, const yaml_char_t *tag, const char *const *core,
	struct yaml_node **out)
{
	const yaml_mark_t *at = &event->start_mark;

	if (anchor != NULL)
		return yaml_refuse(r, at,
			"anchors (&name) are not supported; put text that begins with '&' in "
			"quotes");
	if (!yaml_tag_is_core(tag, core))
		return yaml_refuse(r, at,
			"this tag is not supported; put text that begins with '!' in quotes");
	if (r->nodes >= r->limits->nodes_max)
		return yaml_refuse_size(r, at, "too many values");
	r->nodes++;
	*out = xcalloc(1, sizeof(**out));
	(*out)->line = (unsigned)at->line + 1;
	(*out)->column = (unsigned)at->column + 1;
	return ERR_OK;
}

static void yaml_node_free(struct yaml_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->count; i++) {
		yaml_node_free(n->item[i]);
		if (n->key != NULL)
			yaml_node_free(n->key[i]);
	}
	free(n->item);
	free(n->key);
	free(n->text);
	free(n);
}

static void yaml_node_freep(struct yaml_node **n)
{
	yaml_node_free(*n);
}

static enum err yaml_read_scalar(
	struct yaml_reader *r, const yaml_event_t *event, struct yaml_node **out)
{
	static const char *const core[] = { "str", "int", "float", "bool", "null", NULL };
	const char *tag = (const char *)event->data.scalar.tag;
	const char *text = (const char *)event->data.scalar.value;
	size_t n = event->data.scalar.length;
	enum err e;

	if (memchr(text, '\0', n) != NULL)
		return yaml_refuse(r, &event->start_mark, "a text with a zero byte in it");
	e = yaml_node_begin(r, event, event->data.scalar.anchor, event->data.scalar.tag, core, out);
	if (e != ERR_OK)
		return e;
	(*out)->type = YAML_SCALAR;
	(*out)->text = xstrndup(text, n);
	(*out)->quoted = tag != NULL ? strcmp(tag, YAML_CORE_TAG "str") == 0
				     : event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return ERR_OK;
}

/* Make room for one more pair; arrays grow by doubling, at powers of two. */
static void yaml_node_reserve(struct yaml_node *n)
{
	size_t cap = n->count == 0 ? 4 : n->count * 2;

	if (n->count != 0 && (n->count < 4 || (n->count & (n->count - 1)) != 0))
		return;
	n->item = xrealloc(n->item, cap, sizeof(struct yaml_node *));
	if (n->type == YAML_MAPPING)
		n->key = xrealloc(n->key, cap, sizeof(struct yaml_node *));
}

static enum err yaml_read_node(
	struct yaml_reader *r, const yaml_event_t *event, struct yaml_node **out);

static enum err yaml_read_items(struct yaml_reader *r, struct yaml_node *list)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		enum err e = yaml_next(r, &event);

		if (e != ERR_OK)
			return e;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return ERR_OK;
		yaml_node_reserve(list);
		e = yaml_read_node(r, &event, &list->item[list->count]);
		if (e != ERR_OK)
			return e;
		list->count++;
	}
}

/* A key is a scalar, is there once, and is no "<<", which would merge. */
static enum err yaml_read_key(
	struct yaml_reader *r, const yaml_event_t *event, struct map *seen, struct yaml_node **out)
{
	const struct yaml_node *before;
	enum err e;

	if (event->type != YAML_SCALAR_EVENT)
		return yaml_refuse(r, &event->start_mark, "a key must be a plain text");
	e = yaml_read_scalar(r, event, out);
	if (e != ERR_OK)
		return e;
	if (!(*out)->quoted && strcmp((*out)->text, "<<") == 0)
		return yaml_refuse(r, &event->start_mark,
			"merging (<<) is not supported; write the values out");
	before = map_put(seen, span_of((*out)->text), *out);
	if (before != NULL) {
		struct span name = utf8_cut(span_of((*out)->text), 64);

		return yaml_refuse(r, &event->start_mark, "the key '%.*s' is on line %u already",
			SPAN_ARGS(name), before->line);
	}
	return ERR_OK;
}

/* Read the value of a key whose event is at hand. */
static enum err yaml_read_pair(
	struct yaml_reader *r, const yaml_event_t *at_key, struct map *seen, struct yaml_node *map)
{
	CLEANUP(yaml_node_freep) struct yaml_node *key = NULL;
	CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
	enum err e = yaml_read_key(r, at_key, seen, &key);

	if (e != ERR_OK)
		return e;
	e = yaml_next(r, &event);
	if (e != ERR_OK)
		return e;
	yaml_node_reserve(map);
	e = yaml_read_node(r, &event, &map->item[map->count]);
	if (e != ERR_OK)
		return e;
	map->key[map->count++] = TAKE(key);
	return ERR_OK;
}

static enum err yaml_read_pairs(struct yaml_reader *r, struct yaml_node *map)
{
	CLEANUP(map_release) struct map seen;

	map_init(&seen);
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		enum err e = yaml_next(r, &event);

		if (e != ERR_OK)
			return e;
		if (event.type == YAML_MAPPING_END_EVENT)
			return ERR_OK;
		e = yaml_read_pair(r, &event, &seen, map);
		if (e != ERR_OK)
			return e;
	}
}

static enum err yaml_read_container(struct yaml_reader *r, const yaml_event_t *event,
	enum yaml_type type, struct yaml_node **out)
{
	static const char *const seq[] = { "seq", NULL }, *const map[] = { "map", NULL };
	CLEANUP(yaml_node_freep) struct yaml_node *n = NULL;
	bool is_map = type == YAML_MAPPING;
	enum err e;

	e = yaml_node_begin(r, event,
		is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
		is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
		is_map ? map : seq, &n);
	if (e != ERR_OK)
		return e;
	if (r->depth >= r->limits->depth_max)
		return yaml_refuse_size(r, &event->start_mark, "nested too deeply");
	n->type = type;
	r->depth++;
	e = is_map ? yaml_read_pairs(r, n) : yaml_read_items(r, n);
	r->depth--;
	if (e != ERR_OK)
		return e;
	*out = TAKE(n);
	return ERR_OK;
}

/* Make a node of the event at hand and those that belong to it. *out is set on success only. */
static enum err yaml_read_node(
	struct yaml_reader *r, const yaml_event_t *event, struct yaml_node **out)
{
	if (event->type == YAML_SCALAR_EVENT)
		return yaml_read_scalar(r, event, out);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return yaml_read_container(r, event, YAML_SEQUENCE, out);
	if (event->type == YAML_MAPPING_START_EVENT)
		return yaml_read_container(r, event, YAML_MAPPING, out);
	return yaml_refuse(r, &event->start_mark,
		"aliases (*name) are not supported; write the value out, or put text that "
		"begins with '*' in quotes");
}

bool yaml_is_null(const struct yaml_node *n)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (n->type != YAML_SCALAR || n->quoted)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(n->text, words[i]) == 0)
			return true;
	}
	return false;
}

static enum err yaml_read_documents(struct yaml_reader *r, struct yaml_node ***docs, size_t *count)
{
	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
		struct yaml_node *root = NULL;
		enum err e = yaml_next(r, &event);

		if (e != ERR_OK)
			return e;
		if (event.type == YAML_STREAM_END_EVENT)
			return ERR_OK;
		if (event.type == YAML_STREAM_START_EVENT ||
			event.type == YAML_DOCUMENT_START_EVENT ||
			event.type == YAML_DOCUMENT_END_EVENT)
			continue;
		e = yaml_read_node(r, &event, &root);
		if (e != ERR_OK)
			return e;
		if (yaml_is_null(root)) {
			yaml_node_free(root);
			continue;
		}
		*docs = xrealloc(*docs, *count + 1, sizeof(**docs));
		(*docs)[(*count)++] = root;
	}
}

enum err yaml_parse(struct span text, const struct yaml_limits *limits, struct yaml_node ***docs,
	size_t *count, struct yaml_error *why)
{
	struct yaml_reader r = { .text = text, .limits = limits, .why = why };
	const char *bytes = text.n == 0 ? "" : text.p;
	struct yaml_node **found = NULL;
	size_t n = 0;
	enum err e;

	if (text.n > limits->bytes_max)
		return yaml_refuse_size(&r, &(yaml_mark_t){ 0 }, "too large");
	if (!yaml_parser_initialize(&r.parser))
		out_of_memory();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, text.n);
	e = yaml_read_documents(&r, &found, &n);
	yaml_parser_delete(&r.parser);
	if (e != ERR_OK) {
		yaml_free_all(found, n);
		return e;
	}
	*docs = found;
	*count = n;
	return ERR_OK;
}

void yaml_free_all(struct yaml_node **docs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		yaml_node_free(docs[i]);
	free(docs);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->type != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	}
	return NULL;
}

const char *yaml_get_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);

	return n == NULL || n->type != YAML_SCALAR ? NULL : n->text;
}
