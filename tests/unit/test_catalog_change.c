/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "model/catalog.h"

/* How a catalog changes: what is told, what is seen, and that no history shows. */

#define NAMES 300
#define SLUGS 80
#define STEPS 30000

static struct catalog *c;
static struct buf told; /* "ref owner>owner", a line for each change */

static void add_side(const struct entity *e)
{
	if (e != NULL)
		IGNORE(buf_add_span(&told, e->owners > 0 ? e->owner[0] : SPAN("nobody")));
}

static void on_change(void *ctx, const struct catalog_change *change)
{
	const struct entity *before = change->before, *now = change->now;

	cr_assert_eq(ctx, &told);
	cr_assert_eq(change->asked.ms, 7000);
	if (before != NULL && now != NULL)
		cr_assert(span_eq(before->ref, now->ref));
	IGNORE(buf_addf(&told, "%.*s ", SPAN_ARGS((now == NULL ? before : now)->ref)));
	add_side(before);
	IGNORE(buf_add_str(&told, ">"));
	add_side(now);
	IGNORE(buf_add_str(&told, "\n"));
}

static void set_up(void)
{
	c = catalog_new();
	catalog_asked(c, (struct wall){ 7000 });
	buf_init(&told, 1 << 20);
}

static void tear_down(void)
{
	catalog_free(c);
	buf_release(&told);
}

TestSuite(catalog_change, .init = set_up, .fini = tear_down);

static void put(const char *ref, const char *etag, const char *owner)
{
	struct entity e = { .ref = span_of(ref), .etag = span_of(etag), .slug = span_of(ref) };

	e.owner[e.owners++] = span_of(owner);
	cr_assert_eq(catalog_put(c, &e), ERR_OK);
}

static void assert_told(const char *want)
{
	cr_assert_str_eq(told.data, want);
	buf_clear(&told);
	told.data[0] = '\0';
}

Test(catalog_change, is_told_with_what_was_and_what_is)
{
	catalog_on_change(c, on_change, &told);
	put("component:default/api", "1", "group:default/a");
	assert_told("component:default/api >group:default/a\n");
	put("component:default/api", "2", "group:default/b");
	assert_told("component:default/api group:default/a>group:default/b\n");
	cr_assert(catalog_remove(c, SPAN("component:default/api")));
	assert_told("component:default/api group:default/b>\n");
	cr_assert_eq(catalog_changes(c), 3);
}

Test(catalog_change, is_not_told_where_there_was_none)
{
	struct entity e = { .ref = SPAN("Component:default/api") };

	put("component:default/api", "1", "group:default/a");
	catalog_on_change(c, on_change, &told);
	put("component:default/api", "1", "group:default/a");
	cr_assert_not(catalog_remove(c, SPAN("component:default/ap")));
	cr_assert_eq(catalog_put(c, &e), ERR_PARSE);
	assert_told("");
	cr_assert_eq(catalog_changes(c), 1);
}

Test(catalog_change, is_told_without_another_etag_too)
{
	put("component:default/api", "", "group:default/a");
	catalog_on_change(c, on_change, &told);
	put("component:default/api", "", "group:default/b");
	assert_told("component:default/api group:default/a>group:default/b\n");
}

Test(catalog_change, is_not_told_for_an_entity_that_is_only_seen_again)
{
	struct span ref[4];

	put("component:default/a", "1", "group:default/a");
	put("component:default/b", "1", "group:default/a");
	put("component:default/c", "1", "group:default/a");
	catalog_on_change(c, on_change, &told);
	cr_assert_eq(catalog_unseen(c, ref, 4), 0);
	catalog_begin(c);
	cr_assert_eq(catalog_unseen(c, ref, 4), 3);
	cr_assert_eq(catalog_unseen(c, ref, 1), 1);
	put("component:default/a", "1", "group:default/a");
	catalog_see(c, SPAN("component:default/c"));
	catalog_see(c, SPAN("component:default/absent"));
	cr_assert(catalog_is_seen(c, SPAN("component:default/a")));
	cr_assert_not(catalog_is_seen(c, SPAN("component:default/b")));
	cr_assert_not(catalog_is_seen(c, SPAN("component:default/absent")));
	cr_assert_eq(catalog_unseen(c, ref, 4), 1);
	cr_assert(span_is(ref[0], "component:default/b"));
	assert_told("");
	cr_assert(catalog_remove(c, SPAN("component:default/b")));
	cr_assert_eq(catalog_unseen(c, ref, 4), 0);
	cr_assert(catalog_is_seen(c, SPAN("component:default/b")), "as gone");
	catalog_begin(c);
	cr_assert_not(catalog_is_seen(c, SPAN("component:default/b")));
}
/* --- random changes against a catalog made at once --- */

/* What should be in the catalog; its texts lie in here. */
struct want {
	bool in;
	struct entity e;
	char ref[48], slug[48], etag[16], owner[48], parent[2][48];
};

static struct want want[NAMES];

static struct want *want_random(void)
{
	int i = rand() % NAMES;
	struct want *w = &want[i];

	/* A third are groups, whose parents make cycles. */
	snprintf(w->ref, sizeof(w->ref), "%s:default/n%d", i % 3 == 0 ? "group" : "component", i);
	return w;
}

static void want_shuffle(struct want *w)
{
	struct entity *e = &w->e;

	snprintf(w->slug, sizeof(w->slug), "%s/r%d", rand() % 2 ? "acme" : "ACME", rand() % SLUGS);
	snprintf(w->etag, sizeof(w->etag), "%d", rand() % 3);
	snprintf(w->owner, sizeof(w->owner), "group:default/n%d", rand() % 10 * 3);
	*e = (struct entity){ .ref = span_of(w->ref), .etag = span_of(w->etag) };
	if (rand() % 4 > 0)
		e->slug = span_of(w->slug);
	e->orphan = rand() % 3 == 0;
	e->type = rand() % 2 ? SPAN("service") : SPAN("library");
	e->owner[e->owners++] = span_of(w->owner);
	for (int i = rand() % 3; i > 0; i--) {
		char *parent = w->parent[e->parents];

		snprintf(parent, sizeof(w->parent[0]), "group:default/n%d",
			rand() % (NAMES / 3) * 3);
		e->parent[e->parents++] = span_of(parent);
	}
}

static void step(void)
{
	struct want *w = want_random();

	if (rand() % 3 == 0) {
		cr_assert_eq(catalog_remove(c, span_of(w->ref)), w->in);
		w->in = false;
		return;
	}
	want_shuffle(w);
	cr_assert_eq(catalog_put(c, &w->e), ERR_OK);
	w->in = true;
}

static void assert_same_entity(const struct entity *a, const struct entity *b)
{
	CLEANUP(buf_release) struct buf x, y;

	buf_init(&x, 1 << 16);
	buf_init(&y, 1 << 16);
	cr_assert_eq(entity_write(a, &x), ERR_OK);
	cr_assert_eq(entity_write(b, &y), ERR_OK);
	cr_assert_str_eq(x.data, y.data);
}

static void assert_same_finds(const struct catalog *fresh, const char *slug)
{
	static struct entity a[NAMES], b[NAMES];
	size_t n = catalog_find(c, span_of(slug), a, NAMES);

	cr_assert_eq(catalog_find(fresh, span_of(slug), b, NAMES), n, "%s", slug);
	for (size_t i = 0; i < n; i++)
		assert_same_entity(&a[i], &b[i]);
}

static void assert_same_belongings(const struct catalog *fresh)
{
	for (int i = 0; i < 200; i++) {
		struct span member = span_of(want_random()->ref);
		struct span group = span_of(want[rand() % (NAMES / 3) * 3].ref);

		cr_assert_eq(catalog_belongs(c, member, group),
			catalog_belongs(fresh, member, group), "%.*s in %.*s", SPAN_ARGS(member),
			SPAN_ARGS(group));
	}
}

static void assert_as_made_at_once(void)
{
	struct catalog *fresh = catalog_new();
	struct entity a, b;
	char slug[48];

	for (int i = 0; i < NAMES; i++) {
		if (want[i].in)
			cr_assert_eq(catalog_put(fresh, &want[i].e), ERR_OK);
		cr_assert_eq(catalog_get(c, span_of(want[i].ref), &a), want[i].in);
	}
	cr_assert_eq(catalog_count(c), catalog_count(fresh));
	cr_assert_eq(catalog_repositories(c), catalog_repositories(fresh));
	for (size_t i = 0; catalog_at(fresh, i, &b); i++) {
		cr_assert(catalog_at(c, i, &a));
		assert_same_entity(&a, &b);
	}
	for (int i = 0; i < SLUGS; i++) {
		snprintf(slug, sizeof(slug), "%s/R%d", i % 2 ? "Acme" : "aCME", i);
		assert_same_finds(fresh, slug);
	}
	assert_same_belongings(fresh);
	catalog_free(fresh);
}

Test(catalog_change, leaves_no_trace_of_what_was_before)
{
	srand(20261126);
	for (int i = 1; i <= STEPS; i++) {
		step();
		if (i % (STEPS / 20) == 0)
			assert_as_made_at_once();
	}
}

Test(catalog_change, can_become_another_catalog)
{
	struct catalog *other;

	srand(3);
	for (int i = 0; i < 500; i++)
		step();
	other = c;
	c = catalog_new();
	put("component:default/of-old", "1", "group:default/a");
	catalog_become(c, other);
	catalog_free(other);
	assert_as_made_at_once();
}

/* --- memory --- */

static void put_numbered(int i, int state)
{
	char ref[48], etag[48], owner[48];

	snprintf(ref, sizeof(ref), "component:default/service-%d", i);
	snprintf(etag, sizeof(etag), "%020d%020d", i, state);
	snprintf(owner, sizeof(owner), "group:default/team-%d-%d", i % 10, state);
	put(ref, etag, owner);
}

Test(catalog_change, takes_no_memory_for_what_is_past)
{
	size_t bytes;

	for (int i = 0; i < 1000; i++)
		put_numbered(i, 0);
	bytes = catalog_bytes(c);
	for (int state = 1; state <= 1000; state++) {
		for (int i = 0; i < 1000; i += 7)
			put_numbered((i + state) % 1000, state % 10);
	}
	for (int i = 0; i < 1000; i++)
		put_numbered(i, 0);
	/* The lists of chains stay as long as they were at most. */
	cr_assert_leq(catalog_bytes(c), bytes + 4096, "%zu, %zu", catalog_bytes(c), bytes);
	for (size_t n = catalog_count(c); n > 0; n--) {
		struct entity e;

		cr_assert(catalog_at(c, n - 1, &e));
		cr_assert(catalog_remove(c, e.ref));
	}
	cr_assert_lt(catalog_bytes(c), 30000, "%zu", catalog_bytes(c));
}
