/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ASSEMBLY_H
#define DAEMON_ASSEMBLY_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/err.h"
#include "relay/relay.h"

struct api_credentials;
struct audit_record;
struct backstage_client;
struct conf;
struct driver_renewal;
struct httpc;
struct loop;
struct safe;
struct pseudonym_key;
struct push_sources;
struct secret;
struct tls_server;

/*
 * What a configuration makes: the parts that are put together before anything of
 * the running daemon is touched, so that a reload applies wholly or not at all.
 * Parts that the new configuration describes like the old one are carried over.
 */
struct assembly {
	struct conf *conf;
	struct backstage_client *client; /* NULL without backstage.url */
	struct relay_setup setup;
	struct catalog *catalog;             /* read from catalog.file; NULL otherwise */
	struct api_credentials *credentials; /* for the API listener, until it has taken them */
	struct push_sources *pushers;        /* for the hooks listener, likewise */
	struct secret *token;                /* for a client that is carried over */
	struct driver_renewal *renewal;      /* for sinks that are carried over */
	size_t renewals;
};

struct assembly_needs {
	struct loop *loop;
	struct httpc *http;
	struct safe *safe;                 /* what providers have is in it already; NULL: nothing */
	const struct pseudonym_key *names; /* for authors; borrowed, as long as what is made */
	/* A source's fetched key changed. */
	void (*on_rotate)(void *ctx, const char *fingerprint);
	/* A sink, or Backstage where it is NULL, does not take our secret. */
	void (*on_refused)(void *ctx, const char *sink);
	void *ctx;
};

/*
 * Put together. running may be NULL; it stays as it is, and its conf and setup
 * must be those in use. conf is taken. On failure *why (free(3) it) is one line
 * and nothing has changed.
 */
MUST_CHECK enum err assembly_build(const struct assembly_needs *needs, struct conf *conf,
	const struct assembly *running, struct assembly *out, char **why);

/* What is carried over learns what changed: tokens, keys. The one step that cannot fail. */
void assembly_renew(struct assembly *a);

/* Free what old holds and now does not; both setups are given, as one of them is the relay's. */
void assembly_retire(struct assembly *old, const struct assembly *now);

/* Does a sink show a secret that a provider has? */
bool assembly_sink_is_remote(const struct conf *c, size_t i);

/*
 * Secrets changed at their providers: give those that have them the values of now,
 * in setup, which is the one in use. On failure, which leaves what it is about as it
 * was, or idle if there is no value, *why (free(3) it) is the first of them.
 */
MUST_CHECK enum err assembly_rekey(
	struct assembly *a, const struct relay_setup *setup, const struct safe *safe, char **why);

void assembly_release(struct assembly *a);

#endif
