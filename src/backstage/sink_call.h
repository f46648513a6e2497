/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_SINK_CALL_H
#define BACKSTAGE_SINK_CALL_H

#include <stddef.h>

#include "base/span.h"
#include "io/httpc.h"
#include "model/sink.h"

struct backstage_client;

/*
 * What the sinks of Backstage have in common: one POST a delivery, whose answer
 * becomes a result; and giving up all that are under way.
 */
struct sink_calls {
	struct backstage_client *client; /* borrowed */
	struct sink_call *first;         /* under way */
};

/*
 * Post body to path. judge turns an answer into a result; it finds the common
 * reading filled in. subject is handed to judge, copied.
 */
void sink_calls_post(struct sink_calls *c, const char *path, struct span body, struct span subject,
	void (*judge)(const struct httpc_answer *a, struct span subject, struct sink_result *r),
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx);

void sink_calls_cancel(struct sink_calls *c);

/* The result of what cannot even be sent. */
struct sink_result sink_unsendable(const char *note);

#endif
