/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_ANNOUNCE_H
#define RELAY_ANNOUNCE_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "relay/dispatch.h"

struct relay;

/*
 * What changes at a sink, by an operator's word or by how it behaves: state, the
 * audit entry and an operator event for the sinks that routes name commit
 * together. While the store has no room it is tried again.
 */
struct announcer;

struct announcer *announcer_new(struct relay *r);
void announcer_free(struct announcer *a);

/* Read what an earlier run kept into dispatch; then on_done. */
void announcer_restore(struct announcer *a, void (*on_done)(void *ctx), void *ctx);

/* A sink changed by itself. */
void announce_news(struct announcer *a, const struct sink_news *news);

/* A sink is held, released, enabled or disabled by an operator. */
struct gate_order {
	const char *sink;
	const char *verb;   /* "hold", "release", "enable", "disable" */
	struct span actor;  /* "uid:0" */
	struct span reason; /* theirs, in words */
};

/*
 * Carry it out once it is written down. ERR_PARSE for another verb, ERR_NOTFOUND
 * if no such sink is known, ERR_BUSY if the store takes nothing now; else on_done
 * is called once, with ERR_IO if it could not be written down.
 */
MUST_CHECK enum err announce_order(struct announcer *a, const struct gate_order *order,
	void (*on_done)(void *ctx, enum err e), void *ctx);

/* Backstage's event bus refuses us now, and why; NULL: it does not any more. */
void announce_bus(struct announcer *a, const char *why);

enum trouble {
	TROUBLE_AUDIT,    /* the audit log is not signed; without a name, "" */
	TROUBLE_SECRETS,  /* a provider gives no word */
	TROUBLE_VARIABLE, /* one cannot be kept in the settings of a repository */
	TROUBLE_GAPS,     /* a source's API does not take our token */
};

/* Something is amiss now with what has that name, and why; NULL: it is not any more. */
void announce_trouble(struct announcer *a, enum trouble what, const char *name, const char *why);

/* The audit log signed a checkpoint that is to be kept elsewhere too. */
void announce_checkpoint(struct announcer *a, struct span note);

#endif
