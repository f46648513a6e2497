/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_DISPATCH_IMPL_H
#define RELAY_DISPATCH_IMPL_H

#include "base/map.h"
#include "io/loop.h"
#include "relay/dispatch.h"
#include "store/store.h"

struct lane;
struct outlet;
struct settler;

/* The inside of dispatch, for dispatch.c, outlet.c and lane.c only. */
struct dispatch {
	struct loop *loop;
	struct store *store;
	struct settler *settler;
	struct dispatch_conf conf;
	struct map lanes;       /* "sink\0okey" -> struct lane */
	struct map outlets;     /* name -> struct outlet */
	struct outlet **outlet; /* the same, in order of first mention */
	size_t outlets_n;
	int64_t token[STORE_PARTS];
	unsigned leases, loads; /* partitions leased, and searched */
	bool lease_failed;
	struct load_cursor { /* how far the partition is searched */
		char *sink, *okey;
	} cursor;
	struct loop_task pump; /* sends what is ready, at the end of the pass */
	struct loop_timer *again;
	size_t memory; /* bytes of events in lanes */
	bool draining;
	void (*on_news)(void *ctx, const struct sink_news *news);
	void *on_news_ctx;
};

/* Has what an earlier run left been found? */
bool dispatch_is_loaded(const struct dispatch *d);

/* Nothing is left of it: free it, and take it out of the map. */
void dispatch_forget(struct dispatch *d, struct lane *lane);

/* Call fn for each lane of the outlet; fn may forget the lane. */
void dispatch_each_lane(struct dispatch *d, const struct outlet *o, void (*fn)(struct lane *lane));

void dispatch_tell(struct dispatch *d, const struct sink_news *news);

#endif
