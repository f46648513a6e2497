/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/entity.h"
#include "model/label.h"

/* How model/catalog.c keeps an entity: in one piece of memory; nobody else includes this. */

/* Texts that hardly any two entities share: they lie in the record. */
enum own_text {
	OWN_REF,
	OWN_UID,
	OWN_ETAG,
	OWN_SLUG,
};
#define OWN_TEXTS (OWN_SLUG + 1)

/* Texts that many share: labels, as are owners, parents and tags behind them. */
enum shared_text {
	SHARED_TYPE,
	SHARED_LIFECYCLE,
	SHARED_SYSTEM,
};
#define SHARED_TEXTS (SHARED_SYSTEM + 1)

struct record {
	struct chain_node by_slug;    /* in a chain unless the slug is empty */
	struct record *older, *newer; /* in order of when they were last seen */
	uint64_t seen;                /* the number of the read that saw it last */
	uint16_t len[OWN_TEXTS];
	uint8_t owners, parents, tags, aliases;
	bool orphan;
	struct label
		*label[]; /* SHARED_TEXTS, owners, parents, tags, aliases; then the own texts */
};

/* e must have passed entity_check(). Holds labels, which record_free() drops. */
struct record *record_new(const struct entity *e, struct labels *labels);
void record_free(struct record *r, struct labels *labels);

/* Memory held, without the labels. */
size_t record_bytes(const struct record *r);

struct span record_own(const struct record *r, enum own_text t);

/* The i-th parent, and the i-th alias. */
struct label *record_parent(const struct record *r, size_t i);
struct label *record_alias(const struct record *r, size_t i);

/* The lists of e are not cleared beyond their count: an entity is large, and look-ups are many. */
void record_entity(const struct record *r, struct entity *e);

bool record_is(const struct record *r, const struct entity *e);

#endif
