/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_VISITORS_H
#define DAEMON_VISITORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct conf;
struct httpc;
struct httpd_req;
struct loop;
struct relay;

/*
 * Who asks for something in person: a user of Backstage, known by the token that
 * Backstage gave the user, or an agent, known by an ID token of a configured
 * issuer (model/agent.h). Backstage's limited tokens, which live in cookies, and
 * those of its plugins are not taken (io/jwt.h).
 */
struct visitors;

struct visitors *visitors_new(struct loop *l, struct httpc *http, struct relay *relay);
void visitors_free(struct visitors *v);

/* From now on by this configuration, borrowed until the next. Whose keys it keeps: daemon/issuers.h. */
void visitors_set(struct visitors *v, const struct conf *c);

struct visitor {
	struct span principal; /* canonical: "user:default/alice"; or "agent:release-bot" */
	struct span token;     /* which one it was, for the audit trail; nothing secret */
	int64_t token_age_ms;  /* since it was issued */
};

/*
 * Find out who sent a request. on_known runs once: before this returns, or later;
 * *who is borrowed. For a stranger it is not called: the request has been answered,
 * 401, which was counted and audited, or 503.
 */
void visitors_ask(struct visitors *v, struct httpd_req *req,
	void (*on_known)(void *ctx, struct httpd_req *req, const struct visitor *who), void *ctx);

/* Does a request bring what may be such a token: three parts, as Bearer (RFC 7515, section 3.1)? */
bool visitors_expect(const struct httpd_req *req);

#endif
