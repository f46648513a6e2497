/* SPDX-License-Identifier: Apache-2.0 */
#include "model/catalog.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"

/*
 * Every text lies once in one arena, as two bytes of length and its bytes, and
 * is named by its offset. Offset 0 is the empty text.
 */
struct record {
	uint32_t ref, uid, etag, slug, type, lifecycle, system;
	uint32_t link; /* in links: the owners, the parents, the tags, the aliases */
	uint32_t next; /* 1 + the next record of the same repository, by ref; 0: none */
	uint8_t owners, parents, tags, aliases, orphan;
};

struct catalog {
	char *text;
	size_t text_len;
	uint32_t *link; /* offsets of texts */
	size_t links;
	struct record *record; /* in order of ref */
	size_t count;
	uint32_t *slug; /* hash table: 1 + the first record of a repository; 0: empty */
	size_t slug_cap, repositories;
	struct alias_slot *alias; /* hash table */
	size_t alias_cap, shared;
};

/* Who has an alias: 1 + a record, or SHARED; 0: an empty slot. */
struct alias_slot {
	uint32_t text, record;
};

#define SHARED UINT32_MAX

/* One text that was interned; it may be the ref of a record. */
struct text_slot {
	uint32_t text;   /* 0: empty slot */
	uint32_t record; /* 1 + the record whose ref this is; 0: none */
};

struct catalog_builder {
	struct buf text;
	uint32_t *link;
	size_t links, link_cap;
	struct record *record;
	size_t count, record_cap;
	struct text_slot *slot; /* hash table over the interned texts */
	size_t slots, slot_cap;
};

#define TEXT_HEAD 2

static struct span text_at(const char *text, uint32_t at)
{
	uint16_t n;

	memcpy(&n, text + at, sizeof(n));
	return (struct span){ text + at + TEXT_HEAD, n };
}

struct catalog_builder *catalog_builder_new(void)
{
	struct catalog_builder *b = xcalloc(1, sizeof(*b));

	buf_init(&b->text, UINT32_MAX);
	IGNORE(buf_add(&b->text, "\0\0", TEXT_HEAD));
	b->slot_cap = 64;
	b->slot = xcalloc(b->slot_cap, sizeof(*b->slot));
	return b;
}

void catalog_builder_free(struct catalog_builder *b)
{
	if (b == NULL)
		return;
	buf_release(&b->text);
	free(b->link);
	free(b->record);
	free(b->slot);
	free(b);
}

static enum err text_put(struct catalog_builder *b, struct span text, uint32_t *at)
{
	uint16_t n = (uint16_t)text.n;
	uint32_t end = (uint32_t)b->text.len;

	if (text.n == 0) {
		*at = 0;
		return ERR_OK;
	}
	if (buf_room(&b->text, TEXT_HEAD + text.n) == NULL)
		return ERR_LIMIT;
	IGNORE(buf_add(&b->text, &n, sizeof(n)));
	IGNORE(buf_add_span(&b->text, text));
	*at = end;
	return ERR_OK;
}

/* The text's slot, or the empty one where it would go. */
static struct text_slot *slot_of(const struct catalog_builder *b, struct span text)
{
	size_t i = hash_bytes(hash_process_key(), text) & (b->slot_cap - 1);

	while (b->slot[i].text != 0 && !span_eq(text_at(b->text.data, b->slot[i].text), text))
		i = (i + 1) & (b->slot_cap - 1);
	return &b->slot[i];
}

static void slots_grow(struct catalog_builder *b)
{
	CLEANUP(freep) struct text_slot *old = b->slot;
	size_t old_cap = b->slot_cap;

	b->slot_cap *= 2;
	b->slot = xcalloc(b->slot_cap, sizeof(*b->slot));
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].text != 0)
			*slot_of(b, text_at(b->text.data, old[i].text)) = old[i];
	}
}

/* Put a text in unless it is there. */
static enum err text_intern(struct catalog_builder *b, struct span text, uint32_t *at)
{
	struct text_slot *s;
	enum err e;

	if (text.n == 0) {
		*at = 0;
		return ERR_OK;
	}
	if ((b->slots + 1) * 4 > b->slot_cap * 3)
		slots_grow(b);
	s = slot_of(b, text);
	if (s->text == 0) {
		e = text_put(b, text, &s->text);
		if (e != ERR_OK)
			return e;
		b->slots++;
	}
	*at = s->text;
	return ERR_OK;
}

static enum err links_put(struct catalog_builder *b, const struct span *list, size_t n)
{
	if (b->links + n > UINT32_MAX)
		return ERR_LIMIT;
	if (b->links + n > b->link_cap) {
		b->link_cap = b->link_cap * 2 + ENTITY_LINKS_MAX;
		b->link = xrealloc(b->link, b->link_cap, sizeof(*b->link));
	}
	for (size_t i = 0; i < n; i++) {
		enum err e = text_intern(b, list[i], &b->link[b->links]);

		if (e != ERR_OK)
			return e;
		b->links++;
	}
	return ERR_OK;
}

static enum err texts_put(struct catalog_builder *b, const struct entity *e, struct record *r)
{
	const struct {
		struct span text;
		uint32_t *at;
		bool unique; /* not worth looking for */
	} field[] = {
		{ e->ref, &r->ref, false },
		{ e->uid, &r->uid, true },
		{ e->etag, &r->etag, true },
		{ e->slug, &r->slug, false },
		{ e->type, &r->type, false },
		{ e->lifecycle, &r->lifecycle, false },
		{ e->system, &r->system, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		enum err err = field[i].unique ? text_put(b, field[i].text, field[i].at)
					       : text_intern(b, field[i].text, field[i].at);

		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* Keep a record, in the place of an older one with its ref. */
static void record_put(struct catalog_builder *b, struct span ref, const struct record *r)
{
	struct text_slot *s = slot_of(b, ref);

	if (s->record != 0) {
		b->record[s->record - 1] = *r;
		return;
	}
	if (b->count == b->record_cap) {
		b->record_cap = b->record_cap * 2 + 64;
		b->record = xrealloc(b->record, b->record_cap, sizeof(*b->record));
	}
	b->record[b->count++] = *r;
	s->record = (uint32_t)b->count;
}

enum err catalog_builder_add(struct catalog_builder *b, const struct entity *e)
{
	struct record r = {
		.link = (uint32_t)b->links,
		.owners = (uint8_t)e->owners,
		.parents = (uint8_t)e->parents,
		.tags = (uint8_t)e->tags,
		.aliases = (uint8_t)e->aliases,
		.orphan = e->orphan,
	};
	enum err err = entity_check(e);

	if (err != ERR_OK)
		return err;
	err = texts_put(b, e, &r);
	if (err == ERR_OK)
		err = links_put(b, e->owner, e->owners);
	if (err == ERR_OK)
		err = links_put(b, e->parent, e->parents);
	if (err == ERR_OK)
		err = links_put(b, e->tag, e->tags);
	if (err == ERR_OK)
		err = links_put(b, e->alias, e->aliases);
	if (err == ERR_OK)
		record_put(b, e->ref, &r);
	return err;
}

bool catalog_builder_has(const struct catalog_builder *b, struct span ref)
{
	return slot_of(b, ref)->record != 0;
}

size_t catalog_builder_count(const struct catalog_builder *b)
{
	return b->count;
}

static int span_order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int record_order(const void *a, const void *b, void *text)
{
	const struct record *x = a, *y = b;

	return span_order(text_at(text, x->ref), text_at(text, y->ref));
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool slug_eq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

/* The repository's slot, or the empty one where it would go. slug is a field's text. */
static uint32_t *slug_slot(const struct catalog *c, struct span slug)
{
	char folded[ENTITY_TEXT_MAX];
	size_t i;

	assert(slug.n <= sizeof(folded));
	for (i = 0; i < slug.n; i++)
		folded[i] = lower(slug.p[i]);
	i = hash_bytes(hash_process_key(), (struct span){ folded, slug.n }) & (c->slug_cap - 1);
	while (c->slug[i] != 0 && !slug_eq(text_at(c->text, c->record[c->slug[i] - 1].slug), slug))
		i = (i + 1) & (c->slug_cap - 1);
	return &c->slug[i];
}

/* Chain the records of each repository; from the last on, so that chains go by ref. */
static void slugs_index(struct catalog *c)
{
	size_t annotated = 0;

	for (size_t i = 0; i < c->count; i++)
		annotated += c->record[i].slug != 0;
	for (c->slug_cap = 16; c->slug_cap < annotated * 2;)
		c->slug_cap *= 2;
	c->slug = xcalloc(c->slug_cap, sizeof(*c->slug));
	for (size_t i = c->count; i-- > 0;) {
		struct record *r = &c->record[i];
		uint32_t *first;

		if (r->slug == 0)
			continue;
		first = slug_slot(c, text_at(c->text, r->slug));
		c->repositories += *first == 0;
		r->next = *first;
		*first = (uint32_t)i + 1;
	}
}

/* The alias's slot, or the empty one where it would go. There is an empty one. */
static struct alias_slot *alias_slot(const struct catalog *c, struct span alias)
{
	size_t i = hash_bytes(hash_process_key(), alias) & (c->alias_cap - 1);

	while (c->alias[i].record != 0 && !span_eq(text_at(c->text, c->alias[i].text), alias))
		i = (i + 1) & (c->alias_cap - 1);
	return &c->alias[i];
}

static void alias_index(struct catalog *c, uint32_t text, uint32_t record)
{
	struct alias_slot *s = alias_slot(c, text_at(c->text, text));

	if (s->record == 0)
		*s = (struct alias_slot){ text, record };
	if (s->record == record || s->record == SHARED)
		return;
	s->record = SHARED;
	c->shared++;
}

static void aliases_index(struct catalog *c)
{
	size_t aliases = 0;

	for (size_t i = 0; i < c->count; i++)
		aliases += c->record[i].aliases;
	if (aliases == 0)
		return;
	for (c->alias_cap = 16; c->alias_cap < aliases * 2;)
		c->alias_cap *= 2;
	c->alias = xcalloc(c->alias_cap, sizeof(*c->alias));
	for (size_t i = 0; i < c->count; i++) {
		const struct record *r = &c->record[i];
		const uint32_t *alias = c->link + r->link + r->owners + r->parents + r->tags;

		for (size_t k = 0; k < r->aliases; k++)
			alias_index(c, alias[k], (uint32_t)i + 1);
	}
}

struct catalog *catalog_build(struct catalog_builder *b)
{
	struct catalog *c = xcalloc(1, sizeof(*c));

	c->text_len = b->text.len;
	c->text = xrealloc(buf_detach(&b->text), c->text_len, 1);
	c->links = b->links;
	c->link = xrealloc(TAKE(b->link), b->links + 1, sizeof(*c->link));
	c->count = b->count;
	c->record = xrealloc(TAKE(b->record), b->count + 1, sizeof(*c->record));
	catalog_builder_free(b);
	qsort_r(c->record, c->count, sizeof(*c->record), record_order, c->text);
	slugs_index(c);
	aliases_index(c);
	return c;
}

void catalog_free(struct catalog *c)
{
	if (c == NULL)
		return;
	free(c->text);
	free(c->link);
	free(c->record);
	free(c->slug);
	free(c->alias);
	free(c);
}

size_t catalog_count(const struct catalog *c)
{
	return c->count;
}

size_t catalog_repositories(const struct catalog *c)
{
	return c->repositories;
}

size_t catalog_bytes(const struct catalog *c)
{
	return sizeof(*c) + c->text_len + c->links * sizeof(*c->link) +
	       c->count * sizeof(*c->record) + c->slug_cap * sizeof(*c->slug) +
	       c->alias_cap * sizeof(*c->alias);
}

static size_t fill_list(const struct catalog *c, uint32_t link, size_t n, struct span *list)
{
	for (size_t i = 0; i < n; i++)
		list[i] = text_at(c->text, c->link[link + i]);
	return n;
}

/* Lists are not cleared beyond their count: an entity is large and look-ups are many. */
static void entity_fill(const struct catalog *c, const struct record *r, struct entity *e)
{
	e->ref = text_at(c->text, r->ref);
	e->uid = text_at(c->text, r->uid);
	e->etag = text_at(c->text, r->etag);
	e->slug = text_at(c->text, r->slug);
	e->type = text_at(c->text, r->type);
	e->lifecycle = text_at(c->text, r->lifecycle);
	e->system = text_at(c->text, r->system);
	e->orphan = r->orphan != 0;
	e->owners = fill_list(c, r->link, r->owners, e->owner);
	e->parents = fill_list(c, r->link + r->owners, r->parents, e->parent);
	e->tags = fill_list(c, r->link + r->owners + r->parents, r->tags, e->tag);
	e->aliases = fill_list(c, r->link + r->owners + r->parents + r->tags, r->aliases, e->alias);
}

size_t catalog_position(const struct catalog *c, struct span text)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (span_order(text, text_at(c->text, c->record[middle].ref)) <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static const struct record *record_find(const struct catalog *c, struct span ref)
{
	size_t i = catalog_position(c, ref);

	if (i == c->count || !span_eq(text_at(c->text, c->record[i].ref), ref))
		return NULL;
	return &c->record[i];
}

bool catalog_get(const struct catalog *c, struct span ref, struct entity *e)
{
	const struct record *r = record_find(c, ref);

	if (r == NULL)
		return false;
	entity_fill(c, r, e);
	return true;
}

bool catalog_at(const struct catalog *c, size_t i, struct entity *e)
{
	if (i >= c->count)
		return false;
	entity_fill(c, &c->record[i], e);
	return true;
}

size_t catalog_after(const struct catalog *c, struct span ref)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (span_order(ref, text_at(c->text, c->record[middle].ref)) < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t catalog_find(const struct catalog *c, struct span slug, struct entity *out, size_t max)
{
	uint32_t first, i;
	size_t n = 0, live = 0;

	if (slug.n == 0 || slug.n > ENTITY_TEXT_MAX)
		return 0;
	first = *slug_slot(c, slug);
	for (i = first; i != 0; i = c->record[i - 1].next)
		live += c->record[i - 1].orphan == 0;
	for (i = first; i != 0; i = c->record[i - 1].next) {
		if (c->record[i - 1].orphan != 0 && live > 0)
			continue;
		if (n < max)
			entity_fill(c, &c->record[i - 1], &out[n]);
		n++;
	}
	return n;
}

bool catalog_user(const struct catalog *c, struct span alias, struct span *ref)
{
	const struct alias_slot *s;

	if (alias.n == 0 || c->alias_cap == 0)
		return false;
	s = alias_slot(c, alias);
	if (s->record == 0 || s->record == SHARED)
		return false;
	*ref = text_at(c->text, c->record[s->record - 1].ref);
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
	uint32_t seen[BELONGS_MAX]; /* refs as texts: each lies once */
	size_t n;
};

static void walk_add(struct walk *w, uint32_t ref)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->seen[i] == ref)
			return;
	}
	if (w->n < BELONGS_MAX)
		w->seen[w->n++] = ref;
}

static void walk_add_parents(struct walk *w, const struct catalog *c, const struct record *r)
{
	for (size_t i = 0; r != NULL && i < r->parents; i++)
		walk_add(w, c->link[r->link + r->owners + i]);
}

bool catalog_belongs(const struct catalog *c, struct span member, struct span group)
{
	struct walk w;
	size_t at = 0;

	if (span_eq(member, group))
		return true;
	w.n = 0;
	walk_add_parents(&w, c, record_find(c, member));
	for (unsigned depth = 1; depth <= BELONGS_DEPTH; depth++) {
		for (size_t level = w.n; at < level; at++) {
			struct span ref = text_at(c->text, w.seen[at]);

			if (span_eq(ref, group))
				return true;
			walk_add_parents(&w, c, record_find(c, ref));
		}
	}
	return false;
}
