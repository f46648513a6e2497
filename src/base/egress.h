/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_EGRESS_H
#define BASE_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Where a request may go. An address on the public internet always; any other
 * (this host, a private network, a cloud's metadata service, a form of IPv6
 * that hides an IPv4 address) only by a rule that names network and port.
 * Asked with the address of the socket, after the name was resolved, so that
 * neither a name nor an odd way of writing a number can get around it.
 */
struct egress_address {
	bool v6;
	uint8_t bytes[16]; /* in network order; of IPv4 the first four */
	uint16_t port;
};

struct egress_rule {
	bool v6;
	uint8_t network[16];
	unsigned bits;
	uint16_t port;
};

/*
 * Read "10.0.0.0/8:443" or "[fd00::/8]:443". ERR_PARSE for anything else, also
 * where bits are set behind the prefix, which is most likely a slip.
 */
MUST_CHECK enum err egress_rule_parse(struct span text, struct egress_rule *rule);

/* Is it a unicast address that the internet routes to one host? */
bool egress_is_public(const struct egress_address *a);

bool egress_may_connect(const struct egress_rule *rules, size_t n, const struct egress_address *a);

#endif
