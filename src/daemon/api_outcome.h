/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_OUTCOME_H
#define DAEMON_API_OUTCOME_H

#include "base/span.h"

struct daemon;
struct httpd_req;
struct json_writer;
struct store_build;

/* A build as the API of entities shows it. */
void api_put_build(struct json_writer *w, const struct store_build *b);

/*
 * Answer with a trigger, for whom it is theirs: as it is kept, and as "results"
 * what has been heard of its builds since. Who was allowed to ask for a build may
 * know how it ended, so the policy is not asked again.
 */
void api_show_trigger(
	struct daemon *d, struct httpd_req *req, struct span id, struct span principal);

#endif
