/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_LABEL_H
#define MODEL_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/chains.h"
#include "base/span.h"

/*
 * Texts that many entities share, such as owners and types. Each lies once and
 * is counted, so two labels of one table are the same text if they are the same
 * pointer.
 */
struct label {
	struct chain_node node;
	uint32_t holders;
	uint32_t len;
	char text[];
};

struct labels {
	struct chains chains;
	size_t bytes;
};

void labels_init(struct labels *l);

/* Every label must have been dropped. */
void labels_release(struct labels *l);

/* Hold the label of a text, made if need be; NULL for the empty text. */
struct label *labels_hold(struct labels *l, struct span text);

/* As a label of this text has in its node. */
uint32_t label_hash(struct span text);

/* Let go of a label, which may be NULL. */
void labels_drop(struct labels *l, struct label *label);

/* The text; empty for NULL. */
static inline struct span label_text(const struct label *label)
{
	return label == NULL ? (struct span){ NULL, 0 } : (struct span){ label->text, label->len };
}

/* Memory held. */
size_t labels_bytes(const struct labels *l);

#endif
