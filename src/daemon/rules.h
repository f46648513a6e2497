/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_RULES_H
#define DAEMON_RULES_H

#include <stdint.h>

#include "model/policy.h"

struct daemon;

/* The policy of the configuration in force. */
struct policy rules_now(const struct daemon *d);

/* As relay_catalog_age_ms(). */
int64_t rules_catalog_age_ms(const struct daemon *d);

#endif
