/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "io/yaml.h"

static const char *type_of(const struct yaml_node *node)
{
	switch (node->type) {
	case YAML_SCALAR: return "text";
	case YAML_SEQUENCE: return "a list";
	case YAML_MAPPING: return "a mapping";
	}
	return "?";
}

/* What a value must be, in the words of a message. */
static const char *must_of(enum conf_type type)
{
	switch (type) {
	case CONF_TEXT: return "must be text";
	case CONF_TEXTS: return "must be a list";
	case CONF_LEVEL: return "must be err, warning, notice, info or debug";
	case CONF_INTEGER: return "must be a whole number";
	case CONF_SIZE: return "must be a size such as 512, 64KiB, 8MiB or 1GiB";
	case CONF_DURATION: return "must be a duration such as 500ms, 30s, 5m, 2h or 1d";
	case CONF_MODE: return "must be permissions such as \"0660\"";
	case CONF_BOOL: return "must be true or false";
	case CONF_SECRET:
	case CONF_SECRETS: break;
	}
	return "must be a reference: {file: ...}, {credential: ...}, {env: ...}, "
	       "{vault: ..., field: ..., provider: ...} or {aws: ..., provider: ...}";
}

static enum err bool_read(const char *text, int64_t *n)
{
	*n = strcmp(text, "true") == 0;
	return *n || strcmp(text, "false") == 0 ? ERR_OK : ERR_PARSE;
}

enum err conf_number_parse(enum conf_type type, const char *text, int64_t *n)
{
	enum log_level level = LOG_LEVEL_INFO;
	enum err e;

	switch (type) {
	case CONF_LEVEL:
		e = log_level_parse(span_of(text), &level);
		*n = level;
		return e;
	case CONF_INTEGER: return conf_integer_read(text, n);
	case CONF_SIZE: return conf_size_read(text, n);
	case CONF_DURATION: return conf_duration_read(text, n);
	case CONF_MODE: return conf_mode_read(text, n);
	case CONF_BOOL: return bool_read(text, n);
	case CONF_TEXT:
	case CONF_TEXTS:
	case CONF_SECRET:
	case CONF_SECRETS: break;
	}
	return ERR_PARSE;
}

const char *conf_number_format(enum conf_type type, int64_t n, char text[CONF_NUMBER_MAX])
{
	static const char *const levels[] = { "err", "warning", "notice", "info", "debug" };

	switch (type) {
	case CONF_LEVEL: return levels[n - LOG_LEVEL_ERR];
	case CONF_SIZE: return conf_size_write(n, text);
	case CONF_DURATION: return conf_duration_write(n, text);
	case CONF_MODE: return conf_mode_write(n, text);
	case CONF_BOOL: return n ? "true" : "false";
	case CONF_INTEGER:
	case CONF_TEXT:
	case CONF_TEXTS:
	case CONF_SECRET:
	case CONF_SECRETS: break;
	}
	return conf_integer_write(n, text);
}

/* One of our own numbers, from the table. */
static int64_t own_number(const struct conf_option *o, const char *text)
{
	int64_t n = 0;
	enum err e = conf_number_parse(o->type, text, &n);

	assert(e == ERR_OK);
	return e == ERR_OK ? n : 0;
}

static enum err number_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	char quoted[CONF_QUOTE_MAX];
	const char *label = conf_option_label(o);
	int64_t n;

	if (node->type != YAML_SCALAR)
		return conf_refuse(
			r, node, "%s %s, not %s", label, must_of(o->type), type_of(node));
	conf_quote(node->text, quoted);
	if (conf_number_parse(o->type, node->text, &n) != ERR_OK)
		return conf_refuse(r, node, "%s %s, not %s", label, must_of(o->type), quoted);
	if (o->min != NULL && (n < own_number(o, o->min) || n > own_number(o, o->max)))
		return conf_refuse(r, node, "%s must be between %s and %s, not %s", label, o->min,
			o->max, quoted);
	conf_set_number(o, base, n);
	return ERR_OK;
}

/* Check one text and copy it. */
static enum err text_copy(struct conf_reader *r, const char *label, const struct conf_form *form,
	const struct yaml_node *node, char **out)
{
	char quoted[CONF_QUOTE_MAX];

	if (node->type != YAML_SCALAR)
		return conf_refuse(r, node, "%s must be text, not %s", label, type_of(node));
	if (yaml_is_null(node))
		return conf_refuse(r, node, "%s has no value", label);
	if (!conf_text_is_printable(node->text))
		return conf_refuse(
			r, node, "%s is empty, too long or has unprintable characters", label);
	if (!form->fits(node->text))
		return conf_refuse(r, node, "%s %s%s%s", label, form->must,
			form->quiet ? "" : ", not ",
			form->quiet ? "" : conf_quote(node->text, quoted));
	*out = xstrdup(node->text);
	return ERR_OK;
}

static enum err text_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	char *text;
	enum err e = text_copy(r, conf_option_label(o), o->form, node, &text);

	if (e == ERR_OK)
		conf_set_text(o, base, text);
	return e;
}

static bool texts_have(char *const *texts, const char *text)
{
	for (; *texts != NULL; texts++) {
		if (strcmp(*texts, text) == 0)
			return true;
	}
	return false;
}

static void texts_freep(char ***texts)
{
	strings_free(*texts);
}

static enum err item_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *item, char **texts, size_t n)
{
	char quoted[CONF_QUOTE_MAX];
	char *text;
	enum err e = text_copy(r, conf_option_label(o), o->form, item, &text);

	if (e != ERR_OK)
		return e;
	if (texts_have(texts, text)) {
		free(text);
		return conf_refuse(r, item, "%s has %s twice", conf_option_label(o),
			o->form->quiet ? "an item" : conf_quote(item->text, quoted));
	}
	texts[n] = text;
	return ERR_OK;
}

/* An empty list would be read as "any". */
static enum err items_count_check(
	struct conf_reader *r, const struct conf_option *o, const struct yaml_node *node, size_t n)
{
	if (n == 0)
		return conf_refuse(r, node, "%s is an empty list; leave it out or fill it in",
			conf_option_label(o));
	if (n > CONF_ITEMS_MAX)
		return conf_refuse(
			r, node, "%s has more than %d items", conf_option_label(o), CONF_ITEMS_MAX);
	return ERR_OK;
}

/* Read a list; one text alone is a list of one. */
static enum err texts_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	CLEANUP(texts_freep) char **texts = NULL;
	size_t n = node->type == YAML_SCALAR ? 1 : node->count;
	enum err e;

	if (node->type == YAML_MAPPING)
		return conf_refuse(
			r, node, "%s must be a list, not a mapping", conf_option_label(o));
	e = items_count_check(r, o, node, n);
	if (e != ERR_OK)
		return e;
	texts = xcalloc(n + 1, sizeof(*texts));
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = node->type == YAML_SCALAR ? node : node->item[i];

		e = item_read(r, o, item, texts, i);
		if (e != ERR_OK)
			return e;
	}
	conf_set_texts(o, base, TAKE(texts));
	return ERR_OK;
}

static const struct {
	const char *word;
	enum secret_place place;
	const struct conf_form *form;
} places[] = {
	{ "file", SECRET_FILE, &conf_form_absolute_path },
	{ "credential", SECRET_CREDENTIAL, &conf_form_credential },
	{ "env", SECRET_ENV, &conf_form_variable },
	{ "vault", SECRET_VAULT, &conf_form_secret_path },
	{ "aws", SECRET_AWS, &conf_form_secret_path },
};

const char *conf_place_word(enum secret_place place)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i].place == place)
			return places[i].word;
	}
	return "none";
}

/* Whatever stands here may be the secret itself, so no message repeats any of it. */
static enum err ref_text(struct conf_reader *r, const char *label, const struct conf_form *form,
	const struct yaml_node *node, char **out)
{
	struct conf_form quiet = *form;

	if (*out != NULL)
		return conf_refuse(r, node, "%s %s", label, must_of(CONF_SECRET));
	quiet.quiet = true;
	return text_copy(r, label, &quiet, node, out);
}

/* One key of a reference: the place it is at, or what a provider needs beside. */
static enum err ref_key(struct conf_reader *r, const char *label, const struct yaml_node *key,
	const struct yaml_node *item, struct secret_ref *out)
{
	if (strcmp(key->text, "field") == 0)
		return ref_text(r, label, &conf_form_title, item, &out->field);
	if (strcmp(key->text, "provider") == 0)
		return ref_text(r, label, &conf_form_name, item, &out->provider);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (strcmp(key->text, places[i].word) != 0)
			continue;
		out->place = places[i].place;
		return ref_text(r, label, places[i].form, item, &out->name);
	}
	return conf_refuse(r, key, "%s %s", label, must_of(CONF_SECRET));
}

static bool ref_is_whole(const struct secret_ref *ref)
{
	if (ref->name == NULL)
		return false;
	if (!secret_ref_is_remote(ref))
		return ref->field == NULL && ref->provider == NULL;
	return ref->provider != NULL && (ref->field != NULL || ref->place == SECRET_AWS);
}

static enum err ref_read(struct conf_reader *r, const char *label, const struct yaml_node *node,
	struct secret_ref *out)
{
	struct secret_ref ref = { 0 };
	enum err e = ERR_OK;

	if (node->type != YAML_MAPPING)
		return conf_refuse(r, node, "%s %s", label, must_of(CONF_SECRET));
	for (size_t i = 0; i < node->count && e == ERR_OK; i++)
		e = ref_key(r, label, node->key[i], node->item[i], &ref);
	if (e == ERR_OK && !ref_is_whole(&ref))
		e = conf_refuse(r, node, "%s %s", label, must_of(CONF_SECRET));
	if (e == ERR_OK)
		*out = ref;
	else
		secret_ref_release(&ref);
	return e;
}

static enum err secret_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	struct secret_ref ref = { .place = SECRET_NONE };
	enum err e = ref_read(r, conf_option_label(o), node, &ref);

	if (e == ERR_OK)
		conf_set_secret(o, base, ref);
	return e;
}

static void secrets_freep(struct secret_ref **refs)
{
	conf_secrets_free(*refs);
}

/* Read a list; one reference alone is a list of one. */
static enum err secrets_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	CLEANUP(secrets_freep) struct secret_ref *refs = NULL;
	const bool alone = node->type != YAML_SEQUENCE;
	size_t n = alone ? 1 : node->count;
	enum err e = items_count_check(r, o, node, n);

	if (e != ERR_OK)
		return e;
	refs = xcalloc(n + 1, sizeof(*refs));
	for (size_t i = 0; i < n; i++) {
		e = ref_read(r, conf_option_label(o), alone ? node : node->item[i], &refs[i]);
		if (e != ERR_OK)
			return e;
	}
	conf_set_secrets(o, base, TAKE(refs));
	return ERR_OK;
}

enum err conf_value_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base)
{
	if (yaml_is_null(node))
		return conf_refuse(r, node, "%s has no value", conf_option_label(o));
	switch (o->type) {
	case CONF_TEXT: return text_read(r, o, node, base);
	case CONF_TEXTS: return texts_read(r, o, node, base);
	case CONF_SECRET: return secret_read(r, o, node, base);
	case CONF_SECRETS: return secrets_read(r, o, node, base);
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_MODE:
	case CONF_BOOL: break;
	}
	return number_read(r, o, node, base);
}

void conf_value_default(const struct conf_option *o, void *base)
{
	char **texts;

	if (o->dflt == NULL)
		return;
	if (o->type == CONF_TEXT) {
		conf_set_text(o, base, xstrdup(o->dflt));
	} else if (o->type == CONF_TEXTS) {
		texts = xcalloc(2, sizeof(*texts));
		texts[0] = xstrdup(o->dflt);
		conf_set_texts(o, base, texts);
	} else {
		conf_set_number(o, base, own_number(o, o->dflt));
	}
}
