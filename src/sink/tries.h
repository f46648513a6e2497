/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_TRIES_H
#define SINK_TRIES_H

#include <sys/queue.h>

#include "model/sink.h"

/* The tries of a sink that are under way: each is owed one result, unless it is given up. */
struct try;
LIST_HEAD(tries, try);

struct try *try_begin(
	struct tries *all, void (*on_result)(void *ctx, const struct sink_result *r), void *ctx);

/* Pay the result and forget the try. note may be NULL. */
void try_end(struct try *t, enum outcome outcome, const char *note);

/* Give up all. */
void tries_forget(struct tries *all);

#endif
