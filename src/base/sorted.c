/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sorted.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/defs.h"

#define RUN_MAX 256

struct sorted_run {
	size_t n; /* never 0 */
	void *object[RUN_MAX];
};

void sorted_init(struct sorted *s, struct span (*key)(const void *object))
{
	*s = (struct sorted){ .key = key };
}

void sorted_release(struct sorted *s)
{
	for (size_t i = 0; i < s->runs; i++)
		free(s->run[i]);
	free(s->run);
	sorted_init(s, s->key);
}

/* The last run that begins at or before key; the first one if none does. */
static size_t run_of(const struct sorted *s, struct span key)
{
	size_t low = 0, high = s->runs;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (span_order(s->key(s->run[middle]->object[0]), key) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The first place in run whose key is not below the given one, and whether it is that. */
static size_t place_of(
	const struct sorted *s, const struct sorted_run *run, struct span key, bool *there)
{
	size_t low = 0, high = run->n;

	*there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_order(key, s->key(run->object[middle]));

		if (order == 0) {
			*there = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void *sorted_get(const struct sorted *s, struct span key)
{
	const struct sorted_run *run;
	bool there;
	size_t i;

	if (s->count == 0)
		return NULL;
	run = s->run[run_of(s, key)];
	i = place_of(s, run, key, &there);
	return there ? run->object[i] : NULL;
}

/* Make room for a run at i. */
static struct sorted_run *run_insert(struct sorted *s, size_t i)
{
	if (s->runs == s->cap) {
		s->cap = s->cap * 2 + 16;
		s->run = xrealloc(s->run, s->cap, sizeof(struct sorted_run *));
	}
	memmove(s->run + i + 1, s->run + i, (s->runs - i) * sizeof(struct sorted_run *));
	s->run[i] = xcalloc(1, sizeof(struct sorted_run));
	s->runs++;
	return s->run[i];
}

/* Move the upper half of a full run into one of its own. */
static void run_split(struct sorted *s, size_t i)
{
	struct sorted_run *upper = run_insert(s, i + 1), *run = s->run[i];

	upper->n = RUN_MAX / 2;
	run->n -= upper->n;
	memcpy(upper->object, run->object + run->n, upper->n * sizeof(void *));
}

void *sorted_put(struct sorted *s, void *object)
{
	struct span key = s->key(object);
	size_t r = run_of(s, key), i;
	struct sorted_run *run = s->runs == 0 ? run_insert(s, 0) : s->run[r];
	bool there;

	if (run->n == RUN_MAX) {
		run_split(s, r);
		run = s->run[run_of(s, key)];
	}
	i = place_of(s, run, key, &there);
	if (there) {
		void *before = run->object[i];

		run->object[i] = object;
		return before;
	}
	memmove(run->object + i + 1, run->object + i, (run->n - i) * sizeof(void *));
	run->object[i] = object;
	run->n++;
	s->count++;
	return NULL;
}

static void run_remove(struct sorted *s, size_t i)
{
	free(s->run[i]);
	memmove(s->run + i, s->run + i + 1, (s->runs - i - 1) * sizeof(struct sorted_run *));
	s->runs--;
}

/* Let a run take in the one behind it, if both together leave room. */
static bool run_join(struct sorted *s, size_t i)
{
	struct sorted_run *run = s->run[i], *next;

	if (i + 1 >= s->runs)
		return false;
	next = s->run[i + 1];
	if (run->n + next->n > RUN_MAX / 2)
		return false;
	memcpy(run->object + run->n, next->object, next->n * sizeof(void *));
	run->n += next->n;
	run_remove(s, i + 1);
	return true;
}

/* A run of which something was taken. */
static void run_shrink(struct sorted *s, size_t i)
{
	if (s->run[i]->n == 0)
		run_remove(s, i);
	else if (!run_join(s, i) && i > 0)
		IGNORE(run_join(s, i - 1));
}

void *sorted_remove(struct sorted *s, struct span key)
{
	struct sorted_run *run;
	void *object;
	bool there;
	size_t r, i;

	if (s->count == 0)
		return NULL;
	r = run_of(s, key);
	run = s->run[r];
	i = place_of(s, run, key, &there);
	if (!there)
		return NULL;
	object = run->object[i];
	run->n--;
	memmove(run->object + i, run->object + i + 1, (run->n - i) * sizeof(void *));
	s->count--;
	run_shrink(s, r);
	return object;
}

void *sorted_at(const struct sorted *s, size_t i)
{
	for (size_t r = 0; r < s->runs; r++) {
		if (i < s->run[r]->n)
			return s->run[r]->object[i];
		i -= s->run[r]->n;
	}
	return NULL;
}

static size_t sorted_place(const struct sorted *s, struct span key, bool *there)
{
	size_t at = 0, last;

	*there = false;
	if (s->count == 0)
		return 0;
	last = run_of(s, key);
	for (size_t r = 0; r < last; r++)
		at += s->run[r]->n;
	return at + place_of(s, s->run[last], key, there);
}

size_t sorted_position(const struct sorted *s, struct span key)
{
	bool there;

	return sorted_place(s, key, &there);
}

size_t sorted_after(const struct sorted *s, struct span key)
{
	bool there;
	size_t at = sorted_place(s, key, &there);

	return at + there;
}

size_t sorted_bytes(const struct sorted *s)
{
	return s->runs * sizeof(struct sorted_run) + s->cap * sizeof(struct sorted_run *);
}
