/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backstage/catalog_sync.h"
#include "base/log.h"
#include "conf/conf.h"
#include "daemon/api_access.h"
#include "daemon/audit_log.h"
#include "daemon/doctor.h"
#include "daemon/live.h"
#include "daemon/own_keys.h"
#include "daemon/page.h"
#include "daemon/push_door.h"
#include "daemon/secrets.h"
#include "daemon/visitors.h"
#include "io/sd.h"
#include "io/tls.h"
#include "model/sink.h"
#include "relay/relay.h"
#include "secret/safe.h"

/* --- secrets --- */

void daemon_doubt_secrets(void *ctx, const char *sink)
{
	struct daemon *d = ctx;

	if (d->safe != NULL && d->next.conf == NULL)
		secrets_doubt(d->safe, d->parts.conf, sink);
}

static void on_secrets_trouble(void *ctx, const char *provider, const char *why)
{
	struct daemon *d = ctx;

	if (why == NULL)
		log_notice("secret.recovered", "provider=%s", provider);
	else
		log_warning("secret.trouble", "provider=%s why=\"%s\"", provider, why);
	if (d->relay != NULL)
		relay_alarm_secrets(d->relay, provider, why);
}

/* Those that refused the secret of before may take the one of now. */
static void daemon_hasten(struct daemon *d)
{
	const struct conf *c = d->parts.conf;

	for (size_t i = 0; i < c->sinks; i++) {
		if (assembly_sink_is_remote(c, i))
			relay_hasten_sink(d->relay, c->sink[i].name);
	}
}

/* While a reload waits, it is the one who will look at them. */
static void on_secrets_change(void *ctx)
{
	struct daemon *d = ctx;
	CLEANUP(freep) char *why = NULL;

	d->next.changed = d->next.conf != NULL;
	if (d->relay == NULL || d->next.conf != NULL)
		return;
	if (assembly_rekey(&d->parts, relay_setup_now(d->relay), d->safe, &why) != ERR_OK) {
		log_err("secret.unusable", "why=\"%s\"", why == NULL ? "" : why);
		daemon_journal(d, "secret.rotate", "failure", "unusable", why);
	} else {
		log_notice("secret.rotate", "state=applied");
		daemon_hasten(d);
		daemon_journal(d, "secret.rotate", "success", NULL, NULL);
	}
	if (d->parts.credentials != NULL)
		api_access_set(d->access, TAKE(d->parts.credentials));
	if (d->parts.pushers != NULL)
		push_door_set(d->door, TAKE(d->parts.pushers));
}

struct safe *daemon_safe(struct daemon *d, const struct conf *c)
{
	const struct safe_needs needs = {
		.loop = d->loop,
		.on_change = on_secrets_change,
		.on_trouble = on_secrets_trouble,
		.ctx = d,
	};

	return secrets_open(c, d->http, &needs);
}

void daemon_await(struct safe *safe, const struct conf *c,
	void (*on_ready)(void *ctx, enum err e, const char *why), void *ctx)
{
	size_t n;
	const struct secret_ref **refs = conf_refs(c, &n);

	safe_await(safe, refs, n, on_ready, ctx);
	free(refs);
}

/* Keep no other secrets fresh than those that the configuration in use has. */
static void daemon_keep_secrets(struct daemon *d)
{
	size_t n;
	const struct secret_ref **refs = conf_refs(d->parts.conf, &n);

	if (d->safe != NULL)
		safe_keep(d->safe, refs, n);
	free(refs);
}

/* --- a configuration --- */

static void on_key_rotated(void *ctx, const char *fingerprint)
{
	struct daemon *d = ctx;

	if (d->relay != NULL)
		daemon_journal(d, "key.rotate", "success", NULL, fingerprint);
}

struct assembly_needs daemon_needs(struct daemon *d)
{
	return (struct assembly_needs){
		.loop = d->loop,
		.http = d->http,
		.safe = d->safe,
		.names = d->names,
		.on_rotate = on_key_rotated,
		.on_refused = daemon_doubt_secrets,
		.ctx = d,
	};
}

/* The parts in use, as a view: the setup is the relay's. */
static struct assembly daemon_parts(const struct daemon *d)
{
	struct assembly view = d->parts;

	view.setup = *relay_setup_now(d->relay);
	return view;
}

static bool follows_same(const struct conf *a, const struct conf *b, bool same_client)
{
	return same_client && a->catalog_file == NULL && b->catalog_file == NULL &&
	       strcmp(a->catalog_annotation, b->catalog_annotation) == 0 &&
	       strcmp(a->catalog_author_annotation, b->catalog_author_annotation) == 0 &&
	       a->catalog_refresh_ms == b->catalog_refresh_ms &&
	       a->catalog_page_size == b->catalog_page_size;
}

static void daemon_apply(struct daemon *d, struct assembly *next)
{
	struct assembly old = d->parts, view;
	const struct httpd_limits limits = daemon_limits(next->conf);
	bool same = follows_same(old.conf, next->conf, old.client == next->client);

	doctor_free(d->doctor);
	relay_apply(d->relay, &next->setup, &old.setup);
	d->parts = *next;
	assembly_renew(&d->parts);
	push_door_set(d->door, TAKE(d->parts.pushers));
	api_access_set(d->access, TAKE(d->parts.credentials));
	visitors_set(d->visitors, d->parts.conf);
	if (d->keys != NULL)
		own_keys_reload(d->keys, d->parts.conf);
	daemon_identify(d);
	httpd_set_limits(d->httpd, &limits);
	log_set_level(d->parts.conf->log_level);
	audit_log_reload(d->log, d->parts.conf);
	conf_digest(d->parts.conf, d->conf_digest);
	if (same)
		catalog_sync_hint(d->sync);
	else
		daemon_follow_catalog(d);
	live_follow(d->live, d->parts.client, d->parts.conf);
	page_reload(d->page);
	view = daemon_parts(d);
	assembly_retire(&old, &view);
}

/* --- another one --- */

static enum err daemon_prepare(struct daemon *d, struct assembly *next, char **why)
{
	struct assembly_needs needs = daemon_needs(d);
	struct assembly view = daemon_parts(d);
	enum err e;

	needs.safe = d->next.safe;
	e = assembly_build(&needs, TAKE(d->next.conf), &view, next, why);
	if (e != ERR_OK || d->tls == NULL)
		return e;
	e = tls_server_reload(d->tls, next->conf->tls_certificate, next->conf->tls_key, why);
	if (e != ERR_OK)
		assembly_retire(next, &view);
	return e;
}

static void reload_done(struct daemon *d, struct assembly *next)
{
	const struct relay_setup *setup;

	daemon_apply(d, next);
	setup = relay_setup_now(d->relay);
	for (size_t i = 0; i < setup->sinks; i++) {
		if (setup->sink[i]->ops->reopen != NULL)
			setup->sink[i]->ops->reopen(setup->sink[i]->self);
	}
	if (d->next.safe != d->safe) {
		safe_free(d->safe);
		d->safe = d->next.safe;
	}
	d->next.safe = NULL;
	d->reloads++;
	log_notice("reload", "conf=%s sha256=%s", d->conf_path, d->conf_digest);
	daemon_journal(d, "config.reload", "success", NULL, d->conf_digest);
}

static void reload_refused(struct daemon *d, const char *why)
{
	conf_free(TAKE(d->next.conf));
	if (d->next.safe != d->safe)
		safe_free(d->next.safe);
	d->next.safe = NULL;
	d->reload_failures++;
	log_err("reload.refused", "why=\"%s\"", why == NULL ? "" : why);
	daemon_journal(d, "config.reload", "failure", "refused", why);
}

static void on_reload_secrets(void *ctx, enum err e, const char *problem)
{
	struct daemon *d = ctx;
	struct assembly next = { 0 };
	CLEANUP(freep) char *why = NULL;

	if (d->stopping)
		return;
	if (e != ERR_OK)
		reload_refused(d, problem);
	else if (daemon_prepare(d, &next, &why) == ERR_OK)
		reload_done(d, &next);
	else
		reload_refused(d, why);
	daemon_keep_secrets(d);
	if (d->next.changed && (e != ERR_OK || why != NULL))
		on_secrets_change(d);
	d->next.changed = false;
	sd_ready();
	if (d->next.again) {
		d->next.again = false;
		daemon_reload(d);
	}
}

static enum err reload_read(struct daemon *d, struct conf **out, char **why)
{
	struct conf *conf = NULL;
	const char *frozen;
	enum err e = conf_load(d->conf_path, &conf, why);

	if (e != ERR_OK)
		return e;
	frozen = conf_frozen_change(d->parts.conf, conf);
	if (frozen == NULL) {
		*out = conf;
		return ERR_OK;
	}
	if (asprintf(why, "%s: '%s' cannot change without a restart", d->conf_path, frozen) < 0)
		abort();
	conf_free(conf);
	return ERR_PARSE;
}

void daemon_reload(void *ctx)
{
	struct daemon *d = ctx;
	CLEANUP(freep) char *why = NULL;

	if (d->stopping)
		return;
	if (d->next.conf != NULL) {
		d->next.again = true;
		return;
	}
	sd_reloading();
	if (reload_read(d, &d->next.conf, &why) != ERR_OK) {
		reload_refused(d, why);
		sd_ready();
		return;
	}
	d->next.safe = secrets_are_same(d->parts.conf, d->next.conf) ? d->safe
								     : daemon_safe(d, d->next.conf);
	if (secrets_are_remote(d->next.conf))
		daemon_await(d->next.safe, d->next.conf, on_reload_secrets, d);
	else
		on_reload_secrets(d, ERR_OK, NULL);
}
