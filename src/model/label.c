/* SPDX-License-Identifier: Apache-2.0 */
#include "model/label.h"

#include <assert.h>
#include <stdlib.h>

#include "base/defs.h"
#include "base/hash.h"

void labels_init(struct labels *l)
{
	chains_init(&l->chains);
	l->bytes = 0;
}

void labels_release(struct labels *l)
{
	assert(l->chains.count == 0);
	chains_release(&l->chains);
}

static struct label *label_of(struct chain_node *node)
{
	return CONTAINER_OF(node, struct label, node);
}

/* What it takes, with malloc's own. */
static size_t label_size(const struct label *label)
{
	return sizeof(*label) + label->len + sizeof(size_t);
}

static struct label *label_new(struct labels *l, uint32_t hash, struct span text)
{
	struct label *label = xcalloc(1, sizeof(*label) + text.n);

	label->node.hash = hash;
	label->len = (uint32_t)text.n;
	memcpy(label->text, text.p, text.n);
	chains_insert(&l->chains, &label->node);
	l->bytes += label_size(label);
	return label;
}

uint32_t label_hash(struct span text)
{
	return (uint32_t)hash_bytes(hash_process_key(), text);
}

struct label *labels_hold(struct labels *l, struct span text)
{
	uint32_t hash = label_hash(text);
	struct chain_node *node = chains_first(&l->chains, hash);
	struct label *label;

	if (text.n == 0)
		return NULL;
	while (node != NULL && !span_eq(label_text(label_of(node)), text))
		node = node->next;
	label = node != NULL ? label_of(node) : label_new(l, hash, text);
	label->holders++;
	return label;
}

void labels_drop(struct labels *l, struct label *label)
{
	if (label == NULL || --label->holders > 0)
		return;
	chains_remove(&l->chains, &label->node);
	l->bytes -= label_size(label);
	free(label);
}

size_t labels_bytes(const struct labels *l)
{
	return l->bytes + chains_bytes(&l->chains);
}
