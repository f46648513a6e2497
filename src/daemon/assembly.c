/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/assembly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backstage/catalog_file.h"
#include "backstage/client.h"
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "daemon/api_credentials.h"
#include "daemon/author_key.h"
#include "daemon/driver.h"
#include "daemon/push_sources.h"
#include "io/secmem.h"
#include "model/catalog.h"
#include "model/sink.h"
#include "relay/source.h"
#include "secret/safe.h"
#include "travis/api.h"
#include "travis/keys.h"

/* Of calls that start builds and look after them. */
#define API_TIMEOUT_MS  20000
#define API_CONNECTIONS 4

static size_t list_count(char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static char **list_copy(char *const *list)
{
	size_t n = list_count(list);
	char **copy;

	if (n == 0)
		return NULL;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

/* --- Backstage --- */

static bool client_is_same(const struct conf *a, const struct conf *b)
{
	return text_same(a->backstage_url, b->backstage_url) &&
	       a->backstage_timeout_ms == b->backstage_timeout_ms &&
	       a->backstage_connections == b->backstage_connections &&
	       a->backstage_subscribe == b->backstage_subscribe;
}

static enum err build_client(const struct assembly_needs *needs, const struct assembly *running,
	struct assembly *a, char **why)
{
	const struct conf *c = a->conf;
	const struct backstage_client_conf conf = {
		.url = c->backstage_url,
		.timeout_ms = c->backstage_timeout_ms,
		/* The bus's long poll always holds one. */
		.connections_max = (unsigned)c->backstage_connections + c->backstage_subscribe,
	};
	struct secret *token = NULL;

	if (c->backstage_url == NULL)
		return ERR_OK;
	if (c->backstage_token.place != SECRET_NONE) {
		enum err e = safe_read(needs->safe, &c->backstage_token, &token, NULL, why);

		if (e != ERR_OK)
			return e;
	}
	if (running != NULL && running->client != NULL && client_is_same(running->conf, c)) {
		a->client = running->client;
		a->token = token;
	} else {
		a->client = backstage_client_new(needs->http, &conf, token);
	}
	return ERR_OK;
}

/* --- sources --- */

/* Fetched keys are remembered beside the database. */
static char *key_cache_path(const struct conf *c, const char *source)
{
	CLEANUP(freep) char *name = NULL;

	if (asprintf(&name, "keys-%s.json", source) < 0)
		out_of_memory();
	return conf_beside_store(c, name);
}

/* Where and with what builds are started, if they are. */
static enum err source_give_api(const struct assembly_needs *needs, const struct conf_source *cs,
	struct source *s, char **why)
{
	const struct travis_api_conf conf = {
		.url = cs->api_url,
		.timeout_ms = API_TIMEOUT_MS,
		.connections_max = API_CONNECTIONS,
	};
	struct secret *token = NULL;
	enum err e;

	if (cs->api_url == NULL)
		return ERR_OK;
	s->api = travis_api_new(needs->http, &conf);
	s->token = secret_ref_copy(&cs->api_token);
	s->builds_per_hour = (size_t)cs->builds_per_hour;
	if (secret_ref_is_remote(&s->token))
		return ERR_OK;
	/* It is fetched each time; here only to hear at once if it is not there. */
	e = secret_fetch(&s->token, &token, why);
	secret_free(token);
	return e;
}

static enum err source_new(const struct assembly_needs *needs, const struct conf *c,
	const struct conf_source *cs, struct source **out, char **why)
{
	struct source *s = xcalloc(1, sizeof(*s));
	CLEANUP(freep) char *cache = key_cache_path(c, cs->name);
	const struct travis_keys_conf keys = {
		.name = cs->name,
		.files = (const char *const *)cs->public_keys,
		.files_n = list_count(cs->public_keys),
		.config_url = cs->config_url,
		.cache_path = cache,
		.refresh_ms = cs->key_refresh_ms,
		.refetch_min_ms = cs->key_refetch_ms,
		.on_rotate = needs->on_rotate,
		.ctx = needs->ctx,
	};
	enum err e;

	s->name = xstrdup(cs->name);
	s->host = xstrdup(cs->host);
	s->owners = list_copy(cs->owners);
	s->body_max = cs->body_max;
	s->heal = (struct source_heal){
		.enabled = cs->heal,
		.every_ms = cs->heal_every_ms,
		.unfinished_ms = cs->heal_unfinished_ms,
		.window_ms = cs->heal_window_ms,
		.rate = (unsigned)cs->heal_rate,
	};
	e = source_give_api(needs, cs, s, why);
	if (e == ERR_OK)
		e = travis_keys_new(needs->loop, needs->http, &keys, &s->keys, why);
	if (e != ERR_OK) {
		source_free(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

static struct source *source_named(const struct relay_setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->sources; i++) {
		if (strcmp(setup->source[i]->name, name) == 0)
			return setup->source[i];
	}
	return NULL;
}

static struct source *source_carried(const struct assembly *running, const struct conf_source *cs)
{
	for (size_t i = 0; running != NULL && i < running->conf->sources; i++) {
		if (conf_item_is_same(CONF_SOURCES, &running->conf->source[i], cs))
			return source_named(&running->setup, cs->name);
	}
	return NULL;
}

static enum err build_sources(const struct assembly_needs *needs, const struct assembly *running,
	struct assembly *a, char **why)
{
	const struct conf *c = a->conf;

	a->setup.safe = needs->safe;
	a->setup.source = xcalloc(c->sources, sizeof(struct source *));
	for (size_t i = 0; i < c->sources; i++) {
		struct source *s;

		if (strcmp(c->source[i].type, "travis") != 0)
			continue;
		s = source_carried(running, &c->source[i]);
		if (s == NULL) {
			enum err e = source_new(needs, c, &c->source[i], &s, why);

			if (e != ERR_OK)
				return e;
		}
		a->setup.source[a->setup.sources++] = s;
	}
	return ERR_OK;
}

/* --- sinks --- */

static struct sink *sink_carried(
	const struct assembly *running, const struct assembly *a, const struct conf_sink *cs)
{
	/* The file sink does not care which Backstage there is, but one rule is enough. */
	if (running == NULL || running->client != a->client)
		return NULL;
	for (size_t i = 0; i < running->conf->sinks; i++) {
		if (conf_item_is_same(CONF_SINKS, &running->conf->sink[i], cs))
			return running->setup.sink[i];
	}
	return NULL;
}

/* A notification's own limits say how many builds it can tell of. */
#define COALESCE_MAX 16

/* A signal is tried until it is too old, which takes five minutes at most. */
#define SIGNAL_SCHEDULE                                                                            \
	"1s 2s 4s 8s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s 15s " \
	"15s 15s 15s 15s 15s 15s 15s 15s 15s"

static struct sink_policy policy_of(const struct conf_sink *c)
{
	struct sink_policy p = {
		.pace = { .inflight_max = (unsigned)c->inflight, .rate = (unsigned)c->rate },
		.circuit = {
			.failures_pct = (unsigned)c->circuit_failures,
			.tries_min = (unsigned)c->circuit_tries,
			.window_ms = c->circuit_window_ms,
			.hold_ms = c->circuit_hold_ms,
			.hold_max_ms = c->circuit_hold_max_ms,
		},
		.retry_after_max_ms = c->retry_after_max_ms,
		.disable_after_ms = c->disable_after_ms,
		.coalesce_ms = c->coalesce_ms,
		.coalesce_max = c->coalesce_ms > 0 ? COALESCE_MAX : 1,
	};

	/* Its form has been checked. */
	IGNORE(conf_schedule_read(
		c->schedule == NULL ? SIGNAL_SCHEDULE : c->schedule, &p.schedule));
	return p;
}

static enum err sink_make(const struct assembly_needs *needs, const struct assembly *a,
	const struct conf_sink *cs, struct sink **out, char **why)
{
	struct sink *sink = xcalloc(1, sizeof(*sink));
	enum err e = driver_init(needs, a->client, cs, sink, why);

	if (e != ERR_OK) {
		free(sink);
		return e;
	}
	sink->policy = policy_of(cs);
	*out = sink;
	return ERR_OK;
}

static enum err build_sinks(const struct assembly_needs *needs, const struct assembly *running,
	struct assembly *a, char **why)
{
	const struct conf *c = a->conf;

	a->setup.sink = xcalloc(c->sinks, sizeof(struct sink *));
	a->renewal = xcalloc(c->sinks, sizeof(*a->renewal));
	for (size_t i = 0; i < c->sinks; i++) {
		const struct conf_sink *cs = &c->sink[i];
		struct sink *sink = sink_carried(running, a, cs);
		enum err e;

		if (sink == NULL)
			e = sink_make(needs, a, cs, &sink, why);
		else
			e = driver_renew(needs->safe, cs, sink, &a->renewal[a->renewals++], why);
		if (e != ERR_OK)
			return e;
		a->setup.sink[a->setup.sinks++] = sink;
	}
	return ERR_OK;
}

/* --- routes and the rest --- */

static void build_routes(struct assembly *a)
{
	const struct conf *c = a->conf;

	a->setup.route = xcalloc(c->routes, sizeof(struct route));
	a->setup.routes = c->routes;
	for (size_t i = 0; i < c->routes; i++) {
		const struct route *from = &c->route[i];

		a->setup.route[i] = (struct route){
			.name = from->name == NULL ? NULL : xstrdup(from->name),
			.type = list_copy(from->type),
			.source = list_copy(from->source),
			.outcome = list_copy(from->outcome),
			.transition = list_copy(from->transition),
			.branch = list_copy(from->branch),
			.kind = list_copy(from->kind),
			.owner = list_copy(from->owner),
			.repository = list_copy(from->repository),
			.author = list_copy(from->author),
			.address = list_copy(from->address),
			.to = list_copy(from->to),
		};
	}
}

/* A host's name is before the slash of its annotations: "github.com". */
static struct span host_of(const char *annotation)
{
	const char *slash = strchr(annotation, '/');

	return slash == NULL ? (struct span){ NULL, 0 }
			     : (struct span){ annotation, (size_t)(slash - annotation) };
}

static enum err build_catalog(const struct assembly_needs *needs, struct assembly *a, char **why)
{
	const struct conf *c = a->conf;
	const struct entity_rules rules = author_rules(c, needs->names);

	a->setup.author = (struct travis_author_rules){
		.names = needs->names,
		.host = host_of(c->catalog_author_annotation),
	};

	a->setup.keep_catalog = c->catalog_file == NULL;
	if (c->catalog_file == NULL)
		return ERR_OK;
	a->catalog = catalog_new();
	return catalog_file_read(c->catalog_file, &rules, a->catalog, why);
}

static void build_dispatch(struct assembly *a)
{
	const struct conf *c = a->conf;

	a->setup.dispatch = (struct dispatch_conf){
		.memory_max = c->delivery_memory_max,
	};
}

/* What is kept in repositories' settings is as the configuration has it. */
static void build_variables(struct assembly *a)
{
	a->setup.variable = a->conf->variable;
	a->setup.variables = a->conf->variables;
	a->setup.catalog_age_max_ms = a->conf->access_catalog_age_ms;
}

static void build_retention(struct assembly *a)
{
	const struct conf *c = a->conf;

	a->setup.retention = (struct store_retention){
		.deliveries_ms = c->retention_deliveries_ms,
		.dead_ms = c->retention_dead_ms,
		.events_ms = c->retention_events_ms,
		.quarantine_ms = c->retention_quarantine_ms,
		.audit_ms = c->retention_audit_ms,
		.ownership_ms = c->retention_audit_ms,
	};
	a->setup.trigger_retention = (struct trigger_retention){
		.triggers_ms = c->retention_triggers_ms,
		.keys_ms = c->retention_trigger_keys_ms,
	};
}

enum err assembly_build(const struct assembly_needs *needs, struct conf *conf,
	const struct assembly *running, struct assembly *out, char **why)
{
	struct assembly a = { .conf = conf };
	enum err e = build_client(needs, running, &a, why);

	if (e == ERR_OK)
		e = build_sources(needs, running, &a, why);
	if (e == ERR_OK)
		e = build_sinks(needs, running, &a, why);
	if (e == ERR_OK)
		e = build_catalog(needs, &a, why);
	if (e == ERR_OK)
		e = api_credentials_fetch(conf, needs->safe, &a.credentials, why);
	if (e == ERR_OK)
		e = push_sources_fetch(conf, needs->safe, &a.pushers, why);
	if (e != ERR_OK) {
		if (running == NULL)
			assembly_release(&a);
		else
			assembly_retire(&a, running);
		return e;
	}
	build_routes(&a);
	build_dispatch(&a);
	build_retention(&a);
	build_variables(&a);
	*out = a;
	return ERR_OK;
}

static bool pointer_in(const void *p, void *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == p)
			return true;
	}
	return false;
}

/* Drop from one list what the other one holds too, so that freeing the rest is safe. */
static void list_subtract(void **list, size_t *n, void *const *other, size_t other_n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		if (!pointer_in(list[i], other, other_n))
			list[kept++] = list[i];
	}
	*n = kept;
}

void assembly_retire(struct assembly *old, const struct assembly *now)
{
	list_subtract((void **)old->setup.source, &old->setup.sources, (void **)now->setup.source,
		now->setup.sources);
	list_subtract((void **)old->setup.sink, &old->setup.sinks, (void **)now->setup.sink,
		now->setup.sinks);
	if (old->client == now->client)
		old->client = NULL;
	assembly_release(old);
}

void assembly_renew(struct assembly *a)
{
	if (a->token != NULL)
		backstage_client_set_token(a->client, TAKE(a->token));
	for (size_t i = 0; i < a->renewals; i++)
		driver_renewal_apply(&a->renewal[i]);
}

/* --- secrets that change by themselves --- */

static bool has_remote(const struct conf_sink *c)
{
	if (secret_ref_is_remote(&c->token))
		return true;
	for (const struct secret_ref *r = c->secrets; r != NULL && r->place != SECRET_NONE; r++) {
		if (secret_ref_is_remote(r))
			return true;
	}
	for (const struct secret_ref *r = c->secret_headers; r != NULL && r->place != SECRET_NONE;
		r++) {
		if (secret_ref_is_remote(r))
			return true;
	}
	return false;
}

bool assembly_sink_is_remote(const struct conf *c, size_t i)
{
	if (strncmp(c->sink[i].type, "backstage-", 10) == 0)
		return secret_ref_is_remote(&c->backstage_token);
	return has_remote(&c->sink[i]);
}

/* The first of what goes wrong is told. */
static void failure_keep(enum err e, char *what, enum err *first, char **why)
{
	if (e != ERR_OK && *first == ERR_OK) {
		*first = e;
		*why = what;
	} else {
		free(what);
	}
}

static void rekey_client(struct assembly *a, const struct safe *safe, enum err *first, char **why)
{
	const struct secret_ref *r = &a->conf->backstage_token;
	struct secret *token = NULL;
	char *what = NULL;
	enum err e;

	if (a->client == NULL || !secret_ref_is_remote(r))
		return;
	e = safe_read(safe, r, &token, NULL, &what);
	backstage_client_set_token(a->client, token);
	failure_keep(e, what, first, why);
}

static void rekey_sink(const struct conf_sink *c, struct sink *sink, const struct safe *safe,
	enum err *first, char **why)
{
	struct driver_renewal renewal = { 0 };
	char *what = NULL;
	enum err e;

	if (!has_remote(c))
		return;
	e = driver_renew(safe, c, sink, &renewal, &what);
	driver_renewal_apply(&renewal);
	failure_keep(e, what, first, why);
}

enum err assembly_rekey(
	struct assembly *a, const struct relay_setup *setup, const struct safe *safe, char **why)
{
	enum err first = ERR_OK, e;
	char *what = NULL;

	rekey_client(a, safe, &first, why);
	/* A sink for each of the configuration, in its order. */
	for (size_t i = 0; i < a->conf->sinks && i < setup->sinks; i++)
		rekey_sink(&a->conf->sink[i], setup->sink[i], safe, &first, why);
	api_credentials_free(TAKE(a->credentials));
	e = api_credentials_fetch(a->conf, safe, &a->credentials, &what);
	failure_keep(e, what, &first, why);
	what = NULL;
	push_sources_free(TAKE(a->pushers));
	e = push_sources_fetch(a->conf, safe, &a->pushers, &what);
	failure_keep(e, what, &first, why);
	return first;
}

void assembly_release(struct assembly *a)
{
	for (size_t i = 0; i < a->renewals; i++)
		driver_renewal_release(&a->renewal[i]);
	free(a->renewal);
	relay_setup_release(&a->setup);
	backstage_client_free(a->client);
	catalog_free(a->catalog);
	api_credentials_free(a->credentials);
	push_sources_free(a->pushers);
	secret_free(a->token);
	conf_free(a->conf);
	*a = (struct assembly){ 0 };
}
