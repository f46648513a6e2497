/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backstage/hint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "daemon/conf.h"
#include "io/loop.h"
#include "store/store.h"

#define LEASE_TTL_MS   30000
#define LEASE_RENEW_MS 10000
#define LEASE_RETRY_MS 1000

/* Where the configuration names no topics. */
static const char *const default_topics[] = {
	"stagewire.catalog",
	"experimental.catalog.conflict",
	"experimental.catalog.errors",
	NULL,
};

struct live {
	struct live_needs needs;
	struct backstage_client *client;
	char id[160];
	const char *const *topics; /* the configuration's, or ours */
	struct catalog_patch *patch;
	struct bus *bus; /* NULL: not wanted, or another instance has the lease */
	struct map told; /* refs that a repeating topic has hinted at since the last whole read */
	struct loop_timer *timer;
	bool leasing; /* the store was asked and has not answered */
	struct live_status status;
	char trouble[256];
};

static void on_ref(void *ctx, struct span ref, bool repeats)
{
	struct live *l = ctx;

	if (repeats && map_put(&l->told, ref, l) != NULL) {
		l->status.repeats++;
		return;
	}
	l->status.hints++;
	catalog_patch_hint(l->patch, ref);
}

static void live_owe(struct live *l)
{
	l->status.whole++;
	l->needs.on_owed(l->needs.ctx);
}

static void on_events(void *ctx, struct span answer)
{
	struct live *l = ctx;
	const struct hint_taker taker = { .on_ref = on_ref, .ctx = l };
	struct hint_tally tally = { 0 };
	enum err e = hint_read(answer, &taker, &tally);

	if (e != ERR_OK)
		log_warning("bus.unreadable", "bytes=%zu error=\"%s\"", answer.n, err_str(e));
	l->status.events += tally.events;
	if (e != ERR_OK || tally.whole)
		live_owe(l);
}

static void on_gap(void *ctx)
{
	struct live *l = ctx;

	log_info("bus.subscribed", "id=%s", l->id);
	live_owe(l);
}

static void on_trouble(void *ctx, const char *why)
{
	struct live *l = ctx;

	if (why == NULL) {
		log_notice("bus.recovered", "was=\"%s\"", l->trouble);
		l->trouble[0] = '\0';
		return;
	}
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	log_warning("bus.trouble", "why=\"%s\"", why);
}

static void on_owed(void *ctx)
{
	live_owe(ctx);
}

static void on_patched(void *ctx)
{
	struct live *l = ctx;

	l->needs.on_patched(l->needs.ctx);
}

static void live_subscribe(struct live *l)
{
	const struct bus_conf conf = {
		.id = l->id,
		.topics = l->topics,
		.on_events = on_events,
		.on_gap = on_gap,
		.on_trouble = on_trouble,
		.ctx = l,
	};

	l->bus = bus_new(l->needs.loop, l->client, &conf);
}

static void live_unsubscribe(struct live *l)
{
	bus_free(l->bus);
	l->bus = NULL;
	l->trouble[0] = '\0';
}

static void on_lease(void *ctx, bool held, int64_t token)
{
	struct live *l = ctx;

	(void)token;
	l->leasing = false;
	if (!l->status.wanted)
		return;
	l->status.held = held;
	if (held && l->bus == NULL)
		live_subscribe(l);
	else if (!held && l->bus != NULL)
		live_unsubscribe(l);
	loop_timer_set(l->timer, LEASE_RENEW_MS);
}

static void on_due(void *ctx)
{
	struct live *l = ctx;

	if (l->leasing)
		return;
	l->leasing = store_lease(l->needs.store, "bus", LEASE_TTL_MS, on_lease, l) == ERR_OK;
	if (!l->leasing)
		loop_timer_set(l->timer, LEASE_RETRY_MS);
}

/* The same over restarts, so that what is published meanwhile waits; another for another store. */
static void live_name(struct live *l, const struct conf *c)
{
	static const struct hash_key key = { 0 };
	char host[65] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		snprintf(host, sizeof(host), "unnamed");
	snprintf(l->id, sizeof(l->id), "external.stagewire.%s.%08" PRIx32, host,
		(uint32_t)hash_bytes(&key, span_of(c->store_path)));
}

struct live *live_new(const struct live_needs *needs)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->needs = *needs;
	map_init(&l->told);
	l->timer = loop_timer_new(needs->loop, on_due, l);
	return l;
}

void live_stop(struct live *l)
{
	if (l == NULL)
		return;
	loop_timer_stop(l->timer);
	live_unsubscribe(l);
	catalog_patch_free(l->patch);
	l->patch = NULL;
	l->status.wanted = false;
	l->status.held = false;
}

void live_free(struct live *l)
{
	if (l == NULL)
		return;
	live_stop(l);
	loop_timer_free(l->timer);
	map_release(&l->told);
	free(l);
}

void live_follow(struct live *l, struct backstage_client *client, const struct conf *c)
{
	const struct catalog_patch_conf conf = {
		.annotation = c->catalog_annotation,
		.reader = l->needs.reader,
		.on_patched = on_patched,
		.on_owed = on_owed,
		.ctx = l,
	};

	live_stop(l);
	if (!c->backstage_subscribe || client == NULL || c->catalog_file != NULL)
		return;
	l->status.wanted = true;
	l->client = client;
	l->topics = default_topics;
	if (c->backstage_topics != NULL && c->backstage_topics[0] != NULL)
		l->topics = (const char *const *)c->backstage_topics;
	live_name(l, c);
	l->patch = catalog_patch_new(l->needs.loop, client, &conf);
	loop_timer_set(l->timer, 0);
}

void live_refreshed(struct live *l)
{
	map_release(&l->told);
	map_init(&l->told);
}

struct live_status live_status(const struct live *l)
{
	struct live_status s = l->status;

	s.bus.last_event = WALL_NONE;
	if (l->bus != NULL)
		s.bus = bus_status(l->bus);
	if (l->patch != NULL)
		s.patch = catalog_patch_status(l->patch);
	s.trouble = l->trouble;
	return s;
}
