/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_AWS_READ_H
#define SECRET_AWS_READ_H

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "secret/provider.h"

/* Reading what services of AWS answer. ERR_PARSE and ERR_LIMIT for what it cannot be. */

struct aws_credentials {
	struct secret *key_id, *key;
	struct secret *session_token; /* NULL: they are of no session */
	struct wall expires;          /* or WALL_NONE */
};

void aws_credentials_release(struct aws_credentials *c);

/* JSON of the metadata services of EC2 and ECS. */
MUST_CHECK enum err aws_read_metadata(struct span body, struct aws_credentials *out);

/* XML of STS's AssumeRoleWithWebIdentity. */
MUST_CHECK enum err aws_read_sts(struct span body, struct aws_credentials *out);

/* Of GetSecretValue, answered 200. Says all of *out, why included. field: NULL for the whole. */
void aws_read_secret(struct span body, const char *field, struct secret_answer *out);

/* The same of what is not 200. */
void aws_read_error(struct span body, int status, struct secret_answer *out);

#endif
