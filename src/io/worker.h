/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_WORKER_H
#define IO_WORKER_H

#include "io/loop.h"

/*
 * A thread that does what would stall the loop. Jobs run on it in order;
 * finished jobs come back to the loop in order. Jobs submitted while it was
 * busy are handed over together, so that a store can group them.
 */
struct worker;

struct worker_job {
	struct worker_job *next;
};

struct worker_ops {
	/* On the thread: do these jobs, a list linked by next. Must not touch the loop. */
	void (*work)(void *ctx, struct worker_job *jobs);
	/* On the loop: job is done; its owner may free it. */
	void (*done)(void *ctx, struct worker_job *job);
};

/* ERR_IO if there is no thread to be had. name is at most 15 bytes. */
MUST_CHECK enum err worker_new(struct loop *l, const char *name, const struct worker_ops *ops,
	void *ctx, struct worker **out);

/* Hand over one job. Never blocks. */
void worker_submit(struct worker *w, struct worker_job *job);

/* Finish every job submitted so far, call done for each, and end the thread. */
void worker_free(struct worker *w);

#endif
