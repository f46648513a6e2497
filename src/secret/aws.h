/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_AWS_H
#define SECRET_AWS_H

#include <stdint.h>

#include "secret/ref.h"

struct httpc;
struct loop;
struct provider;

/* AWS Secrets Manager. Stage AWSCURRENT is the value, AWSPREVIOUS the one before it. */
enum aws_method {
	AWS_STATIC,
	AWS_WEB_IDENTITY,
	AWS_ECS,
	AWS_IMDS,
	AWS_AUTO, /* the first of these that there is */
};

struct aws_conf {
	const char *name;
	const char *region;
	const char *address; /* of the service; NULL: the region's */
	enum aws_method method;
	struct secret_ref key_id, key, session_token; /* of AWS_STATIC */
	const char *role_arn, *token_file; /* of AWS_WEB_IDENTITY; NULL: as the environment says */
	const char *sts;                   /* its address; NULL: the region's */
	const char *metadata;              /* address of the machine's metadata service; or NULL */
	const char *ca;                    /* or NULL */
	int64_t timeout_ms, refresh_ms, overlap_ms, grace_ms;
};

/* conf is copied. */
struct provider *aws_new(struct loop *l, struct httpc *http, const struct aws_conf *conf);

#endif
