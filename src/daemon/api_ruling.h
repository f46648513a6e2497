/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_RULING_H
#define DAEMON_API_RULING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/policy.h"
#include "model/trigger.h"

struct daemon;
struct entity;
struct httpd_req;
struct source;

/* What somebody asks for, as far as the policy looks at it beside the entity. */
struct api_plea {
	enum access_action action;
	struct span principal, behalf;
	struct span token; /* which one it was, for the audit trail */
	int64_t token_age_ms;
	struct span branch; /* empty: of no branch */
	bool overrides;
};

/* What was decided, and by access.entity: one for which it is allowed, else the first. */
struct api_ruling {
	struct decision decision;
	struct access access; /* what was looked at; borrows from the plea */
	struct span token;    /* the plea's */
};

/*
 * Decide by the rules and the catalog of now. Where several entities claim one
 * repository, n of them, it is allowed if it is for one: who asks could name that
 * one as well. A denial, and that something may be read, is in the audit trail then;
 * what is allowed to be done gets there with what comes of it (relay/triggers.h).
 */
bool api_rule(struct daemon *d, const struct httpd_req *req, const struct api_plea *p,
	const struct entity *e, size_t n, struct api_ruling *out);

/* Write down that what was allowed is not done after all, and why in a stable word. */
void api_note_undone(struct daemon *d, const struct httpd_req *req, const struct api_ruling *ruling,
	const char *reason);

/* What is to be done then; the source and what is of one action only are the caller's to add. */
struct trigger api_trigger_of(const struct api_ruling *ruling);

/* A denial as a sentence for who asked. */
const char *api_denial_words(enum policy_reason r);

/*
 * Where a repository "owner/name" is built: the first source with an API that
 * listens to its owner; of that name, of that host, unless NULL, empty. NULL: nowhere.
 */
const struct source *api_source_of(
	const struct daemon *d, struct span slug, const char *name, struct span host);

#endif
