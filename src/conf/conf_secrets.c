/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "secret/path.h"

/* --- providers --- */

/* What each way of signing in needs, and what belongs to no other way. */
static const struct {
	const char *way, *option;
	bool needed;
} parts[] = {
	{ "approle", "role_id", true },
	{ "approle", "secret_id", true },
	{ "jwt", "role", true },
	{ "jwt", "jwt", true },
	{ "token", "token", true },
	{ "static", "access_key_id", true },
	{ "static", "secret_access_key", true },
	{ "static", "session_token", false },
	{ "web-identity", "role_arn", false },
	{ "web-identity", "token_file", false },
	{ "web-identity", "sts", false },
	{ "imds", "metadata", false },
};

static bool option_is_given(const struct conf_provider *p, const char *option)
{
	char name[CONF_NAME_MAX];
	const struct conf_option *o;

	snprintf(name, sizeof(name), "secrets[].%s", option);
	o = conf_option_find(name);
	if (o->type == CONF_SECRET)
		return conf_secret(o, p).place != SECRET_NONE;
	return conf_text(o, p) != NULL;
}

static enum err way_check(struct conf_reader *r, size_t i, const char *way)
{
	const struct conf_provider *p = &r->conf->provider[i];

	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		const char *option = parts[k].option;
		bool given = option_is_given(p, option), ours = strcmp(parts[k].way, way) == 0;

		if (ours && parts[k].needed && !given)
			return conf_refuse(r, conf_item_node(r, "secrets", i, ""),
				"provider '%s' signs in by %s and needs a '%s'", p->name, way,
				option);
		/* auto takes whichever there is. */
		if (!ours && given && strcmp(way, "auto") != 0)
			return conf_refuse(r, conf_item_node(r, "secrets", i, option),
				"provider '%s' signs in by %s, and '%s' is for %s", p->name, way,
				option, parts[k].way);
	}
	return ERR_OK;
}

static enum err provider_check(struct conf_reader *r, size_t i)
{
	const struct conf_provider *p = &r->conf->provider[i];
	const bool is_vault = strcmp(p->type, "vault") == 0;

	if (is_vault && p->address == NULL)
		return conf_refuse(r, conf_item_node(r, "secrets", i, ""),
			"provider '%s' needs an 'address'", p->name);
	if (p->wrapped && strcmp(p->auth, "approle") != 0)
		return conf_refuse(r, conf_item_node(r, "secrets", i, "wrapped"),
			"provider '%s' signs in by %s, which has no secret_id to unwrap", p->name,
			p->auth);
	if (!is_vault && (p->access_key_id.place == SECRET_NONE) !=
				 (p->secret_access_key.place == SECRET_NONE))
		return conf_refuse(r, conf_item_node(r, "secrets", i, "access_key_id"),
			"provider '%s' needs both an access_key_id and a secret_access_key",
			p->name);
	return way_check(r, i, is_vault ? p->auth : p->credentials);
}

enum err conf_check_providers(struct conf_reader *r)
{
	return conf_check_each(r, r->conf->providers, provider_check);
}

/* --- references --- */

/* Visit the references of one option; n is how many there are. */
static const struct secret_ref *option_refs(
	const struct conf_option *o, const void *base, size_t *n)
{
	const struct secret_ref *refs = NULL;

	*n = 0;
	if (o->type == CONF_SECRET) {
		refs = (const void *)((const char *)base + o->field);
		*n = refs->place != SECRET_NONE;
	} else if (o->type == CONF_SECRETS) {
		refs = conf_secrets(o, base);
		while (refs != NULL && refs[*n].place != SECRET_NONE)
			++*n;
	}
	return refs;
}

/* There is one for each entity: it is fetched when it is needed. */
static bool ref_is_of_entity(const struct secret_ref *ref)
{
	return secret_ref_is_remote(ref) && secret_path_has_vars(ref->name);
}

struct ref_list {
	const struct secret_ref **at;
	size_t n;
};

static void refs_gather(struct ref_list *list, const char *prefix, const void *base)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct secret_ref *refs;
		size_t n;

		if (!conf_option_is_below(&conf_options[i], prefix))
			continue;
		refs = option_refs(&conf_options[i], base, &n);
		list->at = xrealloc(list->at, list->n + n + 1, sizeof(*list->at));
		for (size_t k = 0; k < n; k++) {
			if (!ref_is_of_entity(&refs[k]))
				list->at[list->n++] = &refs[k];
		}
	}
}

const struct secret_ref **conf_refs(const struct conf *c, size_t *n)
{
	struct ref_list list = { .at = xcalloc(1, sizeof(*list.at)) };

	refs_gather(&list, "", c);
	for (size_t l = 0; l < conf_lists_n; l++) {
		for (size_t i = 0; l != CONF_PROVIDERS && i < conf_list_count(&conf_lists[l], c);
			i++)
			refs_gather(
				&list, conf_lists[l].prefix, conf_list_item(&conf_lists[l], c, i));
	}
	*n = list.n;
	return list.at;
}

static const struct conf_provider *provider_find(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->providers; i++) {
		if (strcmp(c->provider[i].name, name) == 0)
			return &c->provider[i];
	}
	return NULL;
}

static enum err ref_check(struct conf_reader *r, const struct yaml_node *at,
	const struct conf_option *o, const struct secret_ref *ref)
{
	const char *label = conf_option_label(o);
	const struct conf_provider *p;

	if (!secret_ref_is_remote(ref))
		return ERR_OK;
	if (strncmp(o->name, "secrets[].", 10) == 0 || !o->reload)
		return conf_refuse(
			r, at, "%s must be on this host: a file, a credential or env", label);
	p = provider_find(r->conf, ref->provider);
	if (p == NULL)
		return conf_refuse(
			r, at, "%s: there is no provider of that name in 'secrets'", label);
	if (strcmp(p->type, conf_place_word(ref->place)) != 0)
		return conf_refuse(r, at, "%s: provider '%s' is of type %s, not %s", label, p->name,
			p->type, conf_place_word(ref->place));
	if (secret_path_has_vars(ref->name) && !o->of_entity)
		return conf_refuse(
			r, at, "%s belongs to no entity, so its path has no variables", label);
	return ERR_OK;
}

/* The node of an option that is in no list: "section.key", perhaps deeper. */
static const struct yaml_node *section_node(const struct conf_reader *r, const char *name)
{
	char section[CONF_NAME_MAX];
	const char *key = strrchr(name, '.');

	snprintf(section, sizeof(section), "%.*s", (int)strcspn(name, "."), name);
	return conf_node_of(r, section, key == NULL ? "" : key + 1);
}

static enum err refs_check(
	struct conf_reader *r, const struct conf_list *list, size_t item, const void *base)
{
	const char *prefix = list == NULL ? "" : list->prefix;

	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];
		const struct secret_ref *refs;
		char key[CONF_NAME_MAX];
		size_t n;

		if (!conf_option_is_below(o, prefix))
			continue;
		refs = option_refs(o, base, &n);
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(prefix, "["), prefix);
		for (size_t k = 0; k < n; k++) {
			enum err e = ref_check(r,
				list == NULL ? section_node(r, o->name)
					     : conf_item_node(r, key, item, conf_option_label(o)),
				o, &refs[k]);

			if (e != ERR_OK)
				return e;
		}
	}
	return ERR_OK;
}

enum err conf_check_refs(struct conf_reader *r)
{
	enum err e = refs_check(r, NULL, 0, r->conf);

	for (size_t l = 0; l < conf_lists_n && e == ERR_OK; l++) {
		for (size_t i = 0; i < conf_list_count(&conf_lists[l], r->conf) && e == ERR_OK; i++)
			e = refs_check(
				r, &conf_lists[l], i, conf_list_item(&conf_lists[l], r->conf, i));
	}
	return e;
}
