/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics.h"

#include "audit/publish.h"
#include "daemon/api_access.h"
#include "daemon/daemon.h"
#include "daemon/live.h"
#include "daemon/push_door.h"
#include "daemon/push_sources.h"
#include "io/httpd.h"
#include "model/catalog.h"
#include "relay/healer.h"
#include "relay/source.h"
#include "relay/variables.h"
#include "secret/safe.h"
#include "store/store.h"

/* The first error sticks in err, so that a page is whole or not sent. */
struct page {
	struct buf *out;
	enum err err;
};

static void page_head(struct page *p, const char *name, const char *type, const char *help)
{
	if (p->err == ERR_OK)
		p->err = buf_addf(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void page_row(
	struct page *p, const char *name, const char *label, const char *value, double number)
{
	if (p->err != ERR_OK)
		return;
	if (label == NULL)
		p->err = buf_addf(p->out, "%s %.15g\n", name, number);
	else
		p->err = buf_addf(p->out, "%s{%s=\"%s\"} %.15g\n", name, label, value, number);
}

static void page_one(
	struct page *p, const char *name, const char *type, const char *help, double number)
{
	page_head(p, name, type, help);
	page_row(p, name, NULL, NULL, number);
}

static void put_sources(struct page *p, const struct daemon *d)
{
	const struct relay_setup *s = relay_setup_now(d->relay);

	page_head(p, "stagewire_webhooks_accepted_total", "counter",
		"Webhooks stored and answered 202.");
	for (size_t i = 0; i < s->sources; i++)
		page_row(p, "stagewire_webhooks_accepted_total", "source", s->source[i]->name,
			(double)s->source[i]->accepted);
	page_head(p, "stagewire_webhooks_duplicate_total", "counter",
		"Webhooks recognised as repeats.");
	for (size_t i = 0; i < s->sources; i++)
		page_row(p, "stagewire_webhooks_duplicate_total", "source", s->source[i]->name,
			(double)s->source[i]->duplicates);
	page_head(p, "stagewire_webhooks_refused_total", "counter", "Webhooks refused.");
	for (size_t i = 0; i < s->sources; i++)
		page_row(p, "stagewire_webhooks_refused_total", "source", s->source[i]->name,
			(double)s->source[i]->refused);
	page_one(p, "stagewire_webhooks_unstored_total", "counter",
		"Webhooks answered 503 because the store could not take them.",
		(double)relay_stats(d->relay).unstored);
}

/* Builds that no webhook told. */
static void put_gaps(struct page *p, const struct daemon *d)
{
	static const struct {
		const char *name, *type, *help;
	} family[] = {
		{ "stagewire_gaps_found_total", "counter",
			"News of builds that were found by asking." },
		{ "stagewire_gaps_abandoned_total", "counter",
			"Builds without an end that are not asked for any more." },
		{ "stagewire_gaps_unfinished", "gauge", "Builds watched for their end." },
		{ "stagewire_gaps_calls_total", "counter", "Calls of the source's API for it." },
		{ "stagewire_gaps_failures_total", "counter", "Those that brought no answer." },
		{ "stagewire_gaps_read_timestamp_seconds", "gauge",
			"When a repository's list was last read whole; 0: not since the start." },
	};
	const struct healer *h = relay_healer(d->relay);

	for (size_t f = 0; f < ARRAY_SIZE(family) && healer_sources(h) > 0; f++) {
		page_head(p, family[f].name, family[f].type, family[f].help);
		for (size_t i = 0; i < healer_sources(h); i++) {
			struct healer_stats s = healer_stats(h, i);
			const double number[] = { (double)s.found, (double)s.abandoned,
				(double)s.unfinished, (double)s.asked, (double)s.failures,
				s.swept_at.ms == WALL_NONE.ms ? 0 : (double)s.swept_at.ms / 1000 };

			page_row(p, family[f].name, "source", s.source, number[f]);
		}
	}
}

static void put_pushes(struct page *p, const struct daemon *d)
{
	static const struct {
		const char *name, *type, *help;
	} family[] = {
		{ "stagewire_pushes_accepted_total", "counter", "Pushes of the catalog taken." },
		{ "stagewire_pushes_duplicate_total", "counter", "Pushes recognised as repeats." },
		{ "stagewire_pushes_refused_total", "counter", "Pushes refused." },
		{ "stagewire_push_entities_total", "counter", "Entities that pushes told of." },
		{ "stagewire_push_changes_total", "counter",
			"Entities of pushes that were to be read again." },
		{ "stagewire_push_timestamp_seconds", "gauge",
			"When a push last came that was not refused; 0: not since the start." },
	};
	const struct push_sources *all = push_door_sources(d->door);

	for (size_t f = 0; f < ARRAY_SIZE(family); f++) {
		page_head(p, family[f].name, family[f].type, family[f].help);
		for (size_t i = 0; i < all->n; i++) {
			const struct push_counts *c = &all->list[i].counts;
			const double number[] = { (double)c->accepted, (double)c->duplicates,
				(double)c->refused, (double)c->entities, (double)c->changes,
				c->last.ms == WALL_NONE.ms ? 0 : (double)c->last.ms / 1000 };

			page_row(p, family[f].name, "source", all->list[i].name, number[f]);
		}
	}
}

static void put_sinks(struct page *p, const struct daemon *d)
{
	static const struct {
		const char *name, *type, *help;
	} family[] = {
		{ "stagewire_deliveries_delivered_total", "counter", "Tries that succeeded." },
		{ "stagewire_deliveries_tempfail_total", "counter", "Tries to be made again." },
		{ "stagewire_deliveries_dead_total", "counter", "Deliveries given up." },
		{ "stagewire_deliveries_moot_total", "counter",
			"Deliveries done with unsent, because they were no use any more." },
		{ "stagewire_deliveries_inflight", "gauge", "Tries under way." },
		{ "stagewire_delivery_seconds_total", "counter", "Time spent in tries." },
		{ "stagewire_sink_open", "gauge", "1 unless the sink is held or disabled." },
		{ "stagewire_sink_circuit_closed", "gauge", "0 while it counts as down." },
		{ "stagewire_sink_window", "gauge", "Tries that it is sent at once for now." },
		{ "stagewire_sink_failing_since_timestamp_seconds", "gauge",
			"Since when no try succeeded; 0: the last one did." },
	};
	const struct dispatch *dispatch = relay_dispatch(d->relay);

	for (size_t f = 0; f < ARRAY_SIZE(family); f++) {
		page_head(p, family[f].name, family[f].type, family[f].help);
		for (size_t i = 0; i < dispatch_sinks(dispatch); i++) {
			struct dispatch_sink_stats s = dispatch_sink_stats(dispatch, i);
			const double number[] = { (double)s.delivered, (double)s.tempfails,
				(double)s.dead, (double)s.moot, (double)s.inflight,
				(double)s.took_ms_total / 1000, s.gate == SINK_OPEN,
				s.circuit == CIRCUIT_CLOSED, (double)s.window,
				s.failing_since.ms == WALL_NONE.ms
					? 0
					: (double)s.failing_since.ms / 1000 };

			page_row(p, family[f].name, "sink", s.sink, number[f]);
		}
	}
}

static void put_removed(
	struct page *p, const struct store_removed *n, const struct trigger_removed *triggers)
{
	static const char name[] = "stagewire_retention_removed_total";

	page_head(p, name, "counter", "Rows removed for their age.");
	page_row(p, name, "kind", "deliveries", (double)n->deliveries);
	page_row(p, name, "kind", "dead", (double)n->dead);
	page_row(p, name, "kind", "events", (double)n->events);
	page_row(p, name, "kind", "quarantined", (double)n->quarantined);
	page_row(p, name, "kind", "audit", (double)n->audit);
	page_row(p, name, "kind", "builds", (double)n->builds);
	page_row(p, name, "kind", "ownership", (double)n->ownership);
	page_row(p, name, "kind", "triggers", (double)triggers->triggers);
	page_row(p, name, "kind", "trigger-keys", (double)triggers->keys);
}

static void put_api(struct page *p, const struct daemon *d)
{
	static const char name[] = "stagewire_api_requests_total";
	struct api_access_stats s = api_access_stats(d->access);

	page_head(
		p, name, "counter", "Requests to the API listener, by what their credential was.");
	page_row(p, name, "credential", "good", (double)s.granted);
	page_row(p, name, "credential", "missing", (double)s.missing);
	page_row(p, name, "credential", "wrong", (double)s.wrong);
	page_row(p, name, "credential", "not-allowed", (double)s.not_allowed);
}

static void put_store(struct page *p, const struct daemon *d)
{
	struct store_counts c = store_counts(d->store);

	page_one(p, "stagewire_store_writable", "gauge", "1 if appends are taken.",
		store_health(d->store) == STORE_OK);
	page_one(p, "stagewire_events", "gauge", "Events kept.", (double)c.events);
	page_one(p, "stagewire_events_quarantined", "gauge", "Events that map to no entity.",
		(double)c.quarantined);
	page_one(p, "stagewire_events_waiting", "gauge", "Events that wait for a first catalog.",
		(double)c.waiting);
	page_one(p, "stagewire_deliveries_pending", "gauge", "Deliveries outstanding.",
		(double)c.pending);
	page_one(p, "stagewire_deliveries_dead", "gauge", "Dead letters kept.", (double)c.dead);
	page_one(p, "stagewire_deliveries_oldest_seconds", "gauge",
		"Age of the oldest outstanding delivery.", (double)c.oldest_pending_ms / 1000);
	page_one(p, "stagewire_audit_entries", "gauge", "Audit entries kept.", (double)c.audit);
	page_one(
		p, "stagewire_store_commits_total", "counter", "Group commits.", (double)c.commits);
	page_one(p, "stagewire_store_commit_seconds_total", "counter",
		"Time spent in group commits.", (double)c.commit_us_total / 1e6);
	page_one(p, "stagewire_store_inflight_bytes", "gauge", "Appends not yet durable.",
		(double)c.inflight);
}

static void put_log(struct page *p, const struct daemon *d)
{
	struct publisher_stats s = publisher_stats(d->log);

	page_one(p, "stagewire_audit_log_entries", "gauge", "Entries in the published audit log.",
		(double)s.published);
	page_one(p, "stagewire_audit_log_pending", "gauge",
		"Entries read for the log and not in a checkpoint yet.",
		(double)(s.size - s.published));
	page_one(p, "stagewire_audit_log_trouble", "gauge",
		"1 while the log is not signed: its files, or doubt of what was published.",
		s.trouble[0] != '\0');
	page_one(p, "stagewire_audit_checkpoints_total", "counter", "Checkpoints signed.",
		(double)s.checkpoints);
	page_one(p, "stagewire_audit_checkpoint_timestamp_seconds", "gauge",
		"When a checkpoint was last signed; 0: not since the start.",
		s.published_at.ms == WALL_NONE.ms ? 0 : (double)s.published_at.ms / 1000);
}

static void put_http(struct page *p, const struct daemon *d)
{
	struct httpd_stats s = httpd_stats(d->httpd);

	page_one(p, "stagewire_http_connections", "gauge", "Connections open.", s.connections);
	page_one(p, "stagewire_http_connections_total", "counter", "Connections accepted.",
		(double)s.accepted);
	page_one(p, "stagewire_http_connections_refused_total", "counter",
		"Connections over a cap.", (double)(s.refused_address + s.refused_total));
	page_one(p, "stagewire_http_requests_total", "counter", "Requests read.",
		(double)s.requests);
	page_one(p, "stagewire_http_bad_requests_total", "counter",
		"Requests that were no strict HTTP.", (double)s.bad_requests);
	page_one(p, "stagewire_http_timeouts_total", "counter", "Requests past their deadline.",
		(double)s.timeouts);
	page_one(p, "stagewire_http_overload_total", "counter",
		"Requests answered 503 for the byte budget.", (double)s.overload);
	page_one(p, "stagewire_http_streams", "gauge", "Streams open.", s.streams);
	page_one(p, "stagewire_http_streams_cut_total", "counter",
		"Streams cut off because their reader was too slow.", (double)s.streams_cut);
	page_one(p, "stagewire_http_inflight_bytes", "gauge", "Bytes of bodies held.",
		(double)s.inflight);
}

static void put_catalog(struct page *p, const struct daemon *d)
{
	const struct catalog *c = relay_catalog_now(d->relay);
	struct relay_stats s = relay_stats(d->relay);

	page_one(p, "stagewire_catalog_entities", "gauge", "Entities known.",
		c == NULL ? 0 : (double)catalog_count(c));
	page_one(p, "stagewire_catalog_repositories", "gauge", "Repositories known.",
		c == NULL ? 0 : (double)catalog_repositories(c));
	page_one(p, "stagewire_catalog_bytes", "gauge", "Memory of the catalog's index.",
		c == NULL ? 0 : (double)catalog_bytes(c));
	page_one(p, "stagewire_catalog_unkept", "gauge",
		"Changes of the catalog that are not stored yet.", (double)s.unkept);
	page_one(p, "stagewire_catalog_read_timestamp_seconds", "gauge",
		"When the catalog was last read whole; 0: never.",
		s.catalog_at.ms == WALL_NONE.ms ? 0 : (double)s.catalog_at.ms / 1000);
	page_one(p, "stagewire_catalog_trouble", "gauge", "1 while the catalog cannot be read.",
		d->catalog_trouble[0] != '\0');
	page_one(p, "stagewire_events_released_total", "counter",
		"Parked events that found their entity.", (double)s.released);
}

static void put_bus(struct page *p, const struct daemon *d)
{
	struct live_status s = live_status(d->live);

	page_one(p, "stagewire_bus_subscribed", "gauge",
		"1 while this instance follows the event bus.", s.bus.subscribed);
	page_one(p, "stagewire_bus_events_total", "counter", "Events read from the bus.",
		(double)s.events);
	page_one(p, "stagewire_bus_event_timestamp_seconds", "gauge",
		"When the bus last had events; 0: not since it is followed.",
		s.bus.last_event.ms == WALL_NONE.ms ? 0 : (double)s.bus.last_event.ms / 1000);
	page_one(p, "stagewire_bus_refused", "gauge",
		"1 while the event bus refuses our credentials.", s.bus.refused);
	page_one(p, "stagewire_bus_kept_hints", "gauge",
		"What the bus told and was not followed yet.", (double)s.kept);
	page_one(p, "stagewire_bus_failures_total", "counter",
		"Calls to the bus that failed since it is followed, each a gap.",
		(double)s.bus.failures);
	page_one(p, "stagewire_catalog_hints_total", "counter",
		"References that were to be read again.", (double)s.hints);
	page_one(p, "stagewire_catalog_hints_repeated_total", "counter",
		"Hints that only repeated an earlier one.", (double)s.repeats);
	page_one(p, "stagewire_catalog_owed_total", "counter",
		"Whole reads asked for, after a gap or a hint without a reference.",
		(double)s.whole);
	page_one(p, "stagewire_catalog_hints_pending", "gauge", "References to be read again.",
		(double)s.patch.pending);
}

struct secret_metric {
	const char *name, *type, *help;
	double (*value)(const struct safe_stats *s);
};

static double secret_trouble(const struct safe_stats *s)
{
	return s->trouble[0] != '\0';
}

static double secret_known(const struct safe_stats *s)
{
	return (double)s->secrets;
}

static double secret_overlaps(const struct safe_stats *s)
{
	return (double)s->overlaps;
}

static double secret_fetches(const struct safe_stats *s)
{
	return (double)s->fetches;
}

static double secret_failures(const struct safe_stats *s)
{
	return (double)s->failures;
}

static double secret_changes(const struct safe_stats *s)
{
	return (double)s->changes;
}

static double secret_word_at(const struct safe_stats *s)
{
	return s->word_at.ms == WALL_NONE.ms ? 0 : (double)s->word_at.ms / 1000;
}

static void put_secrets(struct page *p, const struct daemon *d)
{
	static const struct secret_metric metrics[] = {
		{ "stagewire_secret_provider_trouble", "gauge",
			"1 while a provider of secrets gives no word.", secret_trouble },
		{ "stagewire_secret_provider_answer_timestamp_seconds", "gauge",
			"When it last gave a secret; 0: never.", secret_word_at },
		{ "stagewire_secrets", "gauge", "Secrets known of a provider.", secret_known },
		{ "stagewire_secrets_overlapping", "gauge",
			"Secrets of which the value before is good too.", secret_overlaps },
		{ "stagewire_secret_fetches_total", "counter", "Questions answered or failed.",
			secret_fetches },
		{ "stagewire_secret_failures_total", "counter", "Questions that failed.",
			secret_failures },
		{ "stagewire_secret_changes_total", "counter",
			"Values that came, went or were replaced.", secret_changes },
	};

	for (size_t k = 0; k < ARRAY_SIZE(metrics) && safe_providers(d->safe) > 0; k++) {
		page_head(p, metrics[k].name, metrics[k].type, metrics[k].help);
		for (size_t i = 0; i < safe_providers(d->safe); i++) {
			struct safe_stats s = safe_stats(d->safe, i);

			page_row(p, metrics[k].name, "provider", s.provider, metrics[k].value(&s));
		}
	}
}

static void put_variables(struct page *p, const struct daemon *d)
{
	struct variables_stats s = variables_stats(relay_variables(d->relay));

	page_one(p, "stagewire_variables", "gauge", "Variables kept at repositories.",
		(double)s.known);
	page_one(p, "stagewire_variables_in_trouble", "gauge",
		"Those of them that cannot be written, or have no value.", (double)s.troubled);
	page_one(p, "stagewire_variable_pushes_total", "counter", "Variables written and removed.",
		(double)s.pushes);
	page_one(p, "stagewire_variable_failures_total", "counter",
		"Tries to write one that failed.", (double)s.failures);
}

enum err metrics_write(const struct daemon *d, struct buf *out)
{
	struct page p = { .out = out };
	struct dispatch_stats s = dispatch_stats(relay_dispatch(d->relay));
	struct relay_stats relay = relay_stats(d->relay);

	page_head(&p, "stagewire_build_info", "gauge", "The version that runs.");
	page_row(&p, "stagewire_build_info", "version", PACKAGE_VERSION, 1);
	page_one(&p, "stagewire_start_time_seconds", "gauge", "When the daemon started.",
		(double)d->started_at.ms / 1000);
	page_one(&p, "stagewire_reloads_total", "counter", "Configurations applied.",
		(double)d->reloads);
	page_one(&p, "stagewire_reload_failures_total", "counter", "Configurations refused.",
		(double)d->reload_failures);
	put_sources(&p, d);
	put_gaps(&p, d);
	put_pushes(&p, d);
	put_api(&p, d);
	put_store(&p, d);
	put_removed(&p, &relay.removed, &relay.removed_triggers);
	put_log(&p, d);
	put_sinks(&p, d);
	page_one(&p, "stagewire_lanes", "gauge", "Lanes with deliveries.", (double)s.lanes);
	page_one(&p, "stagewire_lanes_bytes", "gauge", "Events waiting in memory.",
		(double)s.memory);
	put_catalog(&p, d);
	put_bus(&p, d);
	put_secrets(&p, d);
	put_variables(&p, d);
	put_http(&p, d);
	return p.err;
}
