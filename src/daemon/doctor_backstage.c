/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backstage/client.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/doctor_impl.h"
#include "daemon/own_keys.h"
#include "io/json.h"
#include "secret/safe.h"

/*
 * Backstage, plugin by plugin: those that the configuration needs must let us in,
 * and all others should keep us out. What a plugin says to a GET tells that without
 * doing anything: a token that is not for it is told so before all else, and a plugin
 * that is not there has nothing to say at all.
 */

#define DESCRIPTION_MAX 512

static bool needs_catalog(const struct conf *c)
{
	return c->catalog_file == NULL;
}

static bool has_sink(const struct conf *c, const char *type)
{
	for (size_t i = 0; i < c->sinks; i++) {
		if (strcmp(c->sink[i].type, type) == 0)
			return true;
	}
	return false;
}

static bool needs_events(const struct conf *c)
{
	return c->backstage_subscribe || has_sink(c, "backstage-events") ||
	       has_sink(c, "backstage-signals");
}

static bool needs_notifications(const struct conf *c)
{
	return has_sink(c, "backstage-notifications");
}

static bool needs_nothing(const struct conf *c)
{
	(void)c;
	return false;
}

/* The subscription is nobody's: the bus answers that there is none, and makes none. */
static const struct plugin {
	const char *name, *path, *package;
	bool (*is_needed)(const struct conf *c);
} plugins[] = {
	{ "catalog", "/api/catalog/entities/by-query?limit=1&fields=kind",
		"@backstage/plugin-catalog-backend", needs_catalog },
	{ "events", "/api/events/bus/v1/subscriptions/stagewire.doctor/events",
		"@backstage/plugin-events-backend", needs_events },
	{ "notifications", "/api/notifications?limit=1", "@backstage/plugin-notifications-backend",
		needs_notifications },
	{ "scaffolder", "/api/scaffolder/v2/tasks?limit=1", "@backstage/plugin-scaffolder-backend",
		needs_nothing },
	{ "search", "/api/search/query?term=stagewire", "@backstage/plugin-search-backend",
		needs_nothing },
	{ "permission", "/api/permission/stagewire-doctor", "@backstage/plugin-permission-backend",
		needs_nothing },
};

enum reach {
	REACH_IN,      /* it let us in, whatever it then said */
	REACH_BARRED,  /* the token is for other plugins */
	REACH_UNKNOWN, /* nobody knows the token */
	REACH_ABSENT,  /* there is no such plugin, or no such path in it */
	REACH_SILENT,
};

/* "This token's access is restricted to plugin(s) 'events'" */
static bool says_restricted(const struct httpc_answer *a)
{
	struct json_object *root = NULL;
	const char *message = NULL;
	bool restricted;

	if (jdoc_parse(a->body, NULL, &root) == ERR_OK)
		message = jdoc_text(jdoc_get(root, "error.message"));
	restricted = message != NULL && strstr(message, "access is restricted") != NULL;
	jdoc_free(root);
	return restricted;
}

static enum reach reach_of(const struct httpc_answer *a)
{
	if (a->result != HTTPC_ANSWERED || a->status >= 500)
		return REACH_SILENT;
	if (a->status == 401)
		return REACH_UNKNOWN;
	/* Without that word it is for users only, and we got as far as that. */
	if (a->status == 403)
		return says_restricted(a) ? REACH_BARRED : REACH_IN;
	return a->status == 404 && backstage_classify(a) != BACKSTAGE_GONE ? REACH_ABSENT
									   : REACH_IN;
}

static void fix_unknown(struct doctor_report *r, const struct conf *c)
{
	if (c->identity_issuer != NULL)
		doctor_fix(r,
			"Give Backstage an externalAccess of type jwks under backend.auth, with "
			"issuer %s and audience %s and the URL of our listen.keys.",
			c->identity_issuer, c->identity_audience);
	else
		doctor_fix(r, "Put what backstage.token has under backend.auth.externalAccess in "
			      "Backstage's app-config.yaml, as type static.");
}

static void judge_needed(
	struct doctor *x, const struct plugin *p, enum reach reach, const char *said)
{
	struct doctor_report *r = &x->report;

	switch (reach) {
	case REACH_IN:
		doctor_say(r, DOCTOR_OK, "backstage-plugin", p->name, "it lets us in (%s)", said);
		return;
	case REACH_BARRED:
		doctor_say(r, DOCTOR_FAIL, "backstage-plugin", p->name, "%s", said);
		doctor_fix(r, "Add '- plugin: %s' to accessRestrictions of our externalAccess.",
			p->name);
		return;
	case REACH_UNKNOWN:
		doctor_say(r, DOCTOR_FAIL, "backstage-plugin", p->name, "%s", said);
		fix_unknown(r, x->daemon->parts.conf);
		return;
	case REACH_ABSENT:
		doctor_say(r, DOCTOR_FAIL, "backstage-plugin", p->name, "%s", said);
		doctor_fix(r, "Add %s to Backstage's backend, or check backstage.url.", p->package);
		return;
	case REACH_SILENT:
		doctor_say(r, DOCTOR_FAIL, "backstage-plugin", p->name, "%s", said);
		doctor_fix(r, "See that Backstage runs and that backstage.url (%s) leads there.",
			x->daemon->parts.conf->backstage_url);
		return;
	}
}

static void judge_unneeded(
	struct doctor *x, const struct plugin *p, enum reach reach, const char *said)
{
	struct doctor_report *r = &x->report;

	switch (reach) {
	case REACH_IN:
		doctor_say(r, DOCTOR_WARN, "backstage-scope", p->name,
			"our token is good for it, and nothing here needs it (%s)", said);
		doctor_fix(r,
			"List under accessRestrictions of our externalAccess only the plugins that "
			"are needed: %s%s%s.",
			needs_catalog(x->daemon->parts.conf) ? "catalog " : "",
			needs_events(x->daemon->parts.conf) ? "events " : "",
			needs_notifications(x->daemon->parts.conf) ? "notifications" : "");
		return;
	case REACH_BARRED:
		doctor_say(r, DOCTOR_OK, "backstage-scope", p->name, "our token is not for it");
		return;
	case REACH_ABSENT:
	case REACH_UNKNOWN:
	case REACH_SILENT:
		doctor_say(r, DOCTOR_SKIPPED, "backstage-scope", p->name, "%s", said);
		return;
	}
}

static void on_plugin(void *ctx, const struct httpc_answer *a)
{
	struct probe *p = ctx;
	struct doctor *x = p->doctor;
	const struct plugin *plugin = &plugins[p->which];
	char said[DESCRIPTION_MAX];

	p->call = NULL;
	backstage_describe(a, said, sizeof(said));
	if (plugin->is_needed(x->daemon->parts.conf))
		judge_needed(x, plugin, reach_of(a), said);
	else
		judge_unneeded(x, plugin, reach_of(a), said);
	/* One of them has told the time for all. */
	if (p->which == 0 && a->result == HTTPC_ANSWERED)
		doctor_judge_clock(x, "backstage", a);
	probe_end(p);
}

/* A client with a copy of the token of now. */
static struct backstage_client *client_open(struct doctor *x, char **why)
{
	const struct conf *c = x->daemon->parts.conf;
	const struct backstage_client_conf conf = { c->backstage_url, DOCTOR_TIMEOUT_MS,
		(unsigned)c->backstage_connections };
	struct backstage_client *client;
	struct secret *token = NULL;

	if (c->backstage_token.place != SECRET_NONE &&
		safe_read(x->daemon->safe, &c->backstage_token, &token, NULL, why) != ERR_OK)
		return NULL;
	client = backstage_client_new(x->daemon->http, &conf, token);
	if (c->identity_issuer != NULL && x->daemon->keys != NULL)
		backstage_client_set_identity(client, own_keys_identity(x->daemon->keys));
	return client;
}

/* --- our own keys, as Backstage fetches them --- */

static void on_keys(void *ctx, const struct httpc_answer *a)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;

	p->call = NULL;
	if (a->result == HTTPC_ANSWERED && a->status == 200) {
		doctor_say(r, DOCTOR_OK, "own-keys", p->about, "our key set is served there");
	} else {
		doctor_say(r, DOCTOR_FAIL, "own-keys", p->about, "%s",
			a->result == HTTPC_ANSWERED ? "it answers, but not with our key set"
						    : httpc_result_str(a->result));
		doctor_fix(r, "See that nothing else listens at %s, and restart stagewired.",
			p->about);
	}
	probe_end(p);
}

static void ask_own_keys(struct doctor *x)
{
	const struct conf *c = x->daemon->parts.conf;
	const char *address = c->listen_keys == NULL ? NULL : c->listen_keys[0];
	char url[1024];
	struct probe *p;

	if (c->identity_issuer == NULL)
		return;
	if (address == NULL || strchr(address, '/') != NULL ||
		strncmp(address, "systemd:", 8) == 0 || c->tls_certificate != NULL) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "own-keys",
			address == NULL ? "listen.keys" : address,
			"it is TLS or no address to connect to from here: ask from Backstage's "
			"host");
		return;
	}
	snprintf(url, sizeof(url), "http://%s/.well-known/jwks.json", address);
	p = probe_new(x, address, 0);
	if (!probe_get(p, url, on_keys)) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "own-keys", address,
			"no URL can be made of it");
		probe_end(p);
	}
}

void doctor_ask_backstage(struct doctor *x)
{
	const struct conf *c = x->daemon->parts.conf;
	CLEANUP(freep) char *why = NULL;

	if (c->backstage_url == NULL) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "backstage-plugin", "backstage",
			"the configuration has no backstage.url");
		return;
	}
	x->client = client_open(x, &why);
	if (x->client == NULL) {
		doctor_say(
			&x->report, DOCTOR_FAIL, "backstage-token", "backstage.token", "%s", why);
		doctor_fix(&x->report, "See that backstage.token names a secret that is there.");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		struct probe *p = probe_new(x, plugins[i].name, i);

		if (backstage_call(x->client, "GET", plugins[i].path, (struct span){ 0 },
			    DOCTOR_ANSWER_MAX, on_plugin, p, &p->call) != ERR_OK) {
			doctor_say(&x->report, DOCTOR_FAIL, "backstage-plugin", plugins[i].name,
				"it cannot be asked: the URL or the token is not usable");
			doctor_fix(&x->report, "Check backstage.url and what backstage.token has.");
			probe_end(p);
		}
	}
	ask_own_keys(x);
}
