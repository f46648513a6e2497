/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_AUDIT_LOG_H
#define DAEMON_AUDIT_LOG_H

#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct conf;
struct loop;
struct publisher;
struct store;

/* Whoever wants to know what is published: see audit/publish.h. Each may be NULL. */
struct audit_log_needs {
	struct loop *loop;
	struct store *store;
	void (*on_trouble)(void *ctx, const char *why); /* NULL: it is over */
	void (*on_checkpoint)(void *ctx, struct span note);
	void *ctx;
};

/*
 * Begin to publish the audit trail as the configuration says. The key is made
 * where there is none yet. On failure *why (free(3) it) is one line.
 */
MUST_CHECK enum err audit_log_start(const struct audit_log_needs *needs, const struct conf *c,
	struct publisher **out, char **why);

/* Take over what a reload may change. */
void audit_log_reload(struct publisher *p, const struct conf *c);

#endif
