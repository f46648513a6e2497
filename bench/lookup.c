/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/catalog.h"

/*
 * usage: lookup N
 *
 * Fills a catalog with N entities as bench/backstage.py makes them, and prints what
 * it takes and how long its operations do, as one line of JSON.
 */

#define ROUNDS 200000

/* Of this thread, so that others on the machine count little. */
static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* An entity and its texts. */
struct made {
	struct entity e;
	char ref[64], uid[64], etag[64], slug[64], owner[64], system[64], tag[16];
};

static void make(struct made *m, unsigned i, unsigned state)
{
	snprintf(m->ref, sizeof(m->ref), "component:default/service-%06u", i);
	snprintf(m->uid, sizeof(m->uid), "%08x-0000-4000-8000-000000000000", i);
	snprintf(m->etag, sizeof(m->etag), "%020x%020x", i, state);
	snprintf(m->slug, sizeof(m->slug), "acme/service-%06u", i);
	snprintf(m->owner, sizeof(m->owner), "group:default/team-%04u", (i + state) % 1000);
	snprintf(m->system, sizeof(m->system), "system:default/system-%u", i % 500);
	snprintf(m->tag, sizeof(m->tag), "tier-%u", i % 3);
	m->e = (struct entity){ .ref = span_of(m->ref),
		.uid = span_of(m->uid),
		.etag = span_of(m->etag),
		.slug = span_of(m->slug),
		.type = SPAN("service"),
		.lifecycle = SPAN("production"),
		.system = span_of(m->system) };
	m->e.owner[m->e.owners++] = span_of(m->owner);
	m->e.tag[m->e.tags++] = SPAN("java");
	m->e.tag[m->e.tags++] = span_of(m->tag);
}

static void put(struct catalog *c, unsigned i, unsigned state)
{
	struct made m;

	make(&m, i, state);
	if (catalog_put(c, &m.e) != ERR_OK)
		abort();
}

/* Nanoseconds for each of so many. */
static double fill(struct catalog *c, unsigned n, unsigned state, double *longest)
{
	double begin = now_ns();

	*longest = 0;
	for (unsigned i = 0; i < n; i++) {
		double from = now_ns(), took;

		put(c, i, state);
		took = now_ns() - from;
		*longest = took > *longest ? took : *longest;
	}
	return (now_ns() - begin) / n;
}

static double find(const struct catalog *c, unsigned n)
{
	static char slug[ROUNDS][32];
	struct entity e;
	double begin;

	for (unsigned i = 0; i < ROUNDS; i++)
		snprintf(slug[i], sizeof(slug[i]), "Acme/service-%06u", (unsigned)rand() % n);
	begin = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (catalog_find(c, span_of(slug[i]), &e, 1) != 1)
			abort();
	}
	return (now_ns() - begin) / ROUNDS;
}

int main(int argc, char **argv)
{
	unsigned n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	struct catalog *c = catalog_new();
	double added, same, changed, longest_add, longest_same, longest_change;

	if (n == 0) {
		fprintf(stderr, "usage: lookup N\n");
		return 2;
	}
	added = fill(c, n, 0, &longest_add);
	same = fill(c, n, 0, &longest_same);
	changed = fill(c, n, 1, &longest_change);
	printf("{\"entities\":%zu,\"bytes\":%zu,\"find_ns\":%.0f,\"add_ns\":%.0f,\"same_ns\":%.0f,"
	       "\"change_ns\":%.0f,\"longest_us\":%.0f}\n",
		catalog_count(c), catalog_bytes(c), find(c, n), added, same, changed,
		(longest_add > longest_change ? longest_add : longest_change) / 1000);
	catalog_free(c);
	return 0;
}
