/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_SETTLE_H
#define RELAY_SETTLE_H

#include "base/err.h"
#include "model/sink.h"
#include "store/store.h"

struct loop;
struct parcel;

/*
 * Writes down how tries ended, each with its audit entry. While the store has no
 * room it tries again, because what is not written down would be delivered again
 * after a restart.
 */
struct settler;

struct settler *settler_new(struct loop *l, struct store *store);
void settler_free(struct settler *s);

struct settlement {
	struct parcel *parcel; /* borrowed */
	const char *sink;
	enum finish_result finish;
	int64_t retry_ms;
	unsigned tries; /* that ended, this one included */
	int64_t token;  /* of the partition's lease */
	const struct sink_result *result;
};

/* on_settled is called when it is durable. */
void settler_settle(struct settler *s, const struct settlement *settlement,
	void (*on_settled)(void *ctx), void *ctx);

/* Settlements not durable yet. */
size_t settler_pending(const struct settler *s);

#endif
