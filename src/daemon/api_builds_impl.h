/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_BUILDS_IMPL_H
#define DAEMON_API_BUILDS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "daemon/api_ruling.h"
#include "model/entity.h"
#include "store/store.h"
#include "travis/v3_read.h"
#include "travis/v3_write.h"

struct httpd_req;
struct json_writer;

/*
 * The inside of what is answered as v3 would: api_builds.c reads builds,
 * api_builds_act.c has them restarted and canceled.
 */

/* Bytes of an answer: a hundred builds with the longest of texts. */
#define BUILDS_ANSWER_MAX (16 * 1024 * 1024)

/* Hosts on which one id may be a build. */
#define BUILDS_HOSTS_MOST 16

/* A question that a request waits for. */
struct ask {
	struct daemon *daemon;
	struct httpd_req *req;
	struct v3_request want;
	char *principal; /* a user, whom the policy judges; NULL: a credential, which reads all */
	char *token;     /* which one it was, for the audit trail */
	int64_t token_age_ms;
};

void ask_free(struct ask *a);

/* Each answers and leaves the question to be freed. */
void builds_reply(struct httpd_req *req, int status, const struct json_writer *w, struct span body,
	const char *fields);
void builds_reply_error(
	struct httpd_req *req, int status, const struct v3_error *error, const char *fields);
void builds_reply_missing(struct httpd_req *req, const char *resource);
void builds_reply_later(struct httpd_req *req, const char *why);

#define NO_STORE   "The store cannot be read now."
#define NO_CATALOG "The catalog is not known yet."

#define PRIVATE "Cache-Control: no-store\r\n"

/* Only what the catalog has now is seen: what it does not claim is nobody's business here. */
bool builds_is_claimed(const struct daemon *d, struct span slug);

/* The store is asked; if it cannot be, that is answered and the question freed. */
void builds_ask_store(struct ask *a, const struct store_builds_query *q, store_builds_cb on_done);

/*
 * May whoever asks do that with the builds of a repository that is claimed? Else
 * it has been said, in v3's shape. *by, unless NULL, is the entity by which, and
 * *ruling, which borrows it, how; a credential has neither.
 */
bool builds_is_allowed(struct ask *a, enum access_action action, struct span slug,
	struct span branch, struct entity *by, struct api_ruling *ruling);

/* Restart or cancel the build that is named, for a user. The question is freed. */
void builds_act(struct ask *a);

#endif
