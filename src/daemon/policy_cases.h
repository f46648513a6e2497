/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_POLICY_CASES_H
#define DAEMON_POLICY_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What those who write rules expect of them: a list in YAML of somebody who wants
 * something, and whether it is to be allowed (stagewirectl(1), policy test).
 */
struct policy_case {
	unsigned line;            /* where it begins, from 1 */
	char *name;               /* for people; or NULL */
	char *principal, *behalf; /* behalf is canonical; NULL: nobody */
	char *action;
	char *entity; /* canonical */
	char *branch; /* NULL: none */
	bool overrides;
	int64_t token_age_ms;
	char *expect; /* "allow" or "deny" */
	char *rule;   /* that is to decide so; NULL: whichever */
};

struct policy_cases {
	struct policy_case *list;
	size_t n;
};

/*
 * Read them; name stands for the file's. On failure *why (free(3) it) is one line,
 * "file:line:column: what is wrong". No case at all is wrong too.
 */
MUST_CHECK enum err policy_cases_read(
	struct span text, const char *name, struct policy_cases *out, char **why);
void policy_cases_release(struct policy_cases *all);

#endif
