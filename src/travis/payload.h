/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_PAYLOAD_H
#define TRAVIS_PAYLOAD_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/build.h"

struct pseudonym_key;

/* How the commit's author is told from other people. */
struct travis_author_rules {
	const struct pseudonym_key *names; /* NULL: not at all */
	struct span host; /* whose no-reply addresses hold logins, "github.com"; or empty */
};

/*
 * Read a verified payload into an initialized build. Takes what is needed and
 * nothing else: config, matrix contents and names stay out, and of the author's
 * e-mail address there is only a digest. Knows the shapes of 2012 to 2026. The
 * gate is passed first.
 *
 * b->host is left to the caller. ERR_PARSE, ERR_LIMIT with *why set to a static
 * sentence that may be shown to the sender.
 */
MUST_CHECK enum err travis_payload_read(struct span payload,
	const struct travis_author_rules *author, struct build *b, const char **why);

/*
 * Is the build's URL an https (or http) URL at this host, without user or port?
 * Compared without case; host is as configured.
 */
bool travis_payload_is_from(const struct build *b, const char *host);

#endif
