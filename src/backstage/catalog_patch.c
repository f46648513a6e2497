/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/catalog_patch.h"

#include <stdlib.h>

#include "backstage/catalog_rest.h"
#include "backstage/client.h"
#include "backstage/entity_json.h"
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
	struct map pending;                       /* refs that are not asked for yet */
	struct span asked[CATALOG_REST_REFS_MAX]; /* in asked_text */
	size_t asked_count;
	struct wall began; /* the look-up */
	struct buf asked_text, room;
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

static void on_due(void *ctx)
{
	struct catalog_patch *p = ctx;

	patch_gather(p);
	if (p->asked_count == 0)
		return;
	p->status.lookups++;
	p->began = clock_wall();
	if (patch_lookup(p) != ERR_OK)
		p->conf.on_owed(p->conf.ctx);
}

/* An etag covers an entity's relations; without one, every answer is a change. */
static bool is_changed(const struct catalog *known, const struct catalog *found, struct span ref)
{
	struct entity a, b;
	bool was = catalog_get(known, ref, &a), is = catalog_get(found, ref, &b);

	if (!was || !is)
		return was != is;
	return b.etag.n == 0 || !span_eq(a.etag, b.etag) || !span_eq(a.uid, b.uid) ||
	       a.orphan != b.orphan;
}

static void add_all(struct catalog_builder *b, const struct catalog *from, const struct map *but)
{
	struct entity e;

	for (size_t i = 0; catalog_at(from, i, &e); i++) {
		if (but == NULL || map_get(but, e.ref) == NULL)
			IGNORE(catalog_builder_add(b, &e));
	}
}

/* Give on what is known with what was found in place of what was asked for. */
static void patch_apply(
	struct catalog_patch *p, const struct catalog *known, const struct catalog *found)
{
	struct catalog_builder *b;
	struct map asked;
	bool changed = false;

	for (size_t i = 0; !changed && i < p->asked_count; i++)
		changed = is_changed(known, found, p->asked[i]);
	if (!changed)
		return;
	map_init(&asked);
	for (size_t i = 0; i < p->asked_count; i++)
		IGNORE(map_put(&asked, p->asked[i], p) != NULL);
	b = catalog_builder_new();
	add_all(b, known, &asked);
	add_all(b, found, NULL);
	map_release(&asked);
	p->status.changes++;
	p->conf.on_catalog(p->conf.ctx, b, p->began);
}

static void on_found(void *ctx, const struct httpc_answer *a)
{
	struct catalog_patch *p = ctx;
	const struct catalog *known = p->conf.known(p->conf.ctx);
	struct catalog_builder *b = catalog_builder_new();
	struct catalog *found;

	p->call = NULL;
	if (known == NULL || backstage_classify(a) != BACKSTAGE_OK ||
		catalog_rest_found(a->body, &p->rules, &p->room, known, p->asked, p->asked_count,
			b) != ERR_OK) {
		catalog_builder_free(b);
		p->conf.on_owed(p->conf.ctx);
	} else {
		found = catalog_build(b);
		patch_apply(p, known, found);
		catalog_free(found);
	}
	p->asked_count = 0;
	if (p->pending.count > 0)
		loop_timer_set(p->timer, 0);
}

void catalog_patch_hint(struct catalog_patch *p, struct span ref)
{
	if (p->pending.count >= PENDING_MAX) {
		p->conf.on_owed(p->conf.ctx);
		return;
	}
	IGNORE(map_put(&p->pending, ref, p) != NULL);
	if (p->call == NULL && !loop_timer_is_set(p->timer))
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
	buf_init(&p->room, ENTITY_ROOM);
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
	loop_timer_free(p->timer);
	map_release(&p->pending);
	buf_release(&p->room);
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
