/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"

struct event_base;

/*
 * The one thread's event loop. A pass is: wait, run every callback that is
 * ready, then run the tasks deferred meanwhile. Work that wants to be grouped
 * (appends to the store) or put off until no callback is on the stack (freeing)
 * is a deferred task.
 */
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Run passes until loop_stop(); ERR_IO if the system's poll fails. */
MUST_CHECK enum err loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* The time at the start of this pass. */
struct mono loop_now(const struct loop *l);

/* Passes run so far: the watchdog is fed when it has grown. */
uint64_t loop_passes(const struct loop *l);

/* For the rooms of io/ only. */
struct event_base *loop_base(struct loop *l);

/*
 * A task embedded in its owner, which sets run. Deferring it twice in a pass
 * runs it once. A task deferred by a task runs in the next pass, at once.
 */
struct loop_task {
	void (*run)(struct loop_task *t);
	struct loop_task *next; /* while queued */
	bool queued;
};

void loop_defer(struct loop *l, struct loop_task *t);

/* Take t off the queue if it is on it: before its owner is freed. */
void loop_undefer(struct loop *l, struct loop_task *t);

/* A one-shot timer; setting it again moves it. The callback may free it. */
struct loop_timer;

struct loop_timer *loop_timer_new(struct loop *l, void (*on_due)(void *ctx), void *ctx);
void loop_timer_free(struct loop_timer *t);
void loop_timer_set(struct loop_timer *t, int64_t wait_ms);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);

/* Calls on_signal on the loop, not in the handler. */
struct loop_signal;

struct loop_signal *loop_signal_new(
	struct loop *l, int signo, void (*on_signal)(void *ctx), void *ctx);
void loop_signal_free(struct loop_signal *s);

/* Watches a descriptor that somebody else owns, until freed. */
enum loop_ready {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
};

struct loop_watch;

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned ready,
	void (*on_ready)(void *ctx, unsigned ready), void *ctx);
void loop_watch_free(struct loop_watch *w);

#endif
