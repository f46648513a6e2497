/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DRIVER_H
#define DAEMON_DRIVER_H

#include "base/defs.h"
#include "base/err.h"

struct assembly_needs;
struct backstage_client;
struct conf_sink;
struct http_credentials;
struct safe;
struct sink;

/*
 * How the configuration makes each type of sink: the one place that knows which
 * there are.
 */
MUST_CHECK enum err driver_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why);

/* What a sink that a reload carries over is to know anew: its secrets may have changed. */
struct driver_renewal {
	struct sink *sink;
	struct http_credentials *credentials;
};

/* Fetch it for a sink that c describes; *out stays empty if there is nothing. */
MUST_CHECK enum err driver_renew(const struct safe *safe, const struct conf_sink *c,
	struct sink *sink, struct driver_renewal *out, char **why);

/* Hand it over. */
void driver_renewal_apply(struct driver_renewal *r);
void driver_renewal_release(struct driver_renewal *r);

/* driver_http.c */
MUST_CHECK enum err driver_http_init(const struct assembly_needs *needs,
	struct backstage_client *client, const struct conf_sink *c, struct sink *sink, char **why);
MUST_CHECK enum err driver_http_renew(const struct safe *safe, const struct conf_sink *c,
	struct sink *sink, struct driver_renewal *out, char **why);

#endif
