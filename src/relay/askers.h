/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_ASKERS_H
#define RELAY_ASKERS_H

#include <stdint.h>

#include "base/span.h"

struct trigger;

/* Who asked for which build. The oldest ones are forgotten when there are too many. */
#define ASKERS_MAX 10000

struct askers;

struct askers *askers_new(void);
void askers_free(struct askers *a);

/* The builds of a trigger; who asks for one again is its asker from then on. */
void askers_note(struct askers *a, const struct trigger *t);

/* Empty if it is not known. */
struct span askers_principal(const struct askers *a, struct span host, int64_t build);

#endif
