/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include <stdint.h>

#include "io/crypto.h"
#include "model/build.h"

struct httpd_req;
struct relay;
struct source;

/* A build that a source vouches for. */
struct intake_order {
	struct source *source;
	struct build build; /* given away */
	uint8_t payload_sha256[SHA256_BYTES];
	const char *key; /* fingerprint of the key that verified; NULL: we asked for it */
};

/*
 * Judge the build against what is known, correlate and route it, and keep event,
 * state, deliveries and audit entry in one append. The request is answered 202
 * when that is durable, 503 when it cannot be made so now.
 */
void intake_take(struct relay *r, struct httpd_req *req, struct intake_order *order);

enum intake_end {
	INTAKE_TOLD,  /* it was news, and is durable */
	INTAKE_OVER,  /* no news: it is known to have ended; nothing was written */
	INTAKE_KNOWN, /* no news, but the build is not over as far as is known */
	INTAKE_LATER, /* the store takes nothing now */
};

/*
 * The same of a build that we asked for and no webhook told, which is marked as
 * such. Nothing is kept of one that is known already. Its event's id is cut from
 * what it tells, so that it is the same whenever we ask. on_end is called once,
 * perhaps at once.
 */
void intake_backfill(struct relay *r, struct intake_order *order,
	void (*on_end)(void *ctx, enum intake_end end), void *ctx);

#endif
