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
	const char *key; /* fingerprint of the key that verified */
};

/*
 * Judge the build against what is known, correlate and route it, and keep event,
 * state, deliveries and audit entry in one append. The request is answered 202
 * when that is durable, 503 when it cannot be made so now.
 */
void intake_take(struct relay *r, struct httpd_req *req, struct intake_order *order);

#endif
