/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/release.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/loop.h"
#include "relay/relay_impl.h"
#include "relay/reroute.h"
#include "store/store.h"

#define PAGE     32
#define AGAIN_MS 2000

struct release {
	struct relay *relay;
	struct loop_timer *timer; /* set while a run was not finished */
	bool running, again, unfinished;
	int64_t after_seq;
	unsigned moving; /* reroutes of the page under way */
	bool more;
	struct plan plan; /* of the event at hand */
};

static void on_again(void *ctx)
{
	release_run(ctx);
}

struct release *release_new(struct relay *r)
{
	struct release *rel = xcalloc(1, sizeof(*rel));

	rel->relay = r;
	rel->timer = loop_timer_new(r->loop, on_again, rel);
	return rel;
}

void release_free(struct release *rel)
{
	if (rel == NULL)
		return;
	loop_timer_free(rel->timer);
	free(rel);
}

static void release_page(struct release *rel);

/* What the store could not take now it may take soon. */
static void release_end(struct release *rel)
{
	rel->running = false;
	if (rel->again)
		release_run(rel);
	else if (rel->unfinished)
		loop_timer_set(rel->timer, AGAIN_MS);
}

static void release_page_done(struct release *rel)
{
	if (rel->moving > 0)
		return;
	if (rel->more)
		release_page(rel);
	else
		release_end(rel);
}

static void on_moved(void *ctx, enum claim_result r, size_t sinks)
{
	struct release *rel = ctx;

	(void)sinks;
	if (r == CLAIM_RETRY)
		rel->unfinished = true;
	rel->moving--;
	release_page_done(rel);
}

static void release_one(struct release *rel, const struct store_parked *p)
{
	static const struct reroute_cause cause = { .action = "event.release" };

	if (reroute_plan(rel->relay, p, &rel->plan) != ERR_OK) {
		log_warning("release.unreadable", "seq=%lld", (long long)p->event_seq);
		return;
	}
	if (rel->plan.place == p->place)
		return;
	rel->moving++;
	if (reroute_move(rel->relay, p, &rel->plan, &cause, on_moved, rel) != ERR_OK) {
		rel->moving--;
		rel->unfinished = true;
	}
}

static void on_parked(void *ctx, enum err e, const struct store_parked *parked, size_t n, bool more)
{
	struct release *rel = ctx;

	if (e != ERR_OK)
		rel->unfinished = true;
	rel->more = e == ERR_OK && more && n > 0;
	for (size_t i = 0; i < n; i++) {
		rel->after_seq = parked[i].event_seq;
		release_one(rel, &parked[i]);
	}
	release_page_done(rel);
}

static void release_page(struct release *rel)
{
	if (store_parked(rel->relay->store, rel->after_seq, PAGE, on_parked, rel) == ERR_OK)
		return;
	rel->unfinished = true;
	release_end(rel);
}

void release_run(struct release *rel)
{
	rel->again = rel->running;
	if (rel->running)
		return;
	loop_timer_stop(rel->timer);
	rel->running = true;
	rel->unfinished = false;
	rel->after_seq = 0;
	release_page(rel);
}
