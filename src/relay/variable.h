/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_VARIABLE_H
#define RELAY_VARIABLE_H

#include <stdint.h>

#include "model/policy.h"
#include "secret/ref.h"

/*
 * A secret that is kept as an environment variable in the settings of
 * repositories: those of the entities that are chosen, each with its own value
 * where the secret's path has variables.
 */
struct variable {
	char *name;     /* what the audit trail calls it */
	char *variable; /* in the job's environment */
	char *previous; /* the variable of the value before, as long as it overlaps; or NULL */
	char *branch;   /* only for builds of it; NULL: of all */
	char *source;   /* where it is built; NULL: the first that listens to its owner */
	struct secret_ref value;
	int64_t check_ms;      /* how often it is looked whether it is there yet */
	struct policy_rule of; /* which entities: of it the conditions of the entity only */
};

#endif
