/* SPDX-License-Identifier: Apache-2.0 */
#include "model/catalog.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/sorted.h"
#include "model/record.h"

/*
 * A record is in three places: by_ref, which also gives the order; in the chain
 * of its slug; and in the list of what was seen when, where those that the read
 * under way has not seen come first.
 */
struct catalog {
	struct labels labels;
	struct sorted by_ref;
	struct chains by_slug, by_alias;
	size_t shared; /* aliases of several users */
	struct record *oldest, *newest;
	uint64_t read;   /* the number of the one under way */
	struct map gone; /* refs that were removed since it began */
	struct wall asked;
	size_t repositories, bytes;
	uint64_t changes;
	catalog_change_cb on_change;
	void *ctx;
};

static struct span key_of(const void *record)
{
	return record_own(record, OWN_REF);
}

/* That a user has an alias. */
struct alias {
	struct chain_node node;
	const struct label *label;
	const struct record *user;
};

static struct alias *alias_of(struct chain_node *node)
{
	return CONTAINER_OF(node, struct alias, node);
}

/* How many have it, and one of them. */
static size_t alias_users(const struct catalog *c, struct span text, const struct record **user)
{
	uint32_t hash = label_hash(text);
	struct chain_node *node = chains_first(&c->by_alias, hash);
	size_t n = 0;

	for (; text.n > 0 && node != NULL; node = node->next) {
		if (node->hash != hash || !span_eq(label_text(alias_of(node)->label), text))
			continue;
		*user = alias_of(node)->user;
		n++;
	}
	return n;
}

static void alias_add(struct catalog *c, const struct record *r, const struct label *label)
{
	struct alias *a = xcalloc(1, sizeof(*a));
	const struct record *other;

	c->shared += alias_users(c, label_text(label), &other) == 1;
	*a = (struct alias){ .node.hash = label->node.hash, .label = label, .user = r };
	chains_insert(&c->by_alias, &a->node);
}

static void alias_remove(struct catalog *c, const struct record *r, const struct label *label)
{
	struct chain_node *node = chains_first(&c->by_alias, label->node.hash);
	const struct record *other;

	while (alias_of(node)->user != r || alias_of(node)->label != label)
		node = node->next;
	chains_remove(&c->by_alias, node);
	free(alias_of(node));
	c->shared -= alias_users(c, label_text(label), &other) == 1;
}

/* Is it the first mention of this alias in the record? */
static bool alias_is_new(const struct record *r, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (record_alias(r, k) == record_alias(r, i))
			return false;
	}
	return record_alias(r, i) != NULL;
}

static void aliases_add(struct catalog *c, const struct record *r)
{
	for (size_t i = 0; i < r->aliases; i++) {
		if (alias_is_new(r, i))
			alias_add(c, r, record_alias(r, i));
	}
}

static void aliases_remove(struct catalog *c, const struct record *r)
{
	for (size_t i = 0; i < r->aliases; i++) {
		if (alias_is_new(r, i))
			alias_remove(c, r, record_alias(r, i));
	}
}

struct catalog *catalog_new(void)
{
	struct catalog *c = xcalloc(1, sizeof(*c));

	labels_init(&c->labels);
	sorted_init(&c->by_ref, key_of);
	chains_init(&c->by_slug);
	chains_init(&c->by_alias);
	map_init(&c->gone);
	c->asked = WALL_NONE;
	return c;
}

void catalog_free(struct catalog *c)
{
	struct record *r, *next;

	if (c == NULL)
		return;
	for (r = c->oldest; r != NULL; r = next) {
		next = r->newer;
		aliases_remove(c, r);
		record_free(r, &c->labels);
	}
	sorted_release(&c->by_ref);
	chains_release(&c->by_slug);
	chains_release(&c->by_alias);
	map_release(&c->gone);
	labels_release(&c->labels);
	free(c);
}

void catalog_on_change(struct catalog *c, catalog_change_cb on_change, void *ctx)
{
	c->on_change = on_change;
	c->ctx = ctx;
}

static bool slug_eq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

/* slug is at most as long as a field's text may be. */
static uint32_t slug_hash(struct span slug)
{
	char folded[ENTITY_TEXT_MAX];

	return (uint32_t)hash_bytes(hash_process_key(), span_lower(slug, folded, sizeof(folded)));
}

static struct record *record_of(struct chain_node *node)
{
	return CONTAINER_OF(node, struct record, by_slug);
}

/* The first record from node on that is of this repository, or NULL. */
static struct record *slug_skip(struct chain_node *node, uint32_t hash, struct span slug)
{
	while (node != NULL &&
		(node->hash != hash || !slug_eq(record_own(record_of(node), OWN_SLUG), slug)))
		node = node->next;
	return node == NULL ? NULL : record_of(node);
}

static struct record *slug_first(const struct catalog *c, uint32_t hash, struct span slug)
{
	return slug_skip(chains_first(&c->by_slug, hash), hash, slug);
}

static struct record *slug_next(const struct record *r)
{
	return slug_skip(r->by_slug.next, r->by_slug.hash, record_own(r, OWN_SLUG));
}

static void slug_add(struct catalog *c, struct record *r)
{
	struct span slug = record_own(r, OWN_SLUG);

	if (slug.n == 0)
		return;
	r->by_slug.hash = slug_hash(slug);
	c->repositories += slug_first(c, r->by_slug.hash, slug) == NULL;
	chains_insert(&c->by_slug, &r->by_slug);
}

static void slug_remove(struct catalog *c, struct record *r)
{
	struct span slug = record_own(r, OWN_SLUG);

	if (slug.n == 0)
		return;
	chains_remove(&c->by_slug, &r->by_slug);
	c->repositories -= slug_first(c, r->by_slug.hash, slug) == NULL;
}

static void list_remove(struct catalog *c, struct record *r)
{
	*(r->older == NULL ? &c->oldest : &r->older->newer) = r->newer;
	*(r->newer == NULL ? &c->newest : &r->newer->older) = r->older;
}

static void list_append(struct catalog *c, struct record *r)
{
	r->seen = c->read;
	r->older = c->newest;
	r->newer = NULL;
	*(c->newest == NULL ? &c->oldest : &c->newest->newer) = r;
	c->newest = r;
}

static void record_see(struct catalog *c, struct record *r)
{
	if (r->seen == c->read)
		return;
	list_remove(c, r);
	list_append(c, r);
}

/* Take an old record out of all but by_ref, tell, and free it. Either may be NULL. */
static void record_replace(struct catalog *c, struct record *old, struct record *now)
{
	struct entity before, after;

	if (old != NULL) {
		slug_remove(c, old);
		aliases_remove(c, old);
		list_remove(c, old);
		c->bytes -= record_bytes(old);
	}
	if (now != NULL) {
		slug_add(c, now);
		aliases_add(c, now);
		list_append(c, now);
		c->bytes += record_bytes(now);
	}
	c->changes++;
	if (c->on_change != NULL) {
		if (old != NULL)
			record_entity(old, &before);
		if (now != NULL)
			record_entity(now, &after);
		c->on_change(c->ctx, &(struct catalog_change){
					     .before = old == NULL ? NULL : &before,
					     .now = now == NULL ? NULL : &after,
					     .asked = c->asked,
				     });
	}
	record_free(old, &c->labels);
}

void catalog_asked(struct catalog *c, struct wall asked)
{
	c->asked = asked;
}

enum err catalog_put(struct catalog *c, const struct entity *e)
{
	struct record *r = sorted_get(&c->by_ref, e->ref), *now;
	enum err err;

	if (r != NULL && record_is(r, e)) {
		record_see(c, r);
		return ERR_OK;
	}
	err = entity_check(e);
	if (err != ERR_OK)
		return err;
	now = record_new(e, &c->labels);
	IGNORE(map_remove(&c->gone, e->ref) != NULL);
	record_replace(c, sorted_put(&c->by_ref, now), now);
	return ERR_OK;
}

bool catalog_remove(struct catalog *c, struct span ref)
{
	struct record *r = sorted_remove(&c->by_ref, ref);
	if (r == NULL)
		return false;
	IGNORE(map_put(&c->gone, key_of(r), c) != NULL);
	record_replace(c, r, NULL);
	return true;
}

void catalog_begin(struct catalog *c)
{
	c->read++;
	map_release(&c->gone);
	map_init(&c->gone);
}

void catalog_see(struct catalog *c, struct span ref)
{
	struct record *r = sorted_get(&c->by_ref, ref);

	if (r != NULL)
		record_see(c, r);
}

bool catalog_is_seen(const struct catalog *c, struct span ref)
{
	const struct record *r = sorted_get(&c->by_ref, ref);
	return r == NULL ? map_get(&c->gone, ref) != NULL : r->seen == c->read;
}

size_t catalog_unseen(const struct catalog *c, struct span *ref, size_t max)
{
	const struct record *r = c->oldest;
	size_t n = 0;

	for (; n < max && r != NULL && r->seen != c->read; r = r->newer)
		ref[n++] = key_of(r);
	return n;
}

void catalog_become(struct catalog *c, const struct catalog *from)
{
	struct entity e;
	struct span ref;

	catalog_begin(c);
	for (const struct record *r = from->oldest; r != NULL; r = r->newer) {
		record_entity(r, &e);
		/* It has been checked. */
		IGNORE(catalog_put(c, &e));
	}
	while (catalog_unseen(c, &ref, 1) > 0)
		IGNORE(catalog_remove(c, ref));
}

size_t catalog_count(const struct catalog *c)
{
	return c->by_ref.count;
}

size_t catalog_repositories(const struct catalog *c)
{
	return c->repositories;
}

size_t catalog_bytes(const struct catalog *c)
{
	return sizeof(*c) + c->bytes + sorted_bytes(&c->by_ref) + chains_bytes(&c->by_slug) +
	       chains_bytes(&c->by_alias) + c->by_alias.count * sizeof(struct alias) +
	       labels_bytes(&c->labels);
}

uint64_t catalog_changes(const struct catalog *c)
{
	return c->changes;
}

static bool give(const struct record *r, struct entity *e)
{
	if (r == NULL)
		return false;
	record_entity(r, e);
	return true;
}

bool catalog_get(const struct catalog *c, struct span ref, struct entity *e)
{
	return give(sorted_get(&c->by_ref, ref), e);
}

bool catalog_at(const struct catalog *c, size_t i, struct entity *e)
{
	return give(sorted_at(&c->by_ref, i), e);
}

size_t catalog_position(const struct catalog *c, struct span text)
{
	return sorted_position(&c->by_ref, text);
}

size_t catalog_after(const struct catalog *c, struct span ref)
{
	return sorted_after(&c->by_ref, ref);
}

/* Put r among the max first by ref of those seen so far, of which there are n. */
static size_t pick(const struct record **picked, size_t n, size_t max, const struct record *r)
{
	size_t i = n < max ? n : max;

	while (i > 0 && span_order(key_of(r), key_of(picked[i - 1])) < 0) {
		if (i < max)
			picked[i] = picked[i - 1];
		i--;
	}
	if (i < max)
		picked[i] = r;
	return n + 1;
}

size_t catalog_find(const struct catalog *c, struct span slug, struct entity *out, size_t max)
{
	CLEANUP(freep) const struct record **many = NULL;
	const struct record *few[16], **picked = few;
	const struct record *first, *r;
	size_t n = 0, live = 0;

	if (slug.n == 0 || slug.n > ENTITY_TEXT_MAX)
		return 0;
	first = slug_first(c, slug_hash(slug), slug);
	if (first == NULL)
		return 0;
	for (r = first; r != NULL; r = slug_next(r))
		live += !r->orphan;
	if (max > ARRAY_SIZE(few))
		picked = many = xcalloc(max, sizeof(const struct record *));
	for (r = first; r != NULL; r = slug_next(r)) {
		if (!r->orphan || live == 0)
			n = pick(picked, n, max, r);
	}
	for (size_t i = 0; i < n && i < max; i++)
		record_entity(picked[i], &out[i]);
	return n;
}

bool catalog_user(const struct catalog *c, struct span alias, struct span *ref)
{
	const struct record *user = NULL;

	if (alias_users(c, alias, &user) != 1)
		return false;
	*ref = key_of(user);
	return true;
}

size_t catalog_shared_aliases(const struct catalog *c)
{
	return c->shared;
}

#define BELONGS_DEPTH 8
#define BELONGS_MAX   1024 /* groups looked at; whoever is in more is not found in the rest */

/* A walk upwards, breadth first. */
struct walk {
	const struct label *seen[BELONGS_MAX];
	size_t n;
};

static void walk_add(struct walk *w, const struct label *ref)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->seen[i] == ref)
			return;
	}
	if (w->n < BELONGS_MAX)
		w->seen[w->n++] = ref;
}

static void walk_add_parents(struct walk *w, const struct record *r)
{
	for (size_t i = 0; r != NULL && i < r->parents; i++)
		walk_add(w, record_parent(r, i));
}

bool catalog_belongs(const struct catalog *c, struct span member, struct span group)
{
	struct walk w;
	size_t at = 0;

	if (span_eq(member, group))
		return true;
	w.n = 0;
	walk_add_parents(&w, sorted_get(&c->by_ref, member));
	for (unsigned depth = 1; depth <= BELONGS_DEPTH; depth++) {
		for (size_t level = w.n; at < level; at++) {
			struct span ref = label_text(w.seen[at]);

			if (span_eq(ref, group))
				return true;
			walk_add_parents(&w, sorted_get(&c->by_ref, ref));
		}
	}
	return false;
}
