/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/route.h"
#include "relay/dispatch.h"
#include "relay/trigger_sweep.h"
#include "store/store.h"
#include "travis/payload.h"

struct audit_record;
struct catalog;
struct gate_order;
struct healer;
struct httpd_handler;
struct loop;
struct safe;
struct sink;
struct source;
struct store;
struct triggers;
struct variable;
struct variables;

/*
 * The relay: what comes in at a source leaves at the sinks that the catalog and
 * the routes say, and everything is kept on the way.
 */
struct relay;

/* What a configuration makes of it. All of it is owned by whoever holds the struct. */
struct relay_setup {
	struct source **source;
	size_t sources;
	struct sink **sink;
	size_t sinks;
	struct route *route;
	size_t routes;
	const struct variable *variable; /* the array is borrowed */
	size_t variables;
	int64_t catalog_age_max_ms; /* with an older catalog nothing is written at a repository */
	struct dispatch_conf dispatch;
	struct store_retention retention;
	struct trigger_retention trigger_retention;
	struct safe *safe; /* has what sources' tokens are in; borrowed, may be NULL */
	bool keep_catalog; /* in the store: the catalog comes from afar */
	struct travis_author_rules author; /* what it points at is borrowed */
};

/* Frees sources, sinks and routes; cancels what is under way at the sinks. */
void relay_setup_release(struct relay_setup *s);

/* Nothing comes in or goes out before relay_start(). */
struct relay *relay_new(struct loop *l, struct store *store);

/* The store must be closed before: its last answers still come here. */
void relay_free(struct relay *r);

/*
 * Read what the store remembers of the catalog, then begin to deliver. on_ready
 * is called in between: relay_catalog_now() is what was remembered.
 */
void relay_start(struct relay *r, void (*on_ready)(void *ctx), void *ctx);

/*
 * Take a new setup. Sinks and sources that are the same objects as before go on;
 * *old gets the former setup, of which the caller frees what is not in the new
 * one.
 */
void relay_apply(struct relay *r, struct relay_setup *setup, struct relay_setup *old);

/*
 * What is known of the catalog, for those who read it from afar: they change it,
 * and the relay keeps and records what changes. Lives as long as the relay. Not
 * before on_ready.
 */
struct catalog *relay_catalog_index(struct relay *r);

/* The index is whole: all of the catalog has been read into it since began. */
void relay_catalog_read(struct relay *r, struct wall began);

/* Some entities were read again, which were asked for then. */
void relay_catalog_patched(struct relay *r, struct wall began);

/* The catalog is what a file says. */
void relay_catalog_file(struct relay *r, const struct catalog *file);

/* More has changed than the store keeps up with: wait with the next. */
bool relay_catalog_is_behind(const struct relay *r);

/* The catalog of the moment; NULL before one was ever loaded. */
const struct catalog *relay_catalog_now(const struct relay *r);

/*
 * Since when the catalog is known to have been as it is: since it was last read
 * whole, in ms; -1 if it never was. A file is as old as it says, which is 0.
 */
int64_t relay_catalog_age_ms(const struct relay *r);

/* Has the store told what it remembers? Before, nothing is ready. */
bool relay_is_ready(const struct relay *r);

/*
 * Somebody who shows builds: called when what is shown of one was stored, with its
 * repository. One at most; NULL for none.
 */
void relay_on_build(
	struct relay *r, void (*on_build)(void *ctx, struct span repository), void *ctx);

/* The hooks listener's handler. */
struct httpd_handler relay_hooks(struct relay *r);

/* Write down a decision that has no other fact: start, reload, key rotation. */
void relay_journal(struct relay *r, struct audit_record *record);

/* Is a sink of this name configured? */
bool relay_has_sink(const struct relay *r, const char *name);

/* Hold, release, enable or disable a sink: see relay/announce.h. */
MUST_CHECK enum err relay_order_gate(struct relay *r, const struct gate_order *order,
	void (*on_done)(void *ctx, enum err e), void *ctx);

/* The audit log is not signed now, and why; NULL: it is again. Operators hear of it. */
void relay_alarm_log(struct relay *r, const char *why);

/* A sink has other secrets: if it is left alone for a while, it is tried now. */
void relay_hasten_sink(struct relay *r, const char *sink);

/* The same of a provider of secrets. */
void relay_alarm_secrets(struct relay *r, const char *provider, const char *why);

/* Backstage's event bus does not let us in, and why; NULL: it does again. Operators hear of it. */
void relay_alarm_bus(struct relay *r, const char *why);

/* The audit log signed a checkpoint: keep it at the sinks that routes name. */
void relay_checkpoint(struct relay *r, struct span note);

/*
 * Audit entries up to this number are published, so they may be removed when
 * they are old. Until it is called, none is waited for.
 */
void relay_audit_published(struct relay *r, int64_t seq);

/* Send nothing more; relay_is_idle() says when all that was under way is settled. */
void relay_drain(struct relay *r);
bool relay_is_idle(const struct relay *r);

struct relay_stats {
	uint64_t unstored;            /* answered 503 because the store could not take it */
	uint64_t released;            /* parked events that found their entity */
	struct store_removed removed; /* by retention */
	struct trigger_removed removed_triggers;
	struct wall catalog_at; /* of the last whole read; WALL_NONE: never */
	size_t unkept;          /* changes of the catalog that are not stored yet */
	uint64_t catalogs;      /* grows with what changes, and whenever an entity's place does */
	struct wall
		owners_confirmed; /* the catalog's record of owners holds till then; or WALL_NONE */
};

struct relay_stats relay_stats(const struct relay *r);
const struct relay_setup *relay_setup_now(const struct relay *r);
/* The builds that are asked for: relay/triggers.h. Frees nothing. */
struct triggers *relay_triggers(const struct relay *r);
/* What is kept in repositories' settings: relay/variables.h. Frees nothing. */
struct variables *relay_variables(const struct relay *r);
/* Those that no webhook told: relay/healer.h. */
const struct healer *relay_healer(const struct relay *r);
const struct dispatch *relay_dispatch(const struct relay *r);

#endif
