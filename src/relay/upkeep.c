/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/upkeep.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/defs.h"
#include "base/log.h"
#include "io/loop.h"

/* Between two steps of a sweep, and between two sweeps. */
#define PAUSE_MS    50
#define REST_MS     ((int64_t)10 * 60 * 1000)
#define REST_MIN_MS 1000

struct upkeep {
	struct store *store;
	struct loop_timer *timer;
	struct store_retention keep;
	struct store_removed total, sweep;
	struct trigger_sweep *triggers;
	struct trigger_retention keep_triggers;
	struct trigger_removed triggers_total;
};

static void removed_add(struct store_removed *sum, const struct store_removed *n)
{
	sum->deliveries += n->deliveries;
	sum->dead += n->dead;
	sum->events += n->events;
	sum->quarantined += n->quarantined;
	sum->audit += n->audit;
	sum->builds += n->builds;
	sum->ownership += n->ownership;
}

/* What is kept for a short time is looked for more often. */
static int64_t rest_ms(const struct upkeep *u)
{
	const struct store_retention *keep = &u->keep;
	const int64_t age[] = { keep->deliveries_ms, keep->dead_ms, keep->events_ms,
		keep->quarantine_ms, keep->audit_ms, keep->ownership_ms,
		u->keep_triggers.triggers_ms, u->keep_triggers.keys_ms };
	int64_t rest = REST_MS;

	for (size_t i = 0; i < ARRAY_SIZE(age); i++) {
		if (age[i] > 0 && age[i] / 10 < rest)
			rest = age[i] / 10;
	}
	return rest < REST_MIN_MS ? REST_MIN_MS : rest;
}

static void rest(struct upkeep *u)
{
	loop_timer_set(u->timer, rest_ms(u));
}

static void on_maintained(void *ctx, enum claim_result r)
{
	(void)r;
	rest(ctx);
}

static void on_triggers(void *ctx, const struct trigger_removed *n)
{
	struct upkeep *u = ctx;

	u->triggers_total.triggers += n->triggers;
	u->triggers_total.keys += n->keys;
	if (n->triggers + n->keys > 0)
		log_info("retention.triggers", "triggers=%zu keys=%zu", n->triggers, n->keys);
	if (store_maintain(u->store, on_maintained, u) != ERR_OK)
		rest(u);
}

static void sweep_end(struct upkeep *u)
{
	const struct store_removed *n = &u->sweep;

	if (n->deliveries + n->dead + n->events + n->quarantined + n->audit + n->builds +
			n->ownership >
		0)
		log_info("retention.sweep",
			"deliveries=%zu dead=%zu events=%zu quarantined=%zu audit=%zu builds=%zu "
			"ownership=%zu",
			n->deliveries, n->dead, n->events, n->quarantined, n->audit, n->builds,
			n->ownership);
	u->sweep = (struct store_removed){ 0 };
	trigger_sweep_run(u->triggers, &u->keep_triggers, on_triggers, u);
}

static void on_step(void *ctx, enum claim_result r, const struct store_removed *n, bool more)
{
	struct upkeep *u = ctx;

	removed_add(&u->total, n);
	removed_add(&u->sweep, n);
	if (r == CLAIM_OK && more)
		loop_timer_set(u->timer, PAUSE_MS);
	else
		sweep_end(u);
}

static void on_due(void *ctx)
{
	struct upkeep *u = ctx;

	if (store_retain(u->store, &u->keep, on_step, u) != ERR_OK)
		rest(u);
}

struct upkeep *upkeep_new(struct loop *l, struct store *store)
{
	struct upkeep *u = xcalloc(1, sizeof(*u));

	u->store = store;
	u->timer = loop_timer_new(l, on_due, u);
	u->triggers = trigger_sweep_new(l, store);
	u->keep.audit_through = INT64_MAX;
	return u;
}

void upkeep_free(struct upkeep *u)
{
	if (u == NULL)
		return;
	loop_timer_free(u->timer);
	trigger_sweep_free(u->triggers);
	free(u);
}

void upkeep_set_retention(
	struct upkeep *u, const struct store_retention *r, const struct trigger_retention *triggers)
{
	int64_t through = u->keep.audit_through;

	u->keep = *r;
	u->keep_triggers = *triggers;
	u->keep.audit_through = through;
}

void upkeep_set_audit_through(struct upkeep *u, int64_t seq)
{
	u->keep.audit_through = seq;
}

void upkeep_start(struct upkeep *u)
{
	loop_timer_set(u->timer, REST_MIN_MS);
}

struct store_removed upkeep_removed(const struct upkeep *u)
{
	return u->total;
}

struct trigger_removed upkeep_removed_triggers(const struct upkeep *u)
{
	return u->triggers_total;
}
