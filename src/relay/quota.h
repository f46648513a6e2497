/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_QUOTA_H
#define RELAY_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"

/*
 * How many builds of each repository were asked for within the last hour. Travis
 * takes ten by default, whoever asks (facts: 429 request_limit_reached); an administrator
 * may have set another number, and others use it up as well, which is learned from
 * its answers.
 */
#define QUOTA_MS      INT64_C(3600000)
#define QUOTA_DEFAULT 10

struct quota;

struct quota *quota_new(void);
void quota_free(struct quota *q);

/*
 * How long until a repository ("owner/name" at a host) may have one more build, in
 * ms, with so many in an hour as we ask for at most (0: as many as Travis takes).
 */
int64_t quota_wait(
	const struct quota *q, struct span host, struct span slug, size_t max, struct mono now);

/* A build is asked for then: by a trigger of this id, which counts once, at the latest time. */
void quota_count(
	struct quota *q, struct span host, struct span slug, struct span id, struct mono at);

/* It was not made, so it does not count. */
void quota_drop(struct quota *q, struct span host, struct span slug, struct span id);

/*
 * Travis takes no more than so many in so long, and has them. When the next may
 * come only it knows: when one of ours is that old, or when on the average one is.
 */
void quota_full(struct quota *q, struct span host, struct span slug, int64_t max, int64_t per_ms,
	struct mono now);

#endif
