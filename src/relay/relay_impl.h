/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_RELAY_IMPL_H
#define RELAY_RELAY_IMPL_H

#include "base/buf.h"
#include "model/catalog.h"
#include "relay/correlate.h"
#include "relay/parcel.h"
#include "relay/relay.h"

struct announcer;
struct budget;
struct chronicle;
struct dispatch;
struct healer;
struct journal;
struct keeper;
struct memo;
struct quota;
struct release;
struct replay;
struct round;
struct triggers;
struct upkeep;
struct variables;

/* Memory that each webhook's round uses and the next one uses again. */
struct scratch {
	struct buf build_key, line_key, okey, slug;
	struct buf build_value, line_value;
	struct buf event, fact, entities, audit;
};

/* How the catalog has changed since somebody was told. */
struct catalog_tally {
	size_t added, changed, removed;
	bool claimed; /* a repository has an entity that it had not */
};

/* The relay's inside, for the files of relay/ only. */
struct relay {
	struct loop *loop;
	struct store *store;
	struct memo *memo;
	struct journal *journal;
	struct dispatch *dispatch;
	struct announcer *announcer;
	struct keeper *keeper;
	struct chronicle *chronicle;
	struct release *release;
	struct upkeep *upkeep;
	struct budget *budget; /* of the tokens by which Travis is asked */
	struct quota *quota;   /* of the builds of repositories */
	struct triggers *triggers;
	struct variables *variables;
	struct healer *healer;
	struct replay *replay;         /* the one that writes; NULL: none */
	struct catalog *index;         /* what is known so far */
	const struct catalog *catalog; /* the same; NULL until it is whole */
	struct catalog_tally tally;
	struct relay_setup setup;
	struct relay_stats stats;
	struct scratch scratch;
	struct round *round; /* intake's */
	bool ready;          /* the store has told what it remembers */
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
	void (*on_build)(void *ctx, struct span repository); /* NULL: nobody shows builds */
	void *on_build_ctx;
};

/* The source of that name, or NULL. */
struct source *relay_source(struct relay *r, struct span name);

/* plan_make() with the catalog and the routes of the moment. */
void relay_plan(struct relay *r, struct plan *p, const struct build *b, enum transition transition,
	const char *source_name, struct span slug);

/* Changes of the catalog that are not stored yet. */
size_t relay_catalog_unkept(const struct relay *r);

/* What was remembered is there: from now on changes count. */
void relay_catalog_start(struct relay *r);

/* intake's memory for a round. */
struct round *round_new(void);

#endif
