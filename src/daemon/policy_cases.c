/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/policy_cases.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/suggest.h"
#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "io/yaml.h"
#include "model/entity.h"
#include "model/policy.h"

static const struct yaml_limits limits = {
	.bytes_max = (size_t)1024 * 1024,
	.nodes_max = 100000,
	.depth_max = 4,
};

/* --- what a case has --- */

static bool fits_text(const char *text)
{
	(void)text;
	return true;
}

static bool fits_action(const char *text)
{
	enum access_action a;

	return access_action_parse(span_of(text), &a) == ERR_OK;
}

/* Whole, where a rule may have a pattern. */
static bool fits_principal(const char *text)
{
	return conf_form_principal.fits(text) && strchr(text, '*') == NULL;
}

static bool ref_read(const char *text, const char *kind, struct buf *ref)
{
	return entity_ref_parse(span_of(text), kind, ref) == ERR_OK;
}

static bool fits_entity(const char *text)
{
	CLEANUP(buf_release) struct buf ref;

	buf_init(&ref, ENTITY_TEXT_MAX);
	return ref_read(text, "component", &ref);
}

static bool fits_user(const char *text)
{
	CLEANUP(buf_release) struct buf ref;

	buf_init(&ref, ENTITY_TEXT_MAX);
	return ref_read(text, "user", &ref) && span_is(entity_ref_kind(buf_span(&ref)), "user");
}

static const struct conf_form form_text = { .noun = "text", .fits = fits_text };
static const struct conf_form form_action = { .noun = "word",
	.fits = fits_action,
	.must = "must be build.trigger, build.restart, build.cancel or build.read" };
static const struct conf_form form_principal = { .noun = "principal",
	.fits = fits_principal,
	.must = "must be a user such as user:default/alice or an agent such as agent:release-bot" };
static const struct conf_form form_entity = { .noun = "reference",
	.fits = fits_entity,
	.must = "must be a reference such as component:default/parcel-api" };
static const struct conf_form form_user = {
	.noun = "reference", .fits = fits_user, .must = "must be a user such as user:default/alice"
};

#define FIELD(member)                                                                              \
	.field = offsetof(struct policy_case, member),                                             \
	.width = sizeof(((struct policy_case *)0)->member)

/* clang-format off */
static const struct conf_option rows[] = {
	{ .name = "name", .type = CONF_TEXT, FIELD(name), .form = &form_text },
	{ .name = "principal", .type = CONF_TEXT, FIELD(principal), .form = &form_principal,
	  .required = true },
	{ .name = "on_behalf_of", .type = CONF_TEXT, FIELD(behalf), .form = &form_user },
	{ .name = "action", .type = CONF_TEXT, FIELD(action), .form = &form_action,
	  .dflt = "build.trigger" },
	{ .name = "entity", .type = CONF_TEXT, FIELD(entity), .form = &form_entity,
	  .required = true },
	{ .name = "branch", .type = CONF_TEXT, FIELD(branch), .form = &form_text },
	{ .name = "env_override", .type = CONF_BOOL, FIELD(overrides), .dflt = "false" },
	{ .name = "token_age", .type = CONF_DURATION, FIELD(token_age_ms), .dflt = "0s",
	  .min = "0s", .max = "365d" },
	{ .name = "expect", .type = CONF_TEXT, FIELD(expect), .form = &conf_form_effect,
	  .required = true },
	{ .name = "rule", .type = CONF_TEXT, FIELD(rule), .form = &form_text },
};
/* clang-format on */

/* --- reading --- */

static enum err unknown_key(struct conf_reader *r, const struct yaml_node *key)
{
	struct suggestion s;

	suggestion_init(&s, span_of(key->text));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		suggestion_offer(&s, span_of(rows[i].name));
	return conf_refuse_key(r, key, &s);
}

static enum err pair_read(struct conf_reader *r, const struct yaml_node *key,
	const struct yaml_node *node, struct policy_case *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, key->text) == 0)
			return conf_value_read(r, &rows[i], node, c);
	}
	return unknown_key(r, key);
}

/* Put the canonical ref in the place of what was written. */
static void ref_settle(char **text, const char *kind)
{
	struct buf ref;

	if (*text == NULL)
		return;
	buf_init(&ref, ENTITY_TEXT_MAX);
	IGNORE(ref_read(*text, kind, &ref)); /* its form has seen to it */
	free(*text);
	*text = buf_detach(&ref);
}

static enum err case_read(
	struct conf_reader *r, const struct yaml_node *node, struct policy_case *c)
{
	enum err e = ERR_OK;

	if (node->type != YAML_MAPPING)
		return conf_refuse(r, node, "a case must be a mapping of keys to values");
	c->line = node->line;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		conf_value_default(&rows[i], c);
	for (size_t i = 0; e == ERR_OK && i < node->count; i++)
		e = pair_read(r, node->key[i], node->item[i], c);
	for (size_t i = 0; e == ERR_OK && i < ARRAY_SIZE(rows); i++) {
		if (rows[i].required && conf_text(&rows[i], c) == NULL)
			e = conf_refuse(r, node, "this case needs '%s'", rows[i].name);
	}
	if (e != ERR_OK)
		return e;
	ref_settle(&c->entity, "component");
	ref_settle(&c->behalf, "user");
	return ERR_OK;
}

static enum err cases_read(
	struct conf_reader *r, struct yaml_node *const *docs, size_t n, struct policy_cases *all)
{
	enum err e = ERR_OK;

	if (n > 1)
		return conf_refuse(r, docs[1], "a second document; there must be one only");
	if (n == 0 || docs[0]->type != YAML_SEQUENCE || docs[0]->count == 0)
		return conf_refuse(r, n == 0 ? NULL : docs[0],
			"expected a list of cases, each of which begins with '- '");
	all->list = xcalloc(docs[0]->count, sizeof(*all->list));
	while (e == ERR_OK && all->n < docs[0]->count) {
		all->n++;
		e = case_read(r, docs[0]->item[all->n - 1], &all->list[all->n - 1]);
	}
	return e;
}

enum err policy_cases_read(struct span text, const char *name, struct policy_cases *out, char **why)
{
	struct conf_reader r = { .name = name };
	struct policy_cases all = { 0 };
	struct yaml_error at = { 0 };
	struct yaml_node **docs;
	size_t n;
	enum err e = yaml_parse(text, &limits, &docs, &n, &at);

	if (e != ERR_OK) {
		const struct yaml_node here = { .line = at.line, .column = at.column };

		IGNORE(conf_refuse(&r, &here, "%s", at.text));
		*why = r.why;
		return e;
	}
	e = cases_read(&r, docs, n, &all);
	yaml_free_all(docs, n);
	if (e == ERR_OK) {
		*out = all;
		return ERR_OK;
	}
	*why = r.why;
	policy_cases_release(&all);
	return e;
}

void policy_cases_release(struct policy_cases *all)
{
	for (size_t i = 0; i < all->n; i++) {
		for (size_t f = 0; f < ARRAY_SIZE(rows); f++)
			conf_field_release(&rows[f], &all->list[i]);
	}
	free(all->list);
	*all = (struct policy_cases){ 0 };
}
