/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"
#include "store/sqlite_read.h"
#include "store/sqlite_write.h"
#include "store/store.h"

/*
 * The store in one SQLite file, as the loop sees it. Calls of one pass gather
 * in queues; at its end each queue goes to its thread as one batch:
 *
 *	call -> writes -> batch -> writer thread -> answers, counts, health
 *	     -> reads  -> batch -> reader thread -> answers
 *	     -> leases -> answered at the end of the pass
 */
struct lease_item {
	struct lease_item *next;
	store_lease_cb on_done;
	void *ctx;
};

struct store {
	struct loop *loop;
	int lock_fd;
	size_t inflight_max;
	int64_t token; /* of all leases: the number of this start */
	struct store_clock clock;
	struct writer writer; /* its thread's, and so is reader */
	struct reader reader;
	struct worker *write_worker, *read_worker;

	struct loop_task hand_over;
	struct write_item *writes, **writes_last;
	struct read_item *reads, **reads_last;
	struct lease_item *leases, **leases_last;

	enum store_health health;
	void (*on_health)(void *ctx, enum store_health h);
	void *on_health_ctx;
	struct loop_timer *probe; /* set while there is no room */
	struct store_counts counts;
	int64_t oldest_ms;
	bool checkpointing; /* the reader and then the writer are at it */
	bool closing;
};

/* Start the threads on the open connections; ERR_IO if there are none to be had. */
MUST_CHECK enum err store_start(struct store *s);

/* Answer all that is under way, and end the threads. */
void store_stop(struct store *s);

/*
 * Put a call into its queue; the store owns it from now on. Room for it is
 * made by xcalloc().
 */
void store_queue_write(struct store *s, struct write_item *it);
void store_queue_read(struct store *s, struct read_item *it);
void store_queue_lease(struct store *s, struct lease_item *it);

#endif
