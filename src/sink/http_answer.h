/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_ANSWER_H
#define SINK_HTTP_ANSWER_H

#include <stdbool.h>

#include "io/httpc.h"
#include "model/sink.h"

/*
 * What the answer to a webhook means (Standard Webhooks 1.0.0, CloudEvents'
 * webhook specification):
 *
 *	2xx                  taken, whatever follows the head
 *	3xx                  tried again; never followed
 *	400, 406, 411, 413,
 *	414, 415, 422, 431   this event will never do: a dead letter at once
 *	401, 403             tried again when somebody has mended who we are
 *	410                  the sink wants no more, for good
 *	429, 502, 503, 504   tried again, and less is sent for a while
 *	any other, or none   tried again
 *
 * 404 and its like are the operator's to mend, and nothing is lost meanwhile.
 */
struct sink_result http_answer_judge(const struct httpc_answer *a);

/* Was it not this request that failed, but the way there, or the moment? */
bool http_answer_is_passing(const struct httpc_answer *a);

#endif
