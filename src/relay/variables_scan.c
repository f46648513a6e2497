/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "model/catalog.h"
#include "relay/source.h"
#include "relay/variables_impl.h"

/*
 * Which variables there shall be: the catalog is gone through in steps, and what
 * none of them has seen is dropped in the end.
 */

#define STEP_ENTITIES 1000
#define STEP_MS       10
#define KEY_MAX       4096

/* A credential goes to a repository only while somebody in the catalog answers for it. */
static bool has_owner(const struct catalog *c, const struct entity *e)
{
	struct entity owner;

	return e->owners > 0 && catalog_get(c, e->owner[0], &owner);
}

static bool is_chosen(const struct catalog *c, const struct variable *entry, const struct entity *e)
{
	return e->slug.n > 0 && !e->orphan && policy_rule_fits(&entry->of, e) && has_owner(c, e);
}

bool target_is_wanted(const struct target *t)
{
	const struct relay *r = t->all->relay;
	struct entity e;

	return t->entry != NULL && r->catalog != NULL &&
	       catalog_get(r->catalog, span_of(t->entity), &e) && span_is_nocase(e.slug, t->slug) &&
	       is_chosen(r->catalog, t->entry, &e);
}

/* The place: repositories are the same whatever their case. */
static enum err key_write(const struct source *s, struct span slug, const char *variable,
	const char *branch, struct buf *out)
{
	enum err e = buf_addf(out, "%s ", s->name);

	if (e == ERR_OK)
		e = buf_add_lower(out, slug);
	return e == ERR_OK ? buf_addf(out, " %s %s", variable, branch == NULL ? "" : branch) : e;
}

/* What is told of one. */
struct claim {
	const struct variable *entry;
	const struct entity *entity;
	const struct source *source;
	bool is_previous;
};

static const char *claim_variable(const struct claim *c)
{
	return c->is_previous ? c->entry->previous : c->entry->variable;
}

static bool is_of_claim(const struct target *t, const struct claim *c)
{
	return strcmp(t->name, c->entry->name) == 0 && t->is_previous == c->is_previous &&
	       span_is(c->entity->ref, t->entity);
}

static struct target *target_make(struct variables *v, const struct claim *c, const char *key)
{
	struct target *t = target_new(v, c->entry, key);

	t->entity = xstrndup(c->entity->ref.p, c->entity->ref.n);
	t->slug = xstrndup(c->entity->slug.p, c->entity->slug.n);
	t->source = xstrdup(c->source->name);
	t->variable = xstrdup(claim_variable(c));
	t->is_previous = c->is_previous;
	t->marked = true;
	return t;
}

/* Its place is another's: who has it keeps it, and people are told. */
static void claim_rival(
	struct variables *v, const struct claim *c, const struct target *holder, struct buf *key)
{
	char why[TARGET_TROUBLE_MAX];
	struct target *t;

	if (buf_addf(key, " %.*s %s", SPAN_ARGS(c->entity->ref), c->entry->name) != ERR_OK)
		return;
	snprintf(why, sizeof(why), "%s of %s has this place already", holder->name, holder->entity);
	t = map_get(&v->target, buf_span(key));
	if (t == NULL) {
		t = target_make(v, c, key->data);
		t->rival = true;
		t->state = TARGET_RESTING;
		log_warning("variable.rival",
			"name=%s entity=%s repository=%s variable=%s why=\"%s\"", t->name,
			t->entity, t->slug, t->variable, why);
	}
	t->marked = true;
	target_set_trouble(t, why);
}

/* The target of a claim; NULL where there is none that may push. */
static struct target *claim_target(struct variables *v, const struct claim *c)
{
	CLEANUP(buf_release) struct buf key;
	struct target *t;

	buf_init(&key, KEY_MAX);
	if (key_write(c->source, c->entity->slug, claim_variable(c), c->entry->branch, &key) !=
		ERR_OK)
		return NULL;
	t = map_get(&v->target, buf_span(&key));
	if (t == NULL) {
		t = target_make(v, c, key.data);
		target_watch(t);
		target_load(t);
		return t;
	}
	if (is_of_claim(t, c) && t->entry != NULL) {
		t->marked = true;
		return t;
	}
	/* Wanted no more, it is dropped in the end, and its place is free for the next scan. */
	if (t->entry == NULL || (!t->marked && !target_is_wanted(t)))
		v->again = true;
	else
		claim_rival(v, c, t, &key);
	return NULL;
}

static void pair(struct target *a, struct target *b)
{
	if (a == NULL || b == NULL)
		return;
	a->pair = b;
	b->pair = a;
}

static void entity_claim(struct variables *v, const struct entity *e)
{
	const struct relay_setup *s = &v->relay->setup;

	for (size_t i = 0; i < s->variables; i++) {
		struct claim c = { .entry = &s->variable[i], .entity = e };
		struct target *previous = NULL;

		if (!is_chosen(v->relay->catalog, c.entry, e))
			continue;
		c.source = source_for(
			s->source, s->sources, e->slug, c.entry->source, (struct span){ 0 });
		if (c.source == NULL)
			continue;
		c.is_previous = true;
		if (c.entry->previous != NULL)
			previous = claim_target(v, &c);
		c.is_previous = false;
		pair(claim_target(v, &c), previous);
	}
}

/* --- step by step --- */

static void marks_clear(struct variables *v)
{
	size_t at = 0;
	struct span key;
	void *t;

	while (map_next(&v->target, &at, &key, &t))
		((struct target *)t)->marked = false;
}

static void sweep(struct variables *v)
{
	/* One that is dropped leaves the map, and takes no other one with it. */
	CLEANUP(freep) void **all = map_values(&v->target);
	const size_t n = v->target.count;

	for (size_t i = 0; i < n; i++) {
		struct target *t = all[i];

		if (!t->marked)
			target_drop(t);
	}
}

static void scan_end(struct variables *v)
{
	sweep(v);
	v->scanning = false;
	v->scanned = true;
	if (v->again)
		variables_scan_soon(v);
}

void variables_scan_step(struct variables *v)
{
	const struct catalog *c = v->relay->catalog;
	struct entity e;
	size_t at, n;

	if (v->stopping || c == NULL)
		return;
	if (!v->scanning) {
		v->scanning = true;
		v->again = false;
		buf_clear(&v->after);
		marks_clear(v);
	}
	at = v->after.len == 0 ? 0 : catalog_after(c, buf_span(&v->after));
	for (n = 0; n < STEP_ENTITIES && v->relay->setup.variables > 0 && catalog_at(c, at, &e);
		n++, at++) {
		entity_claim(v, &e);
		buf_clear(&v->after);
		IGNORE(buf_add_span(&v->after, e.ref) != ERR_OK);
	}
	if (n < STEP_ENTITIES)
		scan_end(v);
	else
		loop_timer_set(v->scan, STEP_MS);
}
