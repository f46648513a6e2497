/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_API_WISH_H
#define DAEMON_API_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/policy.h"

/*
 * What somebody wants of an entity's builds, as the path says it:
 *
 *	/v1/entities/{kind}/{namespace}/{name}/builds                 read, or a new one
 *	/v1/entities/{kind}/{namespace}/{name}/builds/{id}            read
 *	/v1/entities/{kind}/{namespace}/{name}/builds/{id}/restart    or /cancel
 *	/v1/triggers/{id}                                             what came of it
 */
enum wish_what {
	WISH_NOTHING, /* that there is */
	WISH_BUILDS,
	WISH_BUILD,
	WISH_ACT,
	WISH_TRIGGER,
};

struct api_wish {
	enum wish_what what;
	struct buf entity;         /* its canonical ref */
	int64_t build;             /* WISH_BUILD, WISH_ACT */
	enum access_action action; /* WISH_ACT */
	struct span trigger;       /* WISH_TRIGGER; in the path */
};

/* Is a path below ours, whether there is something or not? */
bool api_wish_owns(struct span path);

/* Read a path. What it does not say is WISH_NOTHING. */
void api_wish_read(struct span path, struct api_wish *w);
void api_wish_release(struct api_wish *w);

/* Is it ordered with POST; is it read with GET? A list of builds is both. */
bool api_wish_posts(const struct api_wish *w);
bool api_wish_gets(const struct api_wish *w);

#endif
