/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_patch.h"

#include <stdlib.h>

#include "backstage/catalog_reader.h"
#include "backstage/catalog_rest.h"
#include "backstage/client.h"
#include "base/map.h"
#include "io/httpc.h"
#include "io/loop.h"

#define ANSWER_MAX (32 << 20)
#define BODY_MAX   100000
/* Hints of one change come together; so long they wait for each other. */
#define GATHER_MS 20
/* More than that is read faster as a whole. */
#define PENDING_MAX 20000

struct catalog_patch {
	struct backstage_client *client;
	struct catalog_patch_conf conf;
	struct entity_rules rules; /* of the texts, copies */
	struct loop_timer *timer;
	struct httpc_call *call;
	struct catalog_reading *reading;
	struct map pending;                       /* refs that are not asked for yet */
	struct span asked[CATALOG_REST_REFS_MAX]; /* in asked_text */
	size_t asked_count;
	struct buf asked_text;
	struct wall began; /* the look-up */
	struct catalog_patch_status status;
};

static void on_found(void *ctx, const struct httpc_answer *a);

/* Move as many refs as one call takes from pending to asked. */
static void patch_gather(struct catalog_patch *p)
{
	struct buf *text = &p->asked_text;
	struct span ref;
	size_t at = 0;
	void *self;

	p->asked_count = 0;
	buf_clear(text);
	/* All of it now: spans into it must not move. */
	if (buf_room(text, CATALOG_REST_REFS_BYTES) == NULL)
		return;
	while (p->asked_count < CATALOG_REST_REFS_MAX && map_next(&p->pending, &at, &ref, &self)) {
		struct span *asked = &p->asked[p->asked_count];

		*asked = (struct span){ text->data + text->len, ref.n };
		if (buf_add_span(text, ref) != ERR_OK)
			break;
		p->asked_count++;
	}
	for (size_t i = 0; i < p->asked_count; i++)
		IGNORE(map_remove(&p->pending, p->asked[i]) != NULL);
}

static enum err patch_lookup(struct catalog_patch *p)
{
	CLEANUP(buf_release) struct buf body;
	enum err e;

	buf_init(&body, BODY_MAX);
	e = catalog_rest_lookup(p->asked, p->asked_count, &p->rules, &body);
	if (e != ERR_OK)
		return e;
	return backstage_call(p->client, "POST", CATALOG_REST_LOOKUP, buf_span(&body), ANSWER_MAX,
		on_found, p, &p->call);
}

static void patch_end(struct catalog_patch *p)
{
	p->asked_count = 0;
	if (p->pending.count > 0)
		loop_timer_set(p->timer, 0);
}

static void on_due(void *ctx)
{
	struct catalog_patch *p = ctx;

	patch_gather(p);
	if (p->asked_count == 0)
		return;
	p->status.lookups++;
	p->began = clock_wall();
	if (patch_lookup(p) == ERR_OK)
		return;
	p->conf.on_owed(p->conf.ctx);
	patch_end(p);
}

static void on_applied(void *ctx, struct catalog_read *read)
{
	struct catalog_patch *p = ctx;

	p->reading = NULL;
	if (read->e != ERR_OK) {
		p->conf.on_owed(p->conf.ctx);
	} else if (read->changes > 0) {
		p->status.changes++;
		p->conf.on_patched(p->conf.ctx, p->began);
	}
	patch_end(p);
}

static void on_found(void *ctx, const struct httpc_answer *a)
{
	struct catalog_patch *p = ctx;
	const struct catalog_answer answer = { &p->rules, p->began, a };

	p->call = NULL;
	if (backstage_classify(a) == BACKSTAGE_OK) {
		p->reading = catalog_reader_found(
			p->conf.reader, &answer, p->asked, p->asked_count, on_applied, p);
	} else {
		p->conf.on_owed(p->conf.ctx);
		patch_end(p);
	}
}

void catalog_patch_hint(struct catalog_patch *p, struct span ref)
{
	if (p->pending.count >= PENDING_MAX) {
		p->conf.on_owed(p->conf.ctx);
		return;
	}
	IGNORE(map_put(&p->pending, ref, p) != NULL);
	if (p->call == NULL && p->reading == NULL && !loop_timer_is_set(p->timer))
		loop_timer_set(p->timer, GATHER_MS);
}

struct catalog_patch *catalog_patch_new(
	struct loop *l, struct backstage_client *client, const struct catalog_patch_conf *conf)
{
	struct catalog_patch *p = xcalloc(1, sizeof(*p));

	p->client = client;
	p->conf = *conf;
	p->rules = entity_rules_copy(&conf->rules);
	map_init(&p->pending);
	buf_init(&p->asked_text, CATALOG_REST_REFS_BYTES);
	p->timer = loop_timer_new(l, on_due, p);
	return p;
}

void catalog_patch_free(struct catalog_patch *p)
{
	if (p == NULL)
		return;
	if (p->call != NULL)
		httpc_cancel(p->call);
	catalog_reading_cancel(p->reading);
	loop_timer_free(p->timer);
	map_release(&p->pending);
	buf_release(&p->asked_text);
	entity_rules_release(&p->rules);
	free(p);
}

struct catalog_patch_status catalog_patch_status(const struct catalog_patch *p)
{
	struct catalog_patch_status status = p->status;

	status.pending = p->pending.count + p->asked_count;
	return status;
}
