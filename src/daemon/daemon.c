/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon_impl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/publish.h"
#include "audit/record.h"
#include "backstage/catalog_reader.h"
#include "backstage/catalog_sync.h"
#include "base/log.h"
#include "conf/conf.h"
#include "daemon/admin.h"
#include "daemon/api.h"
#include "daemon/api_access.h"
#include "daemon/audit_log.h"
#include "daemon/author_key.h"
#include "daemon/doctor.h"
#include "daemon/live.h"
#include "daemon/own_keys.h"
#include "daemon/page.h"
#include "daemon/push_door.h"
#include "daemon/secrets.h"
#include "daemon/visitors.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "io/pseudonym.h"
#include "io/sd.h"
#include "io/secmem.h"
#include "io/tls.h"
#include "secret/safe.h"
#include "store/store.h"

#define TICK_MS       1000
#define DRAIN_POLL_MS 20

void daemon_journal(struct daemon *d, const char *action, const char *outcome, const char *reason,
	const char *detail)
{
	struct audit_record r = {
		.action = action,
		.outcome = outcome,
		.reason = reason,
		.actor = SPAN("stagewired"),
		.detail = span_of(detail),
	};

	relay_journal(d->relay, &r);
}

/* --- limits and listeners --- */

struct httpd_limits daemon_limits(const struct conf *c)
{
	return (struct httpd_limits){
		.head_max = c->http_head_max,
		.token_head_max = c->http_api_head_max,
		.uri_max = c->http_uri_max,
		.fields_max = (unsigned)c->http_fields_max,
		.request_ms = c->http_request_ms,
		.body_ms_per_mib = c->http_body_ms_per_mib,
		.idle_ms = c->http_idle_ms,
		.requests_max = (unsigned)c->http_requests_max,
		.connections_max = (unsigned)c->http_connections_max,
		.connections_per_address = (unsigned)c->http_connections_per_address,
		.inflight_max = c->http_inflight_max,
		.output_pause = 64 * 1024,
		.streams_max = (unsigned)c->http_streams_max,
	};
}

static enum err daemon_listen_all(
	struct daemon *d, char *const *addresses, const struct httpd_listen *how, char **why)
{
	for (; addresses != NULL && *addresses != NULL; addresses++) {
		struct httpd_listen conf = *how;
		enum err e;

		conf.address = *addresses;
		conf.mode = (unsigned)d->parts.conf->listen_mode;
		e = httpd_listen(d->httpd, &conf, why);
		if (e != ERR_OK)
			return e;
		log_notice("listen", "address=%s tls=%d", *addresses, conf.tls != NULL);
	}
	return ERR_OK;
}

static enum err daemon_listen(struct daemon *d, char **why)
{
	const struct conf *c = d->parts.conf;
	const struct httpd_limits limits = daemon_limits(c);
	struct httpd_listen hooks = { 0 }, keys = { 0 }, api = { 0 }, admin = { 0 };
	enum err e;

	d->httpd = httpd_new(d->loop, &limits);
	if (c->tls_certificate != NULL) {
		e = tls_server_new(c->tls_certificate, c->tls_key, &d->tls, why);
		if (e != ERR_OK)
			return e;
	}
	hooks.tls = keys.tls = api.tls = d->tls;
	hooks.handler = push_door_before(d->door, relay_hooks(d->relay));
	e = daemon_listen_all(d, c->listen_hooks, &hooks, why);
	if (e == ERR_OK && d->keys != NULL) {
		keys.handler = own_keys_handler(d->keys);
		e = daemon_listen_all(d, c->listen_keys, &keys, why);
	}
	if (e != ERR_OK)
		return e;
	api.handler = api_handler(d);
	api.takes_tokens = true;
	e = daemon_listen_all(d, c->listen_api, &api, why);
	if (e != ERR_OK)
		return e;
	admin.handler = admin_handler(d);
	return daemon_listen_all(d, c->listen_admin, &admin, why);
}

/* --- life --- */

static void on_heartbeat(void *ctx, enum err e, int64_t version, struct span value)
{
	struct daemon *d = ctx;

	(void)e;
	(void)version;
	(void)value;
	d->heartbeat = false;
	sd_watchdog_feed();
}

/* Retention waits for what is not published yet; without a log, for nothing. */
static void daemon_tell_published(struct daemon *d)
{
	if (d->log != NULL)
		relay_audit_published(d->relay, publisher_stats(d->log).published_seq);
}

/* The watchdog is fed by a turn of the loop that went through the store and back. */
static void on_tick(void *ctx)
{
	struct daemon *d = ctx;
	int64_t interval_ms = sd_watchdog_interval_ms();

	if (!d->heartbeat)
		d->heartbeat =
			store_get(d->store, "heartbeat", SPAN("-"), on_heartbeat, d) == ERR_OK;
	daemon_tell_published(d);
	daemon_rotate(d);
	loop_timer_set(d->tick, interval_ms > 0 && interval_ms < TICK_MS ? interval_ms : TICK_MS);
}

static void on_drain(void *ctx)
{
	struct daemon *d = ctx;
	bool done = !httpd_is_busy(d->httpd) && relay_is_idle(d->relay);

	/* The last entries are published too. */
	if (done) {
		publisher_finish(d->log);
		done = publisher_is_finished(d->log);
	}
	if (!done && clock_mono().ms < d->drain_until.ms) {
		loop_timer_set(d->drain, DRAIN_POLL_MS);
		return;
	}
	if (!done)
		log_warning("stop.cut-short", "drain_ms=%lld", (long long)d->parts.conf->drain_ms);
	loop_stop(d->loop);
}

static void on_stop(void *ctx)
{
	struct daemon *d = ctx;

	if (d->stopping)
		return;
	d->stopping = true;
	log_notice("stop", "uptime_ms=%lld", (long long)(clock_mono().ms - d->started.ms));
	sd_stopping();
	daemon_journal(d, "daemon.stop", "success", NULL, NULL);
	doctor_free(d->doctor);
	httpd_drain(d->httpd);
	relay_drain(d->relay);
	d->drain_until.ms = clock_mono().ms + d->parts.conf->drain_ms;
	loop_timer_set(d->drain, 0);
}

static void on_health(void *ctx, enum store_health h)
{
	(void)ctx;
	switch (h) {
	case STORE_OK: log_notice("store.ok", "state=writable"); return;
	case STORE_READONLY: log_err("store.full", "state=no-room"); return;
	case STORE_DOWN: log_err("store.down", "state=down"); return;
	}
}

static enum err daemon_open_store(struct daemon *d, char **why)
{
	const struct conf *c = d->parts.conf;
	const struct store_config conf = {
		.path = c->store_path,
		.owner = "stagewired",
		.inflight_max = c->store_inflight_max,
	};
	enum err e = sqlite_store_open(d->loop, &conf, &d->store, why);

	if (e == ERR_OK)
		store_on_health(d->store, on_health, d);
	return e;
}

static void on_log_trouble(void *ctx, const char *why)
{
	struct daemon *d = ctx;

	if (why == NULL)
		log_notice("audit.recovered", "state=ok");
	else
		log_err("audit.trouble", "why=\"%s\"", why);
	if (d->relay != NULL)
		relay_alarm_log(d->relay, why);
}

static void on_checkpoint(void *ctx, struct span note)
{
	struct daemon *d = ctx;

	relay_checkpoint(d->relay, note);
}

static enum err daemon_open_log(struct daemon *d, char **why)
{
	const struct audit_log_needs needs = {
		.loop = d->loop,
		.store = d->store,
		.on_trouble = on_log_trouble,
		.on_checkpoint = on_checkpoint,
		.ctx = d,
	};

	return audit_log_start(&needs, d->parts.conf, &d->log, why);
}

static void on_relay_ready(void *ctx)
{
	struct daemon *d = ctx;

	daemon_follow_catalog(d);
	live_follow(d->live, d->parts.client, d->parts.conf);
}

static void daemon_handle_signals(struct daemon *d)
{
	signal(SIGPIPE, SIG_IGN);
	d->on_hup = loop_signal_new(d->loop, SIGHUP, daemon_reload, d);
	d->on_term = loop_signal_new(d->loop, SIGTERM, on_stop, d);
	d->on_int = loop_signal_new(d->loop, SIGINT, on_stop, d);
	d->tick = loop_timer_new(d->loop, on_tick, d);
	d->drain = loop_timer_new(d->loop, on_drain, d);
	loop_timer_set(d->tick, 0);
}

/* Serves nothing yet, so the loop is theirs alone. */
struct first_secrets {
	struct loop *loop;
	enum err err;
	char *why;
};

static void on_first_secrets(void *ctx, enum err e, const char *why)
{
	struct first_secrets *f = ctx;

	f->err = e;
	f->why = e == ERR_OK ? NULL : xstrdup(why);
	loop_stop(f->loop);
}

static enum err daemon_fetch_secrets(struct daemon *d, const struct conf *c, char **why)
{
	struct first_secrets first = { .loop = d->loop };
	enum err e;

	d->safe = daemon_safe(d, c);
	if (!secrets_are_remote(c))
		return ERR_OK;
	daemon_await(d->safe, c, on_first_secrets, &first);
	e = loop_run(d->loop);
	*why = first.why;
	return e == ERR_OK ? first.err : e;
}

enum err daemon_start(struct daemon *d, const char *conf_path, struct conf *conf, char **why)
{
	struct assembly_needs needs;
	struct relay_setup none;
	enum err e;

	*d = (struct daemon){ .conf_path = conf_path, .loop = loop_new() };
	d->started = clock_mono();
	d->started_at = clock_wall();
	d->http = httpc_new(d->loop);
	e = daemon_fetch_secrets(d, conf, why);
	if (e == ERR_OK)
		e = author_key_open(conf, &d->names, why);
	if (e != ERR_OK) {
		conf_free(conf);
		return e;
	}
	needs = daemon_needs(d);
	e = assembly_build(&needs, conf, NULL, &d->parts, why);
	if (e != ERR_OK)
		return e;
	log_set_level(d->parts.conf->log_level);
	conf_digest(d->parts.conf, d->conf_digest);
	e = daemon_open_store(d, why);
	if (e != ERR_OK)
		return e;
	e = daemon_open_log(d, why);
	if (e != ERR_OK)
		return e;
	if (d->parts.conf->listen_keys != NULL) {
		e = own_keys_open(d->parts.conf, clock_wall(), &d->keys, why);
		if (e != ERR_OK)
			return e;
	}
	daemon_identify(d);
	d->relay = relay_new(d->loop, d->store);
	d->access = api_access_new(d->relay);
	d->visitors = visitors_new(d->loop, d->http, d->relay);
	visitors_set(d->visitors, d->parts.conf);
	api_access_set(d->access, TAKE(d->parts.credentials));
	e = catalog_reader_new(d->loop, relay_catalog_index(d->relay), &d->reader);
	if (e != ERR_OK)
		return e;
	d->live = daemon_live(d);
	d->door = push_door_new(d);
	push_door_set(d->door, TAKE(d->parts.pushers));
	d->page = page_new(d);
	relay_apply(d->relay, &d->parts.setup, &none);
	daemon_tell_published(d);
	e = daemon_listen(d, why);
	if (e != ERR_OK)
		return e;
	daemon_handle_signals(d);
	relay_start(d->relay, on_relay_ready, d);
	daemon_journal(d, "daemon.start", "success", NULL, d->conf_digest);
	log_notice("start", "version=%s conf=%s sha256=%s", PACKAGE_VERSION, conf_path,
		d->conf_digest);
	sd_ready();
	return ERR_OK;
}

enum err daemon_run(struct daemon *d)
{
	return loop_run(d->loop);
}

/* The store first: its last answers go to the relay, the log and clients that still wait. */
void daemon_release(struct daemon *d)
{
	doctor_free(d->doctor);
	visitors_free(TAKE(d->visitors));
	catalog_sync_free(TAKE(d->sync));
	live_stop(d->live);
	catalog_reader_free(d->reader);
	store_close(d->store);
	live_free(d->live);
	push_door_free(d->door);
	page_free(d->page);
	publisher_free(d->log);
	relay_free(d->relay);
	assembly_release(&d->parts);
	httpd_free(d->httpd);
	api_access_free(d->access);
	own_keys_free(d->keys);
	conf_free(d->next.conf);
	if (d->next.safe != d->safe)
		safe_free(d->next.safe);
	safe_free(d->safe);
	pseudonym_key_free(d->names);
	tls_server_free(d->tls);
	httpc_free(d->http);
	loop_timer_free(d->tick);
	loop_timer_free(d->drain);
	loop_signal_free(d->on_hup);
	loop_signal_free(d->on_term);
	loop_signal_free(d->on_int);
	loop_free(d->loop);
}
