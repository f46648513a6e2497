/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "audit/record.h"
#include "base/log.h"
#include "relay/chronicle.h"
#include "relay/journal.h"
#include "relay/keeper.h"
#include "relay/relay_impl.h"
#include "relay/release.h"
#include "relay/variables.h"

/* Changes that wait to be kept: more than that, and the next page of a read waits too. */
#define UNKEPT_MAX 2000

/* Does this change let builds find an entity that had none? */
static bool is_claimed_anew(const struct entity *before, const struct entity *now)
{
	return now != NULL && now->slug.n > 0 &&
	       (before == NULL || !span_eq(before->slug, now->slug));
}

/* Every change of an entity comes through here, once. */
static void on_change(void *ctx, const struct catalog_change *change)
{
	const struct entity *before = change->before, *now = change->now;
	struct relay *r = ctx;
	struct catalog_tally *t = &r->tally;

	*(before == NULL      ? &t->added
		: now == NULL ? &t->removed
			      : &t->changed) += 1; /* Those behind it stand elsewhere now. */
	r->stats.catalogs += before == NULL || now == NULL;
	t->claimed = t->claimed || is_claimed_anew(before, now);
	if (r->setup.keep_catalog)
		keeper_keep(r->keeper, now == NULL ? before->ref : now->ref);
	chronicle_change(r->chronicle, change, clock_wall());
}

static void catalog_journal(struct relay *r)
{
	const struct catalog_tally *t = &r->tally;
	char detail[96];
	struct audit_record record = {
		.action = "catalog.refresh",
		.outcome = "success",
		.actor = SPAN("stagewired"),
	};
	int n = snprintf(detail, sizeof(detail), "entities=%zu added=%zu changed=%zu removed=%zu",
		catalog_count(r->index), t->added, t->changed, t->removed);

	record.detail = (struct span){ detail, (size_t)n };
	log_info("catalog.refresh", "%s", detail);
	journal_write(r->journal, &record);
}

static size_t tally_sum(const struct catalog_tally *t)
{
	return t->added + t->changed + t->removed;
}

/* Draw the conclusions of the changes so far. */
static void catalog_conclude(struct relay *r)
{
	bool first = r->catalog == NULL, claimed = r->tally.claimed;
	r->catalog = r->index;
	r->stats.catalogs += first || r->tally.changed > 0;
	if (first || tally_sum(&r->tally) > 0) {
		catalog_journal(r);
		variables_look(r->variables);
	}
	r->tally = (struct catalog_tally){ 0 };
	if (r->ready && (first || claimed))
		release_run(r->release);
}

void relay_catalog_start(struct relay *r)
{
	size_t n = catalog_count(r->index);

	if (n > 0 && r->catalog == NULL) {
		r->catalog = r->index;
		r->stats.catalogs++;
		log_info("catalog.remembered", "entities=%zu repositories=%zu", n,
			catalog_repositories(r->index));
	}
	catalog_on_change(r->index, on_change, r);
}

struct catalog *relay_catalog_index(struct relay *r)
{
	return r->index;
}

void relay_catalog_read(struct relay *r, struct wall began)
{
	r->stats.catalog_at = clock_wall();
	chronicle_read(
		r->chronicle, &(struct chronicle_reading){ true, began, r->stats.catalog_at });
	catalog_conclude(r);
}

void relay_catalog_file(struct relay *r, const struct catalog *file)
{
	struct wall now = clock_wall();

	catalog_asked(r->index, now);
	catalog_become(r->index, file);
	relay_catalog_read(r, now);
}

void relay_catalog_patched(struct relay *r, struct wall began)
{
	chronicle_read(r->chronicle, &(struct chronicle_reading){ false, began, clock_wall() });
	/* Before the first whole read, some entities are no catalog. */
	if (r->catalog != NULL)
		catalog_conclude(r);
}

size_t relay_catalog_unkept(const struct relay *r)
{
	return keeper_behind(r->keeper) + chronicle_behind(r->chronicle);
}

bool relay_catalog_is_behind(const struct relay *r)
{
	return relay_catalog_unkept(r) > UNKEPT_MAX;
}

const struct catalog *relay_catalog_now(const struct relay *r)
{
	return r->catalog;
}

int64_t relay_catalog_age_ms(const struct relay *r)
{
	const struct wall read = r->stats.catalog_at;

	if (!r->setup.keep_catalog)
		return 0;
	return read.ms == WALL_NONE.ms ? -1 : clock_wall().ms - read.ms;
}
