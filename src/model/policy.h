/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct catalog;
struct entity;

/*
 * Who may do what with the builds of an entity. What no rule allows is denied,
 * and where one rule denies, none allows. Patterns are those of model/pattern.h.
 */
enum access_action {
	ACCESS_TRIGGER,
	ACCESS_RESTART,
	ACCESS_CANCEL,
	ACCESS_READ,
};
#define ACCESS_ACTIONS (ACCESS_READ + 1)

/* "build.trigger", "build.restart", "build.cancel", "build.read". */
const char *access_action_str(enum access_action a);
MUST_CHECK enum err access_action_parse(struct span text, enum access_action *a);

/*
 * What somebody wants. A principal is a user's canonical entity ref, or an
 * automated agent's name as the configuration has it, "agent:release-bot".
 */
struct access {
	enum access_action action;
	struct span principal;
	struct span behalf; /* the user an agent acts for; empty: nobody */
	const struct entity *entity;
	struct span branch;     /* empty: of no branch, as when builds are listed */
	bool overrides;         /* it brings variables of its own */
	int64_t token_age_ms;   /* since the credential was issued; -1: not known */
	int64_t catalog_age_ms; /* since the catalog was last read whole; -1: never */
};

bool access_is_agent(const struct access *a);

/*
 * A rule covers what meets all its conditions; of a list, one item must match. A
 * NULL list is no condition. A rule that allows covers requests with variables
 * only if it says so; one that denies and says so covers nothing else.
 */
struct policy_rule {
	char *id;
	char *effect;  /* "allow" or "deny" */
	char **action; /* patterns, as all that follow but group */
	bool owner;    /* the principal owns the entity, itself or through its groups */
	char **group;  /* it belongs to one of these groups, directly or not */
	char **principal;
	char **kind, **space, **name; /* of the entity */
	char **lifecycle, **lifecycle_not, **tag;
	char **branch;
	bool overrides;
	int64_t token_age_max_ms; /* 0: any */
	bool behalf;              /* an agent names a user */
};

/* Frees the strings and lists too. */
void policy_rule_release(struct policy_rule *r);

struct policy {
	const struct policy_rule *rule;
	size_t n;
	int64_t catalog_age_max_ms; /* with an older catalog everything is denied */
};

/* In the order in which they are looked at. */
enum policy_condition {
	POLICY_ACTION,
	POLICY_OWNER,
	POLICY_GROUP,
	POLICY_PRINCIPAL,
	POLICY_KIND,
	POLICY_NAMESPACE,
	POLICY_NAME,
	POLICY_LIFECYCLE,
	POLICY_LIFECYCLE_NOT,
	POLICY_TAG,
	POLICY_BRANCH,
	POLICY_OVERRIDES,
	POLICY_TOKEN_AGE,
	POLICY_BEHALF,
	POLICY_MET, /* all of them */
};

/* Its key in the configuration: "subject.owner_of_entity", … */
const char *policy_condition_str(enum policy_condition c);

/* The first condition of a rule that does not hold, or POLICY_MET. catalog says who belongs where. */
enum policy_condition policy_rule_unmet(
	const struct policy_rule *r, const struct access *a, const struct catalog *catalog);

/* Do its conditions of the entity hold, whatever the others say? */
bool policy_rule_fits(const struct policy_rule *r, const struct entity *e);

/* Has it any of them? */
bool policy_rule_chooses(const struct policy_rule *r);

enum policy_reason {
	POLICY_ALLOWED,
	POLICY_DENIED,        /* by a rule */
	POLICY_NOT_ALLOWED,   /* by no rule */
	POLICY_STALE_CATALOG, /* nobody knows who owns it now */
	POLICY_BEHALF_DENIED, /* the agent may, the user it acts for may not */
};

/* "allowed", "denied", "no-rule", "stale-catalog", "behalf-denied". */
const char *policy_reason_str(enum policy_reason r);

struct decision {
	enum policy_reason reason;
	const struct policy_rule *rule; /* that allowed or denied; NULL if none did */
};

/*
 * Decide. catalog is NULL where none was ever read, which denies. An agent that
 * acts for a user needs both to be allowed, each by the same rules.
 */
struct decision policy_decide(
	const struct policy *p, const struct access *a, const struct catalog *catalog);

#endif
