/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_FINDING_H
#define RELAY_FINDING_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct intake_order;
struct relay;
struct source;
struct travis_found;

/*
 * Make of a build that a source's API answered with what a webhook of it would
 * have been, for intake_backfill(): the same form, the same checks. slug is the
 * repository that was asked about. ERR_AUTH if the build is of another one or of
 * an owner that is not listened to, ERR_PARSE or ERR_LIMIT if it cannot be read;
 * *why says so. Release order->build if it is not given away.
 */
MUST_CHECK enum err finding_read(struct relay *r, struct source *s, struct span slug,
	const struct travis_found *f, struct intake_order *order, const char **why);

#endif
