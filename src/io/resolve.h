/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include "base/defs.h"
#include "base/err.h"

struct addrinfo;
struct loop;

/*
 * Looks up host names as the system does (getaddrinfo(3)), on a thread of its
 * own, because that may wait for a name server.
 */
struct resolver;
struct lookup;

/* ERR_IO if there is no thread to be had. */
MUST_CHECK enum err resolver_new(struct loop *l, struct resolver **out);

/* Look-ups must have been cancelled; one under way is waited for. */
void resolver_free(struct resolver *r);

/*
 * Ask for the stream addresses of a host and a numeric port. on_found is called
 * exactly once, on a later turn of the loop, with a list to be passed to
 * freeaddrinfo(3), or with NULL and why (borrowed).
 */
struct lookup *resolver_ask(struct resolver *r, const char *host, const char *port,
	void (*on_found)(void *ctx, struct addrinfo *list, const char *why), void *ctx);

/* on_found is not called. */
void lookup_cancel(struct lookup *k);

/* The address of a host written as a number, at once; NULL if it is a name. */
struct addrinfo *resolve_numeric(const char *host, const char *port);

#endif
