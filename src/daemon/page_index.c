/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/page_index.h"

#include <stdlib.h>

#include "base/defs.h"
#include "base/map.h"
#include "model/catalog.h"

/* Entities of the catalog looked at in one step. */
#define STEP 2048

#define NO_NAME 0 /* of an entity without a system, or without an owner */

struct entry {
	uint32_t place;
	uint32_t system;
	uint32_t owner; /* in owner[]: where its own begin */
	uint8_t owners;
	uint8_t state;
	bool stale, taken; /* taken: its state was asked for at least once */
};

/* A ref that is somebody's system or owner. */
struct name {
	char *ref;
	bool is_system, is_owner;
};

struct page_index {
	struct entry *entry; /* in order of place */
	size_t count, cap;
	uint32_t *owner; /* names */
	size_t owners, owner_cap;
	struct name *name; /* [NO_NAME] is none */
	size_t names, name_cap;
	struct map by_ref;  /* ref -> name + 1, as a pointer */
	uint32_t *sorted;   /* names in order of ref */
	uint32_t *order[2]; /* numbers, by enum page_order */
	size_t seen;        /* places looked at */
	size_t taken;
	size_t stale, stale_at; /* how many; where to look for the next */
};

struct page_index *page_index_new(void)
{
	struct page_index *x = xcalloc(1, sizeof(*x));

	map_init(&x->by_ref);
	x->names = x->name_cap = 1;
	x->name = xcalloc(1, sizeof(*x->name));
	return x;
}

void page_index_free(struct page_index *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->names; i++)
		free(x->name[i].ref);
	map_release(&x->by_ref);
	free(x->entry);
	free(x->owner);
	free(x->name);
	free(x->sorted);
	free(x->order[PAGE_BY_SYSTEM]);
	free(x->order[PAGE_BY_OWNER]);
	free(x);
}

/* --- building --- */

/* Room for one more of n elements. */
static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap * 2 + 64;
	return xrealloc(p, *cap, size);
}

static uint32_t name_get(struct page_index *x, struct span ref)
{
	uint32_t name;

	if (ref.n == 0)
		return NO_NAME;
	name = page_index_name(x, ref);
	if (name != PAGE_NOBODY)
		return name;
	name = (uint32_t)x->names;
	x->name = grow(x->name, x->names, &x->name_cap, sizeof(*x->name));
	x->name[x->names++] = (struct name){ .ref = xstrndup(ref.p, ref.n) };
	/* 0 is no pointer; and no name that is kept here is NO_NAME. */
	IGNORE(map_put(&x->by_ref, ref, (void *)(uintptr_t)name) != NULL);
	return name;
}

static void entry_put(struct page_index *x, const struct entity *e, size_t place)
{
	struct entry *n;

	x->entry = grow(x->entry, x->count, &x->cap, sizeof(*x->entry));
	n = &x->entry[x->count++];
	*n = (struct entry){
		.place = (uint32_t)place,
		.system = name_get(x, e->system),
		.owner = (uint32_t)x->owners,
		.owners = (uint8_t)e->owners,
		.stale = true,
	};
	x->stale++;
	x->name[n->system].is_system = true;
	for (size_t i = 0; i < e->owners; i++) {
		uint32_t owner = name_get(x, e->owner[i]);

		x->name[owner].is_owner = true;
		x->owner = grow(x->owner, x->owners, &x->owner_cap, sizeof(*x->owner));
		x->owner[x->owners++] = owner;
	}
}

/* As catalog_find() does: an orphan counts only where the repository has nobody else. */
static bool is_shown(const struct catalog *c, const struct entity *e)
{
	struct entity first;

	if (e->slug.n == 0 || !e->orphan)
		return e->slug.n > 0;
	return catalog_find(c, e->slug, &first, 1) > 0 && first.orphan;
}

/* True when all were looked at. */
static bool scan(struct page_index *x, const struct catalog *c)
{
	struct entity e;

	for (size_t i = 0; i < STEP; i++, x->seen++) {
		if (!catalog_at(c, x->seen, &e))
			return true;
		if (is_shown(c, &e))
			entry_put(x, &e, x->seen);
	}
	return false;
}

static int name_order(const void *a, const void *b, void *names)
{
	const struct name *name = names;

	return strcmp(name[*(const uint32_t *)a].ref, name[*(const uint32_t *)b].ref);
}

static void sort_names(struct page_index *x)
{
	x->sorted = xcalloc(x->names, sizeof(*x->sorted));
	for (size_t i = 1; i < x->names; i++)
		x->sorted[i - 1] = (uint32_t)i;
	qsort_r(x->sorted, x->names - 1, sizeof(*x->sorted), name_order, x->name);
}

static uint32_t group_of(const struct page_index *x, const struct entry *n, enum page_order by)
{
	if (by == PAGE_BY_SYSTEM)
		return n->system;
	return n->owners == 0 ? NO_NAME : x->owner[n->owner];
}

/* By counting: groups in order of their names, those without one last, refs in order in each. */
static void sort_entries(struct page_index *x, enum page_order by)
{
	size_t *start = xcalloc(x->names, sizeof(*start)), at = 0;
	uint32_t *order = xcalloc(x->count + 1, sizeof(*order));

	for (size_t i = 0; i < x->count; i++)
		start[group_of(x, &x->entry[i], by)]++;
	for (size_t i = 0; i < x->names; i++) {
		uint32_t name = i + 1 < x->names ? x->sorted[i] : NO_NAME;
		size_t n = start[name];

		start[name] = at;
		at += n;
	}
	for (size_t i = 0; i < x->count; i++)
		order[start[group_of(x, &x->entry[i], by)]++] = (uint32_t)i;
	free(start);
	x->order[by] = order;
}

bool page_index_step(struct page_index *x, const struct catalog *c)
{
	if (x->sorted == NULL) {
		if (scan(x, c))
			sort_names(x);
		return false;
	}
	if (x->order[PAGE_BY_SYSTEM] == NULL) {
		sort_entries(x, PAGE_BY_SYSTEM);
		return false;
	}
	if (x->order[PAGE_BY_OWNER] == NULL)
		sort_entries(x, PAGE_BY_OWNER);
	return true;
}

/* --- reading --- */

size_t page_index_count(const struct page_index *x)
{
	return x->count;
}

size_t page_index_place(const struct page_index *x, size_t number)
{
	return x->entry[number].place;
}

bool page_index_number(const struct page_index *x, size_t place, size_t *number)
{
	size_t low = 0, high = x->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x->entry[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == x->count || x->entry[low].place != place)
		return false;
	*number = low;
	return true;
}

uint32_t page_index_name(const struct page_index *x, struct span ref)
{
	void *name = map_get(&x->by_ref, ref);

	return name == NULL ? PAGE_NOBODY : (uint32_t)(uintptr_t)name;
}

static size_t list_names(const struct page_index *x, bool systems, struct span *ref, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < x->names; i++) {
		const struct name *name = &x->name[x->sorted[i]];

		if (systems ? !name->is_system : !name->is_owner)
			continue;
		if (n < max)
			ref[n] = span_of(name->ref);
		n++;
	}
	return n;
}

size_t page_index_systems(const struct page_index *x, struct span *ref, size_t max)
{
	return list_names(x, true, ref, max);
}

size_t page_index_owners(const struct page_index *x, struct span *ref, size_t max)
{
	return list_names(x, false, ref, max);
}

unsigned page_index_state(const struct page_index *x, size_t number)
{
	return x->entry[number].state;
}

void page_index_set_state(struct page_index *x, size_t number, unsigned state)
{
	x->entry[number].state = (uint8_t)state;
}

void page_index_set_stale(struct page_index *x, size_t number)
{
	x->stale += !x->entry[number].stale;
	x->entry[number].stale = true;
}

size_t page_index_stale(const struct page_index *x)
{
	return x->stale;
}

bool page_index_is_read(const struct page_index *x)
{
	return x->taken == x->count;
}

static void take(struct page_index *x, struct entry *n)
{
	n->stale = false;
	x->stale--;
	x->taken += !n->taken;
	n->taken = true;
}

size_t page_index_take_stale(struct page_index *x, size_t *number, size_t max)
{
	size_t n = 0;

	for (size_t looked = 0; looked < x->count && n < max && x->stale > 0; looked++) {
		if (x->stale_at >= x->count)
			x->stale_at = 0;
		if (x->entry[x->stale_at].stale) {
			take(x, &x->entry[x->stale_at]);
			number[n++] = x->stale_at;
		}
		x->stale_at++;
	}
	return n;
}

/* --- choosing --- */

static bool has_owner(const struct page_index *x, const struct entry *n, uint32_t owner)
{
	for (size_t i = 0; i < n->owners; i++) {
		if (x->owner[n->owner + i] == owner)
			return true;
	}
	return false;
}

/* But for the state. */
static bool fits(const struct page_index *x, const struct page_pick *pick, const struct entry *n)
{
	return n->place >= pick->from && n->place < pick->to &&
	       (pick->system == PAGE_ANY || n->system == pick->system) &&
	       (pick->owner == PAGE_ANY || has_owner(x, n, pick->owner));
}

bool page_index_fits(const struct page_index *x, const struct page_pick *pick, size_t number)
{
	const struct entry *n = &x->entry[number];

	return fits(x, pick, n) && (pick->state < 0 || n->state == pick->state);
}

size_t page_index_choose(const struct page_index *x, const struct page_pick *pick,
	enum page_order by, size_t skip, size_t *number, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < x->count && n < max; i++) {
		uint32_t at = x->order[by][i];

		if (!page_index_fits(x, pick, at))
			continue;
		if (skip > 0)
			skip--;
		else
			number[n++] = at;
	}
	return n;
}

void page_index_tally(
	const struct page_index *x, const struct page_pick *pick, size_t tally[PAGE_STATES])
{
	memset(tally, 0, PAGE_STATES * sizeof(*tally));
	for (size_t i = 0; i < x->count; i++) {
		if (fits(x, pick, &x->entry[i]))
			tally[x->entry[i].state]++;
	}
}
