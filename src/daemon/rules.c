/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rules.h"

#include "daemon/conf.h"
#include "daemon/daemon.h"
#include "relay/relay.h"

struct policy rules_now(const struct daemon *d)
{
	const struct conf *c = d->parts.conf;

	return (struct policy){ c->policy, c->policies, c->access_catalog_age_ms };
}

int64_t rules_catalog_age_ms(const struct daemon *d)
{
	struct wall read = relay_stats(d->relay).catalog_at;

	if (d->parts.conf->catalog_file != NULL)
		return 0;
	return read.ms == WALL_NONE.ms ? -1 : clock_wall().ms - read.ms;
}
