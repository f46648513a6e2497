/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_H
#define SINK_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "model/sink.h"

struct egress_rule;
struct http_credentials;
struct httpc;

/*
 * The sink "http": a POST for each event, as a CloudEvent in binary or structured
 * mode, with the headers of Standard Webhooks and a traceparent. The trace's id
 * comes from the event's, so all tries are of one trace. It goes to public
 * addresses, and to others only by a rule (base/egress.h).
 *
 * With handshake, nothing is sent before the sink has agreed to it by the OPTIONS
 * request of CloudEvents' webhook specification, which is made before the first
 * delivery, again after reopen(), and again after a refusal.
 */
enum http_mode {
	HTTP_BINARY,
	HTTP_STRUCTURED,
};

struct http_sink_conf {
	const char *url;
	enum http_mode mode;
	const char *origin; /* how we name ourselves in WebHook-Request-Origin */
	bool handshake;
	int64_t timeout_ms; /* for a request with its answer */
	size_t answer_max;
	const char *const *header; /* "Name: value", ended by NULL; or NULL */
	const struct egress_rule *rule;
	size_t rules;
	const char *ca, *certificate, *key; /* PEM files; or NULL */
	/* The sink answered 401 or 403: is there a newer secret? NULL: nobody asks. */
	void (*on_refused)(void *ctx, const char *name);
	void *refused_ctx;
};

/* conf is copied, credentials are taken. client must outlive the sink. */
void http_sink_init(struct sink *sink, struct httpc *client, const char *name,
	const struct http_sink_conf *conf, struct http_credentials *credentials);

/* Use others from the next try on; taken. */
void http_sink_set_credentials(struct sink *sink, struct http_credentials *credentials);

/* Deliveries in a minute that the sink agreed to in its handshake; 0: it named no bound. */
int64_t http_sink_agreed_rate(const struct sink *sink);

#endif
