/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ownership.h"

#include <stdlib.h>

#include "model/entity.h"

bool ownership_is_of(struct span ref)
{
	struct span kind = entity_ref_kind(ref);

	return !span_is(kind, "user") && !span_is(kind, "group");
}

static int owner_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return span_order(*x, *y);
}

/* In order, so that relations that only come in another one are no change. */
enum err ownership_of(const struct entity *e, struct buf *text, struct ownership *out)
{
	struct span owner[ENTITY_LINKS_MAX];

	for (size_t i = 0; i < e->owners; i++)
		owner[i] = e->owner[i];
	qsort(owner, e->owners, sizeof(owner[0]), owner_order);
	buf_clear(text);
	for (size_t i = 0; i < e->owners; i++) {
		enum err err;

		if (i > 0 && span_eq(owner[i], owner[i - 1]))
			continue;
		err = buf_addf(text, "%s%.*s", text->len == 0 ? "" : " ", SPAN_ARGS(owner[i]));
		if (err != ERR_OK)
			return err;
	}
	*out = (struct ownership){
		.ref = e->ref,
		.uid = e->uid,
		.slug = e->slug,
		.owners = buf_span(text),
		.orphan = e->orphan,
	};
	return ERR_OK;
}

bool ownership_is_same(const struct ownership *a, const struct ownership *b)
{
	if (a->gone || b->gone)
		return a->gone == b->gone;
	return a->orphan == b->orphan && span_eq(a->uid, b->uid) && span_eq(a->slug, b->slug) &&
	       span_eq(a->owners, b->owners);
}

bool ownership_next_owner(const struct ownership *o, size_t *at, struct span *owner)
{
	size_t end = *at;

	if (*at >= o->owners.n)
		return false;
	while (end < o->owners.n && o->owners.p[end] != ' ')
		end++;
	*owner = (struct span){ o->owners.p + *at, end - *at };
	*at = end + 1;
	return true;
}

static const struct ownership *state_of(const struct ownership_change *c)
{
	return c == NULL || c->state.gone ? NULL : &c->state;
}

/* No change had been learned by then. */
static struct ownership_view view_before(const struct ownership_record *r, struct wall at)
{
	const struct ownership_change *next = r->next;
	struct ownership_view v = {
		.word = OWNERSHIP_BEFORE,
		.from = WALL_NONE,
		.until = WALL_NONE,
	};

	if (r->begins.ms == WALL_NONE.ms || at.ms < r->begins.ms || at.ms < r->whole.ms)
		return v;
	if (next == NULL) {
		v.word = OWNERSHIP_UNKNOWN;
		return v;
	}
	/* What was there before was removed, or there was nothing to compare with. */
	if (!next->first || next->not_before.ms == WALL_NONE.ms)
		return v;
	v.until = next->not_before;
	v.word = at.ms <= next->not_before.ms ? OWNERSHIP_CERTAIN : OWNERSHIP_UNCERTAIN;
	if (v.word == OWNERSHIP_UNCERTAIN)
		v.or = state_of(next);
	return v;
}

struct ownership_view ownership_at(const struct ownership_record *r, struct wall at)
{
	const struct ownership_change *then = r->then;
	struct ownership_view v = {
		.word = OWNERSHIP_FUTURE,
		.from = WALL_NONE,
		.until = WALL_NONE,
	};

	if (at.ms > r->now.ms)
		return v;
	if (then == NULL)
		return view_before(r, at);
	v.state = state_of(then);
	v.from = then->since;
	v.until = r->next != NULL ? r->next->not_before : r->confirmed;
	/* It was seen when it was learned, whatever was read as a whole since. */
	if (v.until.ms < then->since.ms)
		v.until = then->since;
	v.word = at.ms <= v.until.ms ? OWNERSHIP_CERTAIN : OWNERSHIP_UNCERTAIN;
	if (v.word == OWNERSHIP_UNCERTAIN)
		v.or = state_of(r->next);
	return v;
}
