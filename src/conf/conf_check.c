/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "io/yaml.h"
#include "model/address.h"

const struct yaml_node *conf_node_of(
	const struct conf_reader *r, const char *section, const char *key)
{
	const struct yaml_node *inside = yaml_get(r->root, section);
	const struct yaml_node *node = yaml_get(inside, key);

	if (node != NULL)
		return node;
	return inside != NULL ? inside : r->root;
}

/* Items are read from a sequence, one for one. */
const struct yaml_node *conf_item_node(
	const struct conf_reader *r, const char *list, size_t i, const char *key)
{
	const struct yaml_node *item = yaml_get(r->root, list)->item[i];
	const struct yaml_node *node = yaml_get(item, key);

	return node != NULL ? node : item;
}

const struct yaml_node *conf_text_node(const struct yaml_node *node, size_t i)
{
	return node->type == YAML_SEQUENCE ? node->item[i] : node;
}

static enum err names_check(struct conf_reader *r, const struct conf_list *list, const char *key)
{
	char quoted[CONF_QUOTE_MAX];

	for (size_t i = 0; i < conf_list_count(list, r->conf); i++) {
		const char *name = conf_item_text(list, conf_list_item(list, r->conf, i), "name");

		for (size_t j = 0; j < i; j++) {
			const void *before = conf_list_item(list, r->conf, j);

			if (strcmp(conf_item_text(list, before, "name"), name) != 0)
				continue;
			return conf_refuse(r, conf_item_node(r, key, i, "name"),
				"there is %s %s %s on line %u already", conf_article(list->noun),
				list->noun, conf_quote(name, quoted),
				conf_item_node(r, key, j, "name")->line);
		}
	}
	return ERR_OK;
}

static bool texts_have(char *const *texts, const char *wanted)
{
	for (; texts != NULL && *texts != NULL; texts++) {
		if (strcmp(*texts, wanted) == 0)
			return true;
	}
	return false;
}

/* Each listener serves one thing. */
static enum err listen_once_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct {
		const char *key;
		char *const *addresses;
	} listener[] = {
		{ "hooks", c->listen_hooks },
		{ "admin", c->listen_admin },
		{ "keys", c->listen_keys },
		{ "api", c->listen_api },
	};
	char quoted[CONF_QUOTE_MAX];

	for (size_t i = 1; i < ARRAY_SIZE(listener); i++) {
		for (char *const *at = listener[i].addresses; at != NULL && *at != NULL; at++) {
			for (size_t j = 0; j < i; j++) {
				if (!texts_have(listener[j].addresses, *at))
					continue;
				return conf_refuse(r, conf_node_of(r, "listen", listener[i].key),
					"%s is in listen.%s too", conf_quote(*at, quoted),
					listener[j].key);
			}
		}
	}
	return ERR_OK;
}

static enum err tls_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if ((c->tls_certificate == NULL) != (c->tls_key == NULL))
		return conf_refuse(r, conf_node_of(r, "tls", "certificate"),
			"tls needs both a certificate and a key");
	return ERR_OK;
}

/* Bounds that only make sense together. */
static enum err bounds_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (c->http_uri_max >= c->http_head_max)
		return conf_refuse(r, conf_node_of(r, "http", "max_uri"),
			"http.max_uri must be less than http.max_head");
	if (c->http_uri_max >= c->http_api_head_max)
		return conf_refuse(r, conf_node_of(r, "http", "max_uri"),
			"http.max_uri must be less than http.max_api_head");
	if (c->http_connections_per_address > c->http_connections_max)
		return conf_refuse(r, conf_node_of(r, "http", "max_connections_per_address"),
			"http.max_connections_per_address must not be more than "
			"http.max_connections");
	/* A key that is known tells of its trigger. */
	if (c->retention_triggers_ms > 0 && c->retention_trigger_keys_ms > c->retention_triggers_ms)
		return conf_refuse(r, conf_node_of(r, "retention", "trigger_keys"),
			"retention.trigger_keys must not be longer than retention.triggers");
	return ERR_OK;
}

static enum err travis_source_check(struct conf_reader *r, size_t i)
{
	const struct conf_source *s = &r->conf->source[i];

	if (s->public_keys == NULL && s->config_url == NULL)
		return conf_refuse(r, conf_item_node(r, "sources", i, ""),
			"source '%s' needs public_keys or a config_url", s->name);
	if ((s->api_url == NULL) != (s->api_token.place == SECRET_NONE))
		return conf_refuse(r, conf_item_node(r, "sources", i, "api_url"),
			"source '%s' needs both an api_url and an api_token", s->name);
	if (s->heal && s->api_url == NULL)
		return conf_refuse(r, conf_item_node(r, "sources", i, "heal"),
			"source '%s' needs an api_url to be healed from", s->name);
	return ERR_OK;
}

static enum err catalog_source_check(struct conf_reader *r, size_t i)
{
	const struct conf *c = r->conf;
	const struct conf_source *s = &c->source[i];

	if (s->secrets == NULL)
		return conf_refuse(r, conf_item_node(r, "sources", i, ""),
			"source '%s' needs 'secrets'", s->name);
	if (c->backstage_url == NULL || c->catalog_file != NULL)
		return conf_refuse(r, conf_item_node(r, "sources", i, "type"),
			"source '%s' needs a backstage.url to read again from, and no catalog.file",
			s->name);
	if (s->entity_filter != NULL && strcmp(s->protocol, "forgedapps") != 0)
		return conf_refuse(r, conf_item_node(r, "sources", i, "entity_filter"),
			"nobody asks for an entity_filter by protocol %s", s->protocol);
	return ERR_OK;
}

static enum err sources_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->sources; i++) {
		const struct conf_source *s = &c->source[i];

		enum err e;

		if (strcmp(s->type, "catalog") == 0)
			e = catalog_source_check(r, i);
		else
			e = travis_source_check(r, i);
		if (e != ERR_OK)
			return e;
		if (s->body_max > c->http_inflight_max)
			return conf_refuse(r, conf_item_node(r, "sources", i, "max_body"),
				"max_body must not be more than http.max_inflight");
	}
	return ERR_OK;
}

/* More than so many would not fit beside our own. */
#define HEADERS_MAX 24

static enum err http_sink_check(struct conf_reader *r, size_t i)
{
	const struct conf_sink *s = &r->conf->sink[i];
	const bool plain = s->url != NULL && strncmp(s->url, "http:", 5) == 0;
	size_t headers = 0;

	if (plain && !conf_url_is_loopback(s->url) &&
		(s->token.place != SECRET_NONE || s->secret_headers != NULL))
		return conf_refuse(r, conf_item_node(r, "sinks", i, "url"),
			"sink '%s' would send its secrets unencrypted: url must be an https URL",
			s->name);
	while (s->headers != NULL && s->headers[headers] != NULL)
		headers++;
	if (headers > HEADERS_MAX)
		return conf_refuse(r, conf_item_node(r, "sinks", i, "headers"),
			"headers has more than %d items", HEADERS_MAX);
	return ERR_OK;
}

/* A file that nobody reads would make one believe in a check that is not made. */
static enum err sink_tls_check(struct conf_reader *r, size_t i)
{
	const struct conf_sink *s = &r->conf->sink[i];
	bool is_given = s->ca != NULL || s->certificate != NULL || s->key != NULL;

	if ((s->certificate == NULL) != (s->key == NULL))
		return conf_refuse(r, conf_item_node(r, "sinks", i, "certificate"),
			"sink '%s' needs both a certificate and a key", s->name);
	if (is_given && s->address != NULL && strncmp(s->address, "tls:", 4) != 0)
		return conf_refuse(r, conf_item_node(r, "sinks", i, "address"),
			"ca, certificate and key need an address that begins with tls:");
	return ERR_OK;
}

static enum err sink_kinds_check(struct conf_reader *r)
{
	for (size_t i = 0; i < r->conf->sinks; i++) {
		enum err e = http_sink_check(r, i);

		if (e == ERR_OK)
			e = sink_tls_check(r, i);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err circuits_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->sinks; i++) {
		if (c->sink[i].circuit_hold_ms > c->sink[i].circuit_hold_max_ms)
			return conf_refuse(r, conf_item_node(r, "sinks", i, "circuit"),
				"circuit.hold must not be more than circuit.max_hold");
	}
	return ERR_OK;
}

/* Two that append to one file would rotate it under each other's feet. */
static enum err sinks_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->sinks; i++) {
		for (size_t j = 0; j < i; j++) {
			if (c->sink[i].path == NULL || c->sink[j].path == NULL ||
				strcmp(c->sink[i].path, c->sink[j].path) != 0)
				continue;
			return conf_refuse(r, conf_item_node(r, "sinks", i, "path"),
				"sink '%s' has this path already", c->sink[j].name);
		}
	}
	return ERR_OK;
}

/* Who needs a Backstage must say where it is. */
static enum err backstage_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (c->backstage_url != NULL)
		return ERR_OK;
	for (size_t i = 0; i < c->sinks; i++) {
		if (strncmp(c->sink[i].type, "backstage-", 10) == 0)
			return conf_refuse(r, conf_item_node(r, "sinks", i, "type"),
				"sink '%s' needs a backstage.url", c->sink[i].name);
	}
	if (c->catalog_file == NULL)
		return conf_refuse(r, conf_node_of(r, "backstage", ""),
			"backstage.url is missing; without it there must be a catalog.file");
	return ERR_OK;
}

/* One way to prove who we are, and keys that are known before they sign. */
static enum err identity_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct yaml_node *section = yaml_get(yaml_get(r->root, "backstage"), "identity");
	const struct yaml_node *at = conf_node_of(r, "backstage", "identity");

	if (c->identity_issuer == NULL && (section == NULL || yaml_is_null(section)))
		return ERR_OK;
	if (c->identity_issuer == NULL)
		return conf_refuse(r, section, "backstage.identity needs an 'issuer'");
	if (c->backstage_token.place != SECRET_NONE)
		return conf_refuse(r, at, "backstage has a token or an identity, not both");
	if (strcmp(c->identity_audience, "backstage") == 0)
		return conf_refuse(r, at,
			"identity.audience must not be backstage: that is for users' tokens");
	if (c->listen_keys == NULL)
		return conf_refuse(r, at,
			"backstage.identity needs a listen.keys, where Backstage fetches the keys");
	if (c->identity_rotate_ms < 2 * c->identity_overlap_ms + c->identity_lifetime_ms)
		return conf_refuse(r, at,
			"identity.rotate must not be less than twice the overlap and the lifetime");
	return ERR_OK;
}

/* A caller without a secret would be anybody. */
static enum err credentials_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->credentials; i++) {
		if (c->credential[i].secret.place == SECRET_NONE)
			return conf_refuse(r, conf_item_node(r, "credentials", i, ""),
				"credential '%s' needs a 'secret'", c->credential[i].name);
	}
	return ERR_OK;
}

/* Is there an item of that name? If not, *s has the nearest. */
static bool name_exists(
	const struct conf *c, const struct conf_list *list, const char *name, struct suggestion *s)
{
	suggestion_init(s, span_of(name));
	for (size_t i = 0; i < conf_list_count(list, c); i++) {
		const char *have = conf_item_text(list, conf_list_item(list, c, i), "name");

		if (strcmp(have, name) == 0)
			return true;
		suggestion_offer(s, span_of(have));
	}
	return false;
}

enum err conf_name_check(struct conf_reader *r, const char *name, const struct conf_list *list,
	const struct yaml_node *at)
{
	char quoted[CONF_QUOTE_MAX];
	struct suggestion s;

	if (name_exists(r->conf, list, name, &s))
		return ERR_OK;
	conf_quote(name, quoted);
	if (s.best.n == 0)
		return conf_refuse(r, at, "there is no %s %s", list->noun, quoted);
	return conf_refuse(r, at, "there is no %s %s; did you mean '%.*s'?", list->noun, quoted,
		SPAN_ARGS(s.best));
}

/* Each name must be of an item; at is the node of them all. */
static enum err references_check(struct conf_reader *r, char *const *names,
	const struct conf_list *list, const struct yaml_node *at)
{
	enum err e = ERR_OK;

	for (size_t i = 0; names != NULL && names[i] != NULL && e == ERR_OK; i++) {
		if (strchr(names[i], '*') == NULL)
			e = conf_name_check(r, names[i], list, conf_text_node(at, i));
	}
	return e;
}

/* Only what tells people can be addressed. */
static enum err address_check(struct conf_reader *r, size_t i)
{
	const struct route *route = &r->conf->route[i];

	if (route_address(route) == ADDRESS_OWNER)
		return ERR_OK;
	for (char **to = route->to; *to != NULL; to++) {
		for (size_t k = 0; k < r->conf->sinks; k++) {
			const struct conf_sink *sink = &r->conf->sink[k];

			if (strcmp(sink->name, *to) == 0 &&
				strcmp(sink->type, "backstage-notifications") == 0)
				return ERR_OK;
		}
	}
	return conf_refuse(r, conf_item_node(r, "routes", i, "address"),
		"address is for sinks of type backstage-notifications; 'to' names none");
}

static enum err routes_check(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->routes; i++) {
		const struct route *route = &c->route[i];
		const struct yaml_node *when = conf_item_node(r, "routes", i, "when");
		enum err e;

		e = references_check(
			r, route->source, &conf_lists[CONF_SOURCES], yaml_get(when, "source"));
		if (e != ERR_OK)
			return e;
		e = references_check(r, route->to, &conf_lists[CONF_SINKS],
			conf_item_node(r, "routes", i, "to"));
		if (e == ERR_OK)
			e = address_check(r, i);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err conf_check(struct conf_reader *r)
{
	static enum err (*const checks[])(struct conf_reader *) = { listen_once_check, tls_check,
		bounds_check, sources_check, sinks_check, circuits_check, sink_kinds_check,
		routes_check, backstage_check, identity_check, credentials_check,
		conf_check_issuers, conf_check_agents, conf_check_providers, conf_check_refs,
		conf_check_variables };
	static const char *const keys[] = {
		[CONF_SOURCES] = "sources",
		[CONF_SINKS] = "sinks",
		[CONF_ROUTES] = "routes",
		[CONF_POLICY] = "policy",
		[CONF_VARIABLES] = "variables",
		[CONF_CREDENTIALS] = "credentials",
		[CONF_PROVIDERS] = "secrets",
		[CONF_ISSUERS] = "issuers",
		[CONF_AGENTS] = "agents",
	};
	enum err e;

	for (size_t i = 0; i < conf_lists_n; i++) {
		e = names_check(r, &conf_lists[i], keys[i]);
		if (e != ERR_OK)
			return e;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		e = checks[i](r);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
