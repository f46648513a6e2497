/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/edge.h"

#include <assert.h>
#include <stdlib.h>

#include "io/crypto.h"

#define BUNDLE_MAX ((size_t)TLOG_TILE * (2 + TLOG_ENTRY_MAX))

struct edge *edge_new(void)
{
	struct edge *e = xcalloc(1, sizeof(*e));

	buf_init(&e->bundle, BUNDLE_MAX);
	return e;
}

void edge_free(struct edge *e)
{
	if (e == NULL)
		return;
	buf_release(&e->bundle);
	free(e);
}

void edge_clear(struct edge *e)
{
	e->size = 0;
	for (unsigned level = 0; level < TLOG_LEVELS; level++) {
		e->tile[level].n = 0;
		e->tile[level].width = 0;
	}
	buf_clear(&e->bundle);
}

enum err edge_add(struct edge *e, struct span entry)
{
	struct edge_tile *t = &e->tile[0];
	const char length[] = { (char)(entry.n >> 8), (char)entry.n };
	enum err err;

	assert(t->width < TLOG_TILE);
	if (entry.n > TLOG_ENTRY_MAX)
		return ERR_LIMIT;
	err = buf_add(&e->bundle, length, sizeof(length));
	if (err == ERR_OK)
		err = buf_add_span(&e->bundle, entry);
	if (err != ERR_OK)
		return err;
	tlog_leaf(entry, &t->hash[t->width++]);
	e->size++;
	return ERR_OK;
}

enum err edge_settle(struct edge *e, const struct edge_ops *ops)
{
	for (unsigned level = 0; level + 1 < TLOG_LEVELS; level++) {
		struct edge_tile *t = &e->tile[level], *above = &e->tile[level + 1];
		enum err err = ERR_OK;

		if (t->width < TLOG_TILE)
			continue;
		if (level == 0)
			err = ops->on_bundle(ops->ctx, t->n, t->width, buf_span(&e->bundle));
		if (err == ERR_OK)
			err = ops->on_tile(ops->ctx, level, t);
		if (err != ERR_OK)
			return err;
		if (level == 0)
			buf_clear(&e->bundle);
		tlog_fold(t->hash, TLOG_TILE, &above->hash[above->width++]);
		t->width = 0;
		t->n++;
	}
	return ERR_OK;
}

enum err edge_partials(const struct edge *e, const struct edge_ops *ops)
{
	enum err err = ERR_OK;

	if (e->tile[0].width > 0)
		err = ops->on_bundle(
			ops->ctx, e->tile[0].n, e->tile[0].width, buf_span(&e->bundle));
	for (unsigned level = 0; level < TLOG_LEVELS && err == ERR_OK; level++) {
		if (e->tile[level].width > 0)
			err = ops->on_tile(ops->ctx, level, &e->tile[level]);
	}
	return err;
}

/* Put the full subtrees of a tile's hashes, from the right, before what is right of them. */
static void fold_before(const struct edge_tile *t, struct tlog_hash *root, bool *empty)
{
	unsigned at = t->width;

	while (at > 0) {
		unsigned n = at & -at;
		struct tlog_hash left;

		at -= n;
		tlog_fold(&t->hash[at], n, &left);
		if (*empty)
			*root = left;
		else
			tlog_node(&left, root, root);
		*empty = false;
	}
}

void edge_root(const struct edge *e, struct tlog_hash *out)
{
	bool empty = true;

	for (unsigned level = 0; level < TLOG_LEVELS; level++)
		fold_before(&e->tile[level], out, &empty);
	if (empty)
		sha256((struct span){ "", 0 }, out->b);
}

bool bundle_next(struct span *rest, struct span *entry)
{
	size_t n;

	if (rest->n < 2)
		return false;
	n = (size_t)((unsigned char)rest->p[0] << 8 | (unsigned char)rest->p[1]);
	if (rest->n - 2 < n)
		return false;
	*entry = (struct span){ rest->p + 2, n };
	*rest = (struct span){ rest->p + 2 + n, rest->n - 2 - n };
	return true;
}
