/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ADDRESS_H
#define MODEL_ADDRESS_H

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Whom a sink that talks to people is to tell of an event: any of these
 * together. The rest of the sinks do not care.
 */
enum address {
	ADDRESS_OWNER = 1,  /* of the entities */
	ADDRESS_AUTHOR = 2, /* of the commit, if the catalog knows who that is */
};
#define ADDRESSES_ALL (ADDRESS_OWNER | ADDRESS_AUTHOR)

/* "owner" or "author"; and back, ERR_PARSE if it is neither. */
const char *address_str(enum address a);
MUST_CHECK enum err address_parse(struct span text, enum address *a);

#endif
