/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rules.h"

#include "conf/conf.h"
#include "daemon/daemon.h"
#include "relay/relay.h"

struct policy rules_now(const struct daemon *d)
{
	const struct conf *c = d->parts.conf;

	return (struct policy){ c->policy, c->policies, c->access_catalog_age_ms };
}

int64_t rules_catalog_age_ms(const struct daemon *d)
{
	return relay_catalog_age_ms(d->relay);
}
