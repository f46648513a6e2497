/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_AGENT_H
#define MODEL_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json_read.h"
#include "base/span.h"

/*
 * Automation that acts by itself, such as a workflow, known by what an issuer of
 * ID tokens says of it. Each of its claims must be in the token and be as it
 * stands here: "repository_id=1234", or the beginning of the value and a '*'
 * (model/pattern.h), in its own case. Names can be given away and taken again, so
 * bind to ids and to sub.
 */
struct agent {
	char *name;    /* "release-bot": to the policy "agent:release-bot" */
	char *issuer;  /* the name of one */
	char **claims; /* at least one */
};

#define AGENT_PREFIX "agent:"

/* Is it a claim's name, '=' and a pattern that does not match just anything? */
bool agent_claim_is_valid(const char *text);

/* The name in a valid one. */
struct span agent_claim_name(const char *claim);

/*
 * Find the agents of an issuer that a token's claims fit, of n. Returns how many
 * there are; *first is one of them. Only texts and whole numbers fit a claim.
 */
size_t agents_find(const struct agent *agent, size_t n, const char *issuer,
	struct json_value claims, const struct agent **first);

#endif
