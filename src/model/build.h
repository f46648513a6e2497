/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BUILD_H
#define MODEL_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* The store keeps the number of a state, and of a transition: they never change. */
enum build_state {
	BUILD_QUEUED,
	BUILD_STARTED,
	BUILD_PASSED,
	BUILD_FAILED,
	BUILD_ERRORED,
	BUILD_CANCELED,
};
#define BUILD_STATES (BUILD_CANCELED + 1)

enum build_cause {
	BUILD_PUSH,
	BUILD_PULL_REQUEST,
	BUILD_CRON,
	BUILD_API,
};

/*
 * A build as one webhook tells it, whatever service and year it is of. The
 * spans point into text, which the build owns. Absent text is an empty span,
 * absent times are WALL_NONE, absent numbers -1.
 */
struct build {
	struct buf text;
	struct span host; /* the instance it ran on, as configured: "app.travis-ci.com" */
	int64_t id;
	struct span number; /* per repository */
	enum build_state state;
	enum build_cause cause;
	int64_t repository_id;
	struct span owner, name; /* of the repository, as sent */
	struct span branch, tag; /* of a pull request, branch is the target */
	struct span commit, head_commit, base_commit, compare_url;
	struct span subject; /* first line of the commit message, cut at 200 bytes */
	struct span url;
	struct span
		requester; /* who asked for it through us: a user's ref; empty: nobody we know of */
	struct span status_message; /* the service's own word for the outcome */
	/* The commit's author by address and by login, as digests (io/pseudonym.h). */
	struct span author_mail, author_login;
	bool backfilled; /* no webhook told: we asked for it */
	int64_t pull_request;
	struct wall started_at, finished_at;
	int64_t duration_s; /* sum over jobs, as sent */
	int64_t jobs;
};

void build_init(struct build *b);
void build_release(struct build *b);

bool build_is_final(enum build_state s);

/* "queued", "started", "passed", "failed", "errored", "canceled". */
const char *build_state_str(enum build_state s);
MUST_CHECK enum err build_state_parse(struct span text, enum build_state *s);
const char *build_cause_str(enum build_cause c);
MUST_CHECK enum err build_cause_parse(struct span text, enum build_cause *c);

/* As JSON, to be kept and read again when the build is correlated later. */
MUST_CHECK enum err build_write(const struct build *b, struct buf *out);
MUST_CHECK enum err build_read(struct span json, struct build *b);

/* What is remembered of a build for ever: how far its latest attempt came. */
struct build_record {
	bool known;
	enum build_state state;
	struct wall started_at, finished_at;
	int64_t attempt; /* from 1 */
};

/*
 * What a webhook means, given what is known. The order of arrival proves
 * nothing: Travis sends `started` after the final state, a final state several
 * times (fast_finish), and the same id again after a restart.
 *
 *	nothing known ------------------------------------> NEWS
 *	a later attempt (started later) ------------------> RESTART
 *	an earlier attempt -------------------------------> LATE
 *	same attempt: further on -------------------------> NEWS
 *	              less far ---------------------------> LATE
 *	              same unfinished state --------------> DUPLICATE
 *	              same final state -------------------> FOLLOW_UP
 *	              another final state, later or graver > NEWS, else LATE
 */
enum build_verdict {
	VERDICT_NEWS,
	VERDICT_RESTART,   /* news of a new attempt */
	VERDICT_FOLLOW_UP, /* update what is known, announce nothing */
	VERDICT_DUPLICATE,
	VERDICT_LATE,
};

const char *build_verdict_str(enum build_verdict v);

/* Judge b and say what is to be remembered afterwards. */
enum build_verdict build_judge(
	const struct build_record *known, const struct build *b, struct build_record *next);

MUST_CHECK enum err build_record_write(const struct build_record *r, struct buf *out);
MUST_CHECK enum err build_record_read(struct span value, struct build_record *r);

/* The last conclusive result of one line of history: a branch, a tag, a pull request. */
struct line_record {
	bool known;
	int64_t build_id;
	bool good;
};

/* How a result relates to the one before it on its line. */
enum transition {
	TRANSITION_NONE, /* first result, good after good, unfinished, canceled, outdated */
	TRANSITION_FIXED,
	TRANSITION_BROKEN,
	TRANSITION_STILL_FAILING,
};
#define TRANSITIONS (TRANSITION_STILL_FAILING + 1)

const char *transition_str(enum transition t);
MUST_CHECK enum err transition_parse(struct span text, enum transition *t);

/*
 * Compute our own transition; the service's is wrong for overlapping builds. A
 * build older than the last one recorded changes nothing.
 */
enum transition line_advance(
	const struct line_record *known, const struct build *b, struct line_record *next);

MUST_CHECK enum err line_record_write(const struct line_record *r, struct buf *out);
MUST_CHECK enum err line_record_read(struct span value, struct line_record *r);

/* Keys in the store. The line's: host, repository id, and which line of it. */
MUST_CHECK enum err build_key(const struct build *b, struct buf *out);
MUST_CHECK enum err build_line_key(const struct build *b, struct buf *out);

/* The ordering key: everything of one repository stays in order. */
MUST_CHECK enum err build_okey(const struct build *b, struct buf *out);

/* "owner/name". */
MUST_CHECK enum err build_slug(const struct build *b, struct buf *out);

#endif
