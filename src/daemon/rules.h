/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RULES_H
#define DAEMON_RULES_H

#include <stdint.h>

#include "model/policy.h"

struct daemon;

/* The policy of the configuration in force. */
struct policy rules_now(const struct daemon *d);

/*
 * Since when the catalog is known to have been as it is: since it was last read
 * whole, in ms; -1 if it never was. A file is as old as it says, which is 0.
 */
int64_t rules_catalog_age_ms(const struct daemon *d);

#endif
