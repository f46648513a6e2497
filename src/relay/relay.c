/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/loop.h"
#include "model/address.h"
#include "model/sink.h"
#include "relay/announce.h"
#include "relay/budget.h"
#include "relay/chronicle.h"
#include "relay/healer.h"
#include "relay/ingress.h"
#include "relay/journal.h"
#include "relay/keeper.h"
#include "relay/memo.h"
#include "relay/quota.h"
#include "relay/relay_impl.h"
#include "relay/release.h"
#include "relay/replay.h"
#include "relay/source.h"
#include "relay/triggers.h"
#include "relay/upkeep.h"
#include "relay/variables.h"

/* Builds and lines whose state is remembered in memory: the busiest of a large site. */
#define MEMO_NOTES 2048

#define SCRATCH_MAX (256 * 1024)

void relay_setup_release(struct relay_setup *s)
{
	for (size_t i = 0; i < s->sources; i++)
		source_free(s->source[i]);
	for (size_t i = 0; i < s->sinks; i++) {
		struct sink *sink = s->sink[i];

		sink->ops->cancel(sink->self);
		sink->ops->free(sink->self);
		free(sink->name);
		free(sink);
	}
	for (size_t i = 0; i < s->routes; i++)
		route_release(&s->route[i]);
	free(s->source);
	free(s->sink);
	free(s->route);
	*s = (struct relay_setup){ 0 };
}

static void scratch_each(struct scratch *s, void (*fn)(struct buf *b))
{
	struct buf *const all[] = { &s->build_key, &s->line_key, &s->okey, &s->slug,
		&s->build_value, &s->line_value, &s->event, &s->fact, &s->entities, &s->audit };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		fn(all[i]);
}

static void scratch_init_one(struct buf *b)
{
	buf_init(b, SCRATCH_MAX);
}

static void on_news(void *ctx, const struct sink_news *news)
{
	struct relay *r = ctx;

	announce_news(r->announcer, news);
}

struct relay *relay_new(struct loop *l, struct store *store)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->store = store;
	r->stats.catalog_at = WALL_NONE;
	r->memo = memo_new(MEMO_NOTES);
	r->journal = journal_new(l, store);
	r->dispatch = dispatch_new(l, store, &(struct dispatch_conf){ 0 });
	r->announcer = announcer_new(r);
	dispatch_on_news(r->dispatch, on_news, r);
	r->index = catalog_new();
	r->keeper = keeper_new(l, store, r->index);
	r->chronicle = chronicle_new(l, store, r->journal, r->index);
	r->release = release_new(r);
	r->upkeep = upkeep_new(l, store);
	r->budget = budget_new();
	r->quota = quota_new();
	r->triggers = triggers_new(r);
	r->variables = variables_new(r);
	r->healer = healer_new(r);
	r->round = round_new();
	scratch_each(&r->scratch, scratch_init_one);
	return r;
}

void relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	replay_free(r->replay);
	triggers_free(r->triggers);
	variables_free(r->variables);
	healer_free(r->healer);
	quota_free(r->quota);
	budget_free(r->budget);
	relay_setup_release(&r->setup);
	dispatch_free(r->dispatch);
	announcer_free(r->announcer);
	release_free(r->release);
	keeper_free(r->keeper);
	chronicle_free(r->chronicle);
	upkeep_free(r->upkeep);
	journal_free(r->journal);
	memo_free(r->memo);
	catalog_free(r->index);
	scratch_each(&r->scratch, buf_release);
	free(r->round);
	free(r);
}

static void on_restored(void *ctx)
{
	struct relay *r = ctx;

	r->ready = true;
	r->on_ready(r->on_ready_ctx);
	dispatch_start(r->dispatch);
	upkeep_start(r->upkeep);
	triggers_restore(r->triggers);
	variables_start(r->variables);
	healer_start(r->healer);
	if (r->catalog != NULL)
		release_run(r->release);
}

static void on_announced(void *ctx)
{
	struct relay *r = ctx;

	triggers_remember(r->triggers, on_restored, r);
}

static void on_remembered(void *ctx)
{
	struct relay *r = ctx;

	relay_catalog_start(r);
	announcer_restore(r->announcer, on_announced, r);
}

void relay_start(struct relay *r, void (*on_ready)(void *ctx), void *ctx)
{
	r->on_ready = on_ready;
	r->on_ready_ctx = ctx;
	if (r->setup.keep_catalog)
		keeper_load(r->keeper, on_remembered, r);
	else
		on_remembered(r);
}

void relay_apply(struct relay *r, struct relay_setup *setup, struct relay_setup *old)
{
	*old = r->setup;
	r->setup = *setup;
	*setup = (struct relay_setup){ 0 };
	dispatch_set_conf(r->dispatch, &r->setup.dispatch);
	upkeep_set_retention(r->upkeep, &r->setup.retention, &r->setup.trigger_retention);
	dispatch_set_sinks(r->dispatch, r->setup.sink, r->setup.sinks);
	if (r->setup.safe != old->safe) {
		triggers_rekey(r->triggers);
		healer_rekey(r->healer);
	}
	variables_rekey(r->variables);
	healer_apply(r->healer);
}

bool relay_is_ready(const struct relay *r)
{
	return r->ready && dispatch_stats(r->dispatch).loaded;
}

void relay_on_build(struct relay *r, void (*on_build)(void *ctx, struct span repository), void *ctx)
{
	r->on_build = on_build;
	r->on_build_ctx = ctx;
}

struct httpd_handler relay_hooks(struct relay *r)
{
	return ingress_handler(r);
}

void relay_journal(struct relay *r, struct audit_record *record)
{
	journal_write(r->journal, record);
}

bool relay_has_sink(const struct relay *r, const char *name)
{
	for (size_t i = 0; i < r->setup.sinks; i++) {
		if (strcmp(r->setup.sink[i]->name, name) == 0)
			return true;
	}
	return false;
}

enum err relay_order_gate(struct relay *r, const struct gate_order *order,
	void (*on_done)(void *ctx, enum err e), void *ctx)
{
	return announce_order(r->announcer, order, on_done, ctx);
}

void relay_alarm_log(struct relay *r, const char *why)
{
	announce_trouble(r->announcer, TROUBLE_AUDIT, "", why);
}

void relay_hasten_sink(struct relay *r, const char *sink)
{
	dispatch_hasten(r->dispatch, sink);
}

void relay_alarm_secrets(struct relay *r, const char *provider, const char *why)
{
	announce_trouble(r->announcer, TROUBLE_SECRETS, provider, why);
}

void relay_alarm_bus(struct relay *r, const char *why)
{
	announce_bus(r->announcer, why);
}

void relay_checkpoint(struct relay *r, struct span note)
{
	announce_checkpoint(r->announcer, note);
}

void relay_audit_published(struct relay *r, int64_t seq)
{
	upkeep_set_audit_through(r->upkeep, seq);
}

void relay_drain(struct relay *r)
{
	replay_stop(r->replay);
	healer_halt(r->healer);
	dispatch_drain(r->dispatch);
	variables_stop(r->variables);
}

bool relay_is_idle(const struct relay *r)
{
	return dispatch_is_idle(r->dispatch) && variables_are_idle(r->variables);
}

struct relay_stats relay_stats(const struct relay *r)
{
	struct relay_stats s = r->stats;
	s.removed = upkeep_removed(r->upkeep);
	s.removed_triggers = upkeep_removed_triggers(r->upkeep);
	s.unkept = relay_catalog_unkept(r);
	/* A file is what it was when it was read; nothing else is in force until it is read again. */
	s.owners_confirmed =
		r->setup.keep_catalog ? chronicle_confirmed(r->chronicle) : clock_wall();
	return s;
}

const struct relay_setup *relay_setup_now(const struct relay *r)
{
	return &r->setup;
}

const struct dispatch *relay_dispatch(const struct relay *r)
{
	return r->dispatch;
}

struct source *relay_source(struct relay *r, struct span name)
{
	for (size_t i = 0; i < r->setup.sources; i++) {
		if (span_is(name, r->setup.source[i]->name))
			return r->setup.source[i];
	}
	return NULL;
}

static bool sink_addresses(const struct relay *r, const char *name)
{
	for (size_t i = 0; i < r->setup.sinks; i++) {
		if (strcmp(r->setup.sink[i]->name, name) == 0)
			return r->setup.sink[i]->addresses;
	}
	return false;
}

void relay_plan(struct relay *r, struct plan *p, const struct build *b, enum transition transition,
	const char *source_name, struct span slug)
{
	const struct routes routes = { r->setup.route, r->setup.routes };

	plan_make(p, b, transition, source_name, slug, r->catalog, &routes);
	for (size_t i = 0; i < p->sinks; i++) {
		if (!sink_addresses(r, p->sink[i]))
			p->address[i] = ADDRESS_OWNER;
	}
}

struct variables *relay_variables(const struct relay *r)
{
	return r->variables;
}

struct triggers *relay_triggers(const struct relay *r)
{
	return r->triggers;
}

const struct healer *relay_healer(const struct relay *r)
{
	return r->healer;
}
