/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PAGE_INDEX_H
#define DAEMON_PAGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct catalog;

/*
 * What the status page knows of one state of the catalog, so that no request walks
 * it: the entities that have a repository, by system and by owner, and the state of
 * each. 100,000 of them take some four megabytes. An entity is named by where it
 * stands among them, its number, which is the order of refs.
 *
 * It holds no text of the catalog's. Every call that is given a catalog must be
 * given the one that the index is of.
 */
struct page_index;

/* Nothing in it until page_index_step() has said true, each a bounded piece of work. */
struct page_index *page_index_new(void);
bool page_index_step(struct page_index *x, const struct catalog *c);
void page_index_free(struct page_index *x);

size_t page_index_count(const struct page_index *x);

/* Where the entity of that number stands in the catalog; and the other way round. */
size_t page_index_place(const struct page_index *x, size_t number);
bool page_index_number(const struct page_index *x, size_t place, size_t *number);

/* --- names --- */

/* A system or owner by its ref; PAGE_NOBODY if no entity has it. */
#define PAGE_ANY    UINT32_MAX
#define PAGE_NOBODY (UINT32_MAX - 1)
uint32_t page_index_name(const struct page_index *x, struct span ref);

/* Systems, or owners, in order. Returns how many there are and fills at most max. */
size_t page_index_systems(const struct page_index *x, struct span *ref, size_t max);
size_t page_index_owners(const struct page_index *x, struct span *ref, size_t max);

/* --- states --- */

/* How an entity is: 0 if it has had no build, else 1 more than an enum build_state. */
#define PAGE_STATES 7

unsigned page_index_state(const struct page_index *x, size_t number);
void page_index_set_state(struct page_index *x, size_t number, unsigned state);

/* Its state may not be the latest; at first that is so for all. */
void page_index_set_stale(struct page_index *x, size_t number);

/* How many are so; and the next of them, at most max, the longest out of date first. */
size_t page_index_stale(const struct page_index *x);
size_t page_index_take_stale(struct page_index *x, size_t *number, size_t max);

/* Was every state asked for at least once? */
bool page_index_is_read(const struct page_index *x);

/* --- choosing --- */

struct page_pick {
	uint32_t system, owner; /* names, PAGE_ANY, PAGE_NOBODY */
	size_t from, to;        /* places in the catalog: from on and before to */
	int state;              /* -1: any */
};

bool page_index_fits(const struct page_index *x, const struct page_pick *pick, size_t number);

enum page_order {
	PAGE_BY_SYSTEM,
	PAGE_BY_OWNER, /* the first of each */
};

/* Fill in the numbers of those that fit, after skip of them; returns how many. */
size_t page_index_choose(const struct page_index *x, const struct page_pick *pick,
	enum page_order by, size_t skip, size_t *number, size_t max);

/* How many fit, whatever their state, in each state. */
void page_index_tally(
	const struct page_index *x, const struct page_pick *pick, size_t tally[PAGE_STATES]);

#endif
