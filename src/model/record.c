/* SPDX-License-Identifier: Apache-2.0 */
#include "model/record.h"

#include <stdlib.h>

/* Where struct entity has each text. */
static const size_t own_at[OWN_TEXTS] = {
	[OWN_REF] = offsetof(struct entity, ref),
	[OWN_UID] = offsetof(struct entity, uid),
	[OWN_ETAG] = offsetof(struct entity, etag),
	[OWN_SLUG] = offsetof(struct entity, slug),
};

static const size_t shared_at[SHARED_TEXTS] = {
	[SHARED_TYPE] = offsetof(struct entity, type),
	[SHARED_LIFECYCLE] = offsetof(struct entity, lifecycle),
	[SHARED_SYSTEM] = offsetof(struct entity, system),
};

static const struct span *text_in(const struct entity *e, size_t at)
{
	return (const void *)((const char *)e + at);
}

static struct span *text_of(struct entity *e, size_t at)
{
	return (void *)((char *)e + at);
}

static size_t record_labels(const struct record *r)
{
	return SHARED_TEXTS + (size_t)r->owners + r->parents + r->tags + r->aliases;
}

size_t record_bytes(const struct record *r)
{
	size_t n = sizeof(*r) + record_labels(r) * sizeof(struct label *);

	for (enum own_text t = 0; t < OWN_TEXTS; t++)
		n += r->len[t];
	/* As malloc rounds it. */
	return (n + sizeof(size_t) + 15) & ~(size_t)15;
}

static struct label **hold_list(
	struct label **at, const struct span *list, size_t n, struct labels *labels)
{
	for (size_t i = 0; i < n; i++)
		*at++ = labels_hold(labels, list[i]);
	return at;
}

struct record *record_new(const struct entity *e, struct labels *labels)
{
	size_t n = 0, links = SHARED_TEXTS + e->owners + e->parents + e->tags + e->aliases;
	struct record *r;
	struct label **label;
	char *text;

	for (enum own_text t = 0; t < OWN_TEXTS; t++)
		n += text_in(e, own_at[t])->n;
	r = xcalloc(1, sizeof(*r) + links * sizeof(struct label *) + n);
	r->owners = (uint8_t)e->owners;
	r->parents = (uint8_t)e->parents;
	r->tags = (uint8_t)e->tags;
	r->aliases = (uint8_t)e->aliases;
	r->orphan = e->orphan;
	label = r->label;
	for (enum shared_text t = 0; t < SHARED_TEXTS; t++)
		label = hold_list(label, text_in(e, shared_at[t]), 1, labels);
	label = hold_list(label, e->owner, e->owners, labels);
	label = hold_list(label, e->parent, e->parents, labels);
	label = hold_list(label, e->tag, e->tags, labels);
	label = hold_list(label, e->alias, e->aliases, labels);
	text = (char *)label;
	for (enum own_text t = 0; t < OWN_TEXTS; t++) {
		const struct span *own = text_in(e, own_at[t]);

		if (own->n > 0)
			memcpy(text, own->p, own->n);
		text += own->n;
		r->len[t] = (uint16_t)own->n;
	}
	return r;
}

void record_free(struct record *r, struct labels *labels)
{
	size_t n;

	if (r == NULL)
		return;
	n = record_labels(r);
	for (size_t i = 0; i < n; i++)
		labels_drop(labels, r->label[i]);
	free(r);
}

struct span record_own(const struct record *r, enum own_text t)
{
	const char *text = (const char *)(r->label + record_labels(r));

	for (enum own_text before = 0; before < t; before++)
		text += r->len[before];
	return (struct span){ text, r->len[t] };
}

struct label *record_alias(const struct record *r, size_t i)
{
	return r->label[SHARED_TEXTS + (size_t)r->owners + r->parents + r->tags + i];
}

struct label *record_parent(const struct record *r, size_t i)
{
	return r->label[SHARED_TEXTS + r->owners + i];
}

static struct label *const *fill_list(struct label *const *at, size_t n, struct span *list)
{
	for (size_t i = 0; i < n; i++)
		list[i] = label_text(*at++);
	return at;
}

void record_entity(const struct record *r, struct entity *e)
{
	struct label *const *label = r->label;
	const char *text = (const char *)(r->label + record_labels(r));

	for (enum own_text t = 0; t < OWN_TEXTS; t++) {
		*text_of(e, own_at[t]) = (struct span){ text, r->len[t] };
		text += r->len[t];
	}
	for (enum shared_text t = 0; t < SHARED_TEXTS; t++)
		label = fill_list(label, 1, text_of(e, shared_at[t]));
	e->orphan = r->orphan;
	e->owners = r->owners;
	e->parents = r->parents;
	e->tags = r->tags;
	e->aliases = r->aliases;
	label = fill_list(label, r->owners, e->owner);
	label = fill_list(label, r->parents, e->parent);
	label = fill_list(label, r->tags, e->tag);
	IGNORE(fill_list(label, r->aliases, e->alias) == NULL);
}

static bool list_is(struct label *const **at, const struct span *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!span_eq(label_text(*(*at)++), list[i]))
			return false;
	}
	return true;
}

bool record_is(const struct record *r, const struct entity *e)
{
	struct label *const *label = r->label;

	if (r->owners != e->owners || r->parents != e->parents || r->tags != e->tags ||
		r->aliases != e->aliases || r->orphan != e->orphan)
		return false;
	for (enum own_text t = 0; t < OWN_TEXTS; t++) {
		if (!span_eq(record_own(r, t), *text_in(e, own_at[t])))
			return false;
	}
	for (enum shared_text t = 0; t < SHARED_TEXTS; t++) {
		if (!list_is(&label, text_in(e, shared_at[t]), 1))
			return false;
	}
	return list_is(&label, e->owner, e->owners) && list_is(&label, e->parent, e->parents) &&
	       list_is(&label, e->tag, e->tags) && list_is(&label, e->alias, e->aliases);
}
