/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_AWS_CREDENTIALS_H
#define SECRET_AWS_CREDENTIALS_H

#include "base/defs.h"
#include "base/err.h"
#include "secret/aws.h"
#include "secret/aws_read.h"

struct httpc;

/*
 * Where we get credentials of AWS from: files, STS for a web identity, the task's
 * or the machine's metadata service. The last two are asked at their own addresses
 * only, and the machine's by version 2, never by version 1.
 */
struct aws_source;

/* conf is borrowed until aws_source_free(). */
struct aws_source *aws_source_new(struct httpc *http, const struct aws_conf *conf);
void aws_source_free(struct aws_source *s);

/*
 * Get them, once at a time; on_got is called once, maybe at once: with what the
 * callee owns from then on, or with NULL, what went wrong and why (borrowed).
 */
void aws_source_get(struct aws_source *s,
	void (*on_got)(void *ctx, struct aws_credentials *c, enum err e, const char *why),
	void *ctx);

/* on_got is not called. */
void aws_source_cancel(struct aws_source *s);

#endif
