/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_PUBLISH_IMPL_H
#define AUDIT_PUBLISH_IMPL_H

#include "audit/ledger.h"
#include "audit/publish.h"
#include "audit/publish_job.h"
#include "io/loop.h"
#include "store/store.h"

/* Shared by the files of the publisher, and by nobody else. */

/* Entries asked of the store at once. */
#define PUBLISH_PAGE 256

struct publisher {
	struct loop *loop;
	struct store *store;
	struct worker *worker;
	struct log_writer *writer; /* the thread's while a job is under way */
	struct loop_timer *timer;
	char *directory, *origin, *witness;
	struct publisher_pace pace;
	void (*on_trouble)(void *ctx, const char *why);
	void (*on_checkpoint)(void *ctx, struct span note);
	void *ctx;

	enum publisher_state state;
	bool busy; /* the store or the thread has something to answer */
	bool closing;
	bool finishing, flushed; /* flushed: all that was appended before is committed */
	char *trouble;

	struct ledger ledger, next; /* next: of a log that begins */
	int64_t ledger_version;
	bool open_compared;
	int64_t compared; /* up to this seq */

	uint64_t size, published;
	bool more;          /* the store may have entries behind size */
	struct mono oldest; /* when the first entry behind published was read */
	struct mono beat;   /* the last heartbeat */
	uint64_t beat_size; /* what the log has if nothing came since */
	bool ship;          /* the next checkpoint goes to on_checkpoint */
	struct buf note;    /* the last checkpoint signed */
	uint64_t checkpoints;
	struct wall published_at;
};

/* Do what the state wants, if nothing is under way. */
void publisher_step(struct publisher *p);

/* The same after a while. */
void publisher_step_later(struct publisher *p, int64_t wait_ms);

/* PUBLISHER_DOUBTFUL, for ever. */
PRINTF(2, 3) void publisher_doubt(struct publisher *p, const char *fmt, ...);

void publisher_submit(struct publisher *p, struct publish_job *j);

/* Keep the ledger in the store; on_kept ends the wait. */
void publisher_keep_ledger(struct publisher *p, store_finish_cb on_kept);

/* Compose an entry of the log about itself. */
MUST_CHECK enum err publisher_entry(const char *action, const char *detail, struct buf *out);

/* From PUBLISHER_LOADING to PUBLISHER_RUNNING, in publish_start.c. */
void publisher_load(struct publisher *p);
void publisher_open(struct publisher *p);
void publisher_opened(struct publisher *p);
void publisher_begin(struct publisher *p);
void publisher_compare(struct publisher *p);

#endif
