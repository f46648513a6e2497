/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon_impl.h"

#include <stdio.h>

#include "backstage/catalog_reader.h"
#include "backstage/catalog_sync.h"
#include "backstage/client.h"
#include "base/log.h"
#include "conf/conf.h"
#include "daemon/author_key.h"
#include "daemon/live.h"
#include "daemon/own_keys.h"
#include "model/catalog.h"
#include "relay/relay.h"

/* --- who we are to Backstage --- */

static void on_backstage_refusal(void *ctx)
{
	daemon_doubt_secrets(ctx, NULL);
}

void daemon_identify(struct daemon *d)
{
	if (d->parts.client == NULL)
		return;
	backstage_client_set_identity(d->parts.client, own_keys_identity(d->keys));
	backstage_client_on_refused(d->parts.client, on_backstage_refusal, d);
}

void daemon_rotate(struct daemon *d)
{
	CLEANUP(freep) char *why = NULL;
	const char *name;

	if (d->keys == NULL || d->stopping)
		return;
	if (own_keys_tick(d->keys, clock_wall(), &name, &why) != ERR_OK) {
		log_err("identity.stuck", "why=\"%s\"", why);
		daemon_journal(d, "key.rotate", "failure", "identity", why);
	} else if (name != NULL) {
		log_notice("identity.rotate", "key=%s", name);
		daemon_journal(d, "key.rotate", "success", "identity", name);
	}
}

/* --- the catalog --- */

static const struct catalog *known_catalog(void *ctx)
{
	struct daemon *d = ctx;

	return relay_catalog_now(d->relay);
}

static bool may_go_on(void *ctx)
{
	const struct daemon *d = ctx;

	return !relay_catalog_is_behind(d->relay);
}

static void on_catalog_whole(void *ctx, struct wall began)
{
	struct daemon *d = ctx;

	relay_catalog_read(d->relay, began);
	live_refreshed(d->live);
}

static bool is_reading_catalog(void *ctx)
{
	const struct daemon *d = ctx;

	return d->sync != NULL && catalog_sync_status(d->sync).syncing;
}

/* A read under way may have seen an entity before it changed: read once more. */
static void on_catalog_patched(void *ctx, struct wall began)
{
	struct daemon *d = ctx;

	relay_catalog_patched(d->relay, began);
	if (is_reading_catalog(d))
		catalog_sync_hint(d->sync);
}

static void on_catalog_owed(void *ctx)
{
	struct daemon *d = ctx;

	if (d->sync != NULL)
		catalog_sync_hint(d->sync);
}

static void on_bus_alarm(void *ctx, const char *why)
{
	struct daemon *d = ctx;

	relay_alarm_bus(d->relay, why);
}

struct live *daemon_live(struct daemon *d)
{
	const struct live_needs needs = {
		.loop = d->loop,
		.store = d->store,
		.names = d->names,
		.known = known_catalog,
		.reader = d->reader,
		.on_patched = on_catalog_patched,
		.on_owed = on_catalog_owed,
		.is_reading = is_reading_catalog,
		.on_alarm = on_bus_alarm,
		.ctx = d,
	};

	return live_new(&needs);
}

static void on_catalog_trouble(void *ctx, const char *why)
{
	struct daemon *d = ctx;

	if (why == NULL) {
		if (d->catalog_trouble[0] != '\0')
			log_notice("catalog.recovered", "was=\"%s\"", d->catalog_trouble);
		d->catalog_trouble[0] = '\0';
		return;
	}
	live_read_failed(d->live);
	snprintf(d->catalog_trouble, sizeof(d->catalog_trouble), "%s", why);
	log_warning("catalog.trouble", "why=\"%s\"", why);
}

void daemon_follow_catalog(struct daemon *d)
{
	const struct conf *c = d->parts.conf;
	const struct catalog_sync_conf conf = {
		.rules = author_rules(c, d->names),
		.refresh_ms = c->catalog_refresh_ms,
		.page_size = (unsigned)c->catalog_page_size,
		.reader = d->reader,
		.may_go_on = may_go_on,
		.on_whole = on_catalog_whole,
		.on_trouble = on_catalog_trouble,
		.ctx = d,
	};

	catalog_sync_free(d->sync);
	d->sync = NULL;
	d->catalog_trouble[0] = '\0';
	if (d->parts.catalog != NULL) {
		relay_catalog_file(d->relay, d->parts.catalog);
		catalog_free(TAKE(d->parts.catalog));
		return;
	}
	d->sync = catalog_sync_new(d->loop, d->parts.client, &conf);
}
