/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include <string.h>

#include "audit/publish.h"
#include "base/json_write.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/live.h"
#include "daemon/own_keys.h"
#include "daemon/push_door.h"
#include "daemon/push_sources.h"
#include "model/catalog.h"
#include "model/sink.h"
#include "relay/healer.h"
#include "relay/source.h"
#include "secret/safe.h"
#include "sink/http.h"
#include "store/store.h"
#include "travis/keys.h"

static const char *health_str(enum store_health h)
{
	switch (h) {
	case STORE_OK: return "ok";
	case STORE_READONLY: return "no-room";
	case STORE_DOWN: return "down";
	}
	return "down";
}

static void put_store(struct json_writer *w, const struct daemon *d)
{
	struct store_counts c = store_counts(d->store);

	json_key(w, "store");
	json_object_begin(w);
	json_member_str(w, "health", health_str(store_health(d->store)));
	json_member_str(w, "path", d->parts.conf->store_path);
	json_member_int(w, "events", c.events);
	json_member_int(w, "quarantined", c.quarantined);
	json_member_int(w, "waiting", c.waiting);
	json_member_int(w, "pending", c.pending);
	json_member_int(w, "dead", c.dead);
	json_member_int(w, "audit", c.audit);
	json_member_int(w, "oldest_pending_ms", c.oldest_pending_ms);
	json_object_end(w);
}

static void put_log(struct json_writer *w, const struct daemon *d)
{
	struct publisher_stats s = publisher_stats(d->log);

	json_key(w, "audit_log");
	json_object_begin(w);
	json_member_str(w, "state", publisher_state_str(s.state));
	json_member_str(w, "directory", s.directory);
	json_member_str(w, "origin", s.origin);
	json_member_int(w, "published", (int64_t)s.published);
	json_member_int(w, "published_seq", s.published_seq);
	json_member_wall(w, "published_at", s.published_at);
	json_member_opt(w, "trouble", span_of(s.trouble));
	json_object_end(w);
}

static void put_catalog(struct json_writer *w, const struct daemon *d)
{
	const struct catalog *c = relay_catalog_now(d->relay);

	json_key(w, "catalog");
	json_object_begin(w);
	json_member_str(w, "from",
		d->parts.conf->catalog_file != NULL ? d->parts.conf->catalog_file
						    : d->parts.conf->backstage_url);
	json_member_bool(w, "loaded", c != NULL);
	json_member_int(w, "entities", c == NULL ? 0 : (int64_t)catalog_count(c));
	json_member_int(w, "repositories", c == NULL ? 0 : (int64_t)catalog_repositories(c));
	json_member_wall(w, "read_at", relay_stats(d->relay).catalog_at);
	json_member_opt(w, "trouble", span_of(d->catalog_trouble));
	json_object_end(w);
}

static void put_bus(struct json_writer *w, const struct daemon *d)
{
	struct live_status s = live_status(d->live);

	json_key(w, "bus");
	json_object_begin(w);
	json_member_bool(w, "wanted", s.wanted);
	json_member_bool(w, "held", s.held);
	json_member_bool(w, "subscribed", s.bus.subscribed);
	json_member_bool(w, "refused", s.bus.refused);
	json_member_wall(w, "last_event_at", s.bus.last_event);
	json_member_int(w, "events", (int64_t)s.events);
	json_member_int(w, "hints", (int64_t)s.hints);
	json_member_int(w, "repeats", (int64_t)s.repeats);
	json_member_int(w, "pushes", (int64_t)s.pushes);
	json_member_int(w, "kept", (int64_t)s.kept);
	json_member_int(w, "resumed", (int64_t)s.resumed);
	json_member_int(w, "failures", (int64_t)s.bus.failures);
	json_member_int(w, "whole_reads_owed", (int64_t)s.whole);
	json_member_opt(w, "trouble", span_of(s.trouble));
	json_object_end(w);
}

static void put_identity(struct json_writer *w, const struct daemon *d)
{
	const struct conf *c = d->parts.conf;
	struct own_keys_status s;

	if (d->keys == NULL || c->identity_issuer == NULL)
		return;
	s = own_keys_status(d->keys, c);
	json_key(w, "identity");
	json_object_begin(w);
	json_member_str(w, "issuer", c->identity_issuer);
	json_member_str(w, "audience", c->identity_audience);
	json_member_str(w, "subject", c->identity_subject);
	json_member_str(w, "key", s.key);
	json_member_str(w, "signing", s.signing);
	json_member_wall(w, "made_at", s.made);
	json_member_int(w, "age_s", (clock_wall().ms - s.made.ms) / 1000);
	json_member_wall(w, "next_at", s.next);
	json_object_end(w);
}

static void put_secrets(struct json_writer *w, const struct daemon *d)
{
	json_key(w, "secrets");
	json_array_begin(w);
	for (size_t i = 0; i < safe_providers(d->safe); i++) {
		struct safe_stats s = safe_stats(d->safe, i);

		json_object_begin(w);
		json_member_str(w, "provider", s.provider);
		json_member_int(w, "secrets", (int64_t)s.secrets);
		json_member_int(w, "overlapping", (int64_t)s.overlaps);
		json_member_int(w, "fetches", (int64_t)s.fetches);
		json_member_int(w, "failures", (int64_t)s.failures);
		json_member_int(w, "changes", (int64_t)s.changes);
		json_member_wall(w, "answered_at", s.word_at);
		json_member_opt(w, "trouble", span_of(s.trouble));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_sources(struct json_writer *w, const struct daemon *d)
{
	const struct relay_setup *s = relay_setup_now(d->relay);

	json_key(w, "sources");
	json_array_begin(w);
	for (size_t i = 0; i < s->sources; i++) {
		const struct source *src = s->source[i];
		size_t keys;

		IGNORE(travis_keys_live(src->keys, &keys) == NULL);
		json_object_begin(w);
		json_member_str(w, "name", src->name);
		json_member_str(w, "host", src->host);
		json_member_int(w, "keys", (int64_t)keys);
		json_member_wall(w, "keys_fetched_at", travis_keys_fetched_at(src->keys));
		json_member_int(w, "accepted", (int64_t)src->accepted);
		json_member_int(w, "duplicates", (int64_t)src->duplicates);
		json_member_int(w, "refused", (int64_t)src->refused);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_pushes(struct json_writer *w, const struct daemon *d)
{
	const struct push_sources *all = push_door_sources(d->door);

	json_key(w, "pushes");
	json_array_begin(w);
	for (size_t i = 0; i < all->n; i++) {
		const struct push_source *s = &all->list[i];

		json_object_begin(w);
		json_member_str(w, "name", s->name);
		json_member_str(w, "protocol", push_protocol_str(s->protocol));
		json_member_int(w, "keys", (int64_t)s->keys);
		json_member_int(w, "accepted", (int64_t)s->counts.accepted);
		json_member_int(w, "duplicates", (int64_t)s->counts.duplicates);
		json_member_int(w, "refused", (int64_t)s->counts.refused);
		json_member_int(w, "entities", (int64_t)s->counts.entities);
		json_member_int(w, "changes", (int64_t)s->counts.changes);
		json_member_wall(w, "last_at", s->counts.last);
		json_object_end(w);
	}
	json_array_end(w);
}

/* What an http sink asked of us in its handshake. */
static void put_agreed_rate(struct json_writer *w, const struct daemon *d, const char *name)
{
	const struct relay_setup *s = relay_setup_now(d->relay);

	for (size_t i = 0; i < s->sinks; i++) {
		const struct sink *sink = s->sink[i];

		if (strcmp(sink->name, name) == 0 && strcmp(sink->type, "http") == 0 &&
			http_sink_agreed_rate(sink) > 0)
			json_member_int(w, "agreed_per_minute", http_sink_agreed_rate(sink));
	}
}

static void put_sinks(struct json_writer *w, const struct daemon *d)
{
	const struct dispatch *dispatch = relay_dispatch(d->relay);

	json_key(w, "sinks");
	json_array_begin(w);
	for (size_t i = 0; i < dispatch_sinks(dispatch); i++) {
		struct dispatch_sink_stats s = dispatch_sink_stats(dispatch, i);

		json_object_begin(w);
		json_member_str(w, "name", s.sink);
		json_member_int(w, "delivered", (int64_t)s.delivered);
		json_member_int(w, "moot", (int64_t)s.moot);
		json_member_int(w, "tempfails", (int64_t)s.tempfails);
		json_member_int(w, "dead", (int64_t)s.dead);
		json_member_int(w, "inflight", (int64_t)s.inflight);
		json_member_str(w, "gate", sink_gate_str(s.gate));
		json_member_str(w, "circuit", circuit_state_str(s.circuit));
		json_member_bool(w, "throttled", s.throttled);
		json_member_int(w, "window", s.window);
		json_member_wall(w, "failing_since", s.failing_since);
		json_member_bool(w, "configured", s.configured);
		json_member_opt(w, "trouble", span_of(s.last_note));
		put_agreed_rate(w, d, s.sink);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Builds that no webhook told. */
static void put_gaps(struct json_writer *w, const struct daemon *d)
{
	const struct healer *h = relay_healer(d->relay);

	json_key(w, "gaps");
	json_array_begin(w);
	for (size_t i = 0; i < healer_sources(h); i++) {
		struct healer_stats s = healer_stats(h, i);

		json_object_begin(w);
		json_member_str(w, "source", s.source);
		json_member_int(w, "found", (int64_t)s.found);
		json_member_int(w, "unfinished", (int64_t)s.unfinished);
		json_member_int(w, "abandoned", (int64_t)s.abandoned);
		json_member_int(w, "repositories", (int64_t)s.repositories);
		json_member_int(w, "asked", (int64_t)s.asked);
		json_member_int(w, "failures", (int64_t)s.failures);
		json_member_wall(w, "read_at", s.swept_at);
		json_member_opt(w, "trouble", span_of(s.trouble));
		json_object_end(w);
	}
	json_array_end(w);
}

enum err status_write(const struct daemon *d, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "version", PACKAGE_VERSION);
	json_member_wall(&w, "started_at", d->started_at);
	json_member_int(&w, "uptime_s", (clock_mono().ms - d->started.ms) / 1000);
	json_member_bool(&w, "ready", relay_is_ready(d->relay));
	json_member_bool(&w, "stopping", d->stopping);
	json_member_str(&w, "config", d->conf_path);
	json_member_str(&w, "config_sha256", d->conf_digest);
	put_store(&w, d);
	put_log(&w, d);
	put_catalog(&w, d);
	put_bus(&w, d);
	put_identity(&w, d);
	put_secrets(&w, d);
	put_sources(&w, d);
	put_gaps(&w, d);
	put_pushes(&w, d);
	put_sinks(&w, d);
	json_object_end(&w);
	return json_done(&w);
}
