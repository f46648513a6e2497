/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_RECONCILE_H
#define TRAVIS_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "base/span.h"

/*
 * Builds as Travis's API tells them to who asks (facts of its code: queries/builds.rb,
 * renderer/build.rb). What is read becomes the payload that a webhook of the same
 * build would have had, as far as the API knows it, so that there is one normal
 * form and one reader of it (travis/payload.h). It does not know the author's
 * address, a pull request's head and base, and its own word for the outcome.
 */

/* Builds on one page of a list. */
#define TRAVIS_PAGE 25

/*
 * Append the path of a page of a repository's builds: those that are not over
 * first, then those that ended last. A build that is restarted is not over any
 * more, so that each of them comes to the front again with all that is new.
 */
MUST_CHECK enum err travis_path_builds(struct span slug, size_t offset, struct buf *out);

/* Walk the builds of an answer to that; ERR_PARSE if it is no list of builds. */
MUST_CHECK enum err travis_builds_read(struct json_value body, struct json_iter *it);

/* A build as it was answered; borrowed from the reply. */
struct travis_found {
	int64_t id;
	struct span slug; /* of its repository: compare it before you believe the rest */
	bool told;        /* a webhook tells builds of this state: it has started, or ended */
	bool over;        /* it has ended */
	struct wall finished_at; /* WALL_NONE: not yet, or not known */
	struct json_value body;
};

/* ERR_PARSE if it has no id, repository or state. */
MUST_CHECK enum err travis_found_read(struct json_value body, struct travis_found *f);

/*
 * Append the payload that a webhook would have had. host is of build URLs.
 * ERR_PARSE if the build is not told or its repository has no owner.
 */
MUST_CHECK enum err travis_found_payload(
	const struct travis_found *f, const char *host, struct buf *out);

#endif
