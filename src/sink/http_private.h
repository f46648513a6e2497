/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_PRIVATE_H
#define SINK_HTTP_PRIVATE_H

#include "io/httpc.h"
#include "sink/http.h"
#include "sink/http_message.h"

/* What http.c and http_handshake.c share; nobody else includes it. */

enum handshake_state {
	HANDSHAKE_NEEDED,
	HANDSHAKE_ASKED, /* call is under way, tries wait for it */
	HANDSHAKE_AGREED,
};

struct http_handshake {
	enum handshake_state state;
	struct httpc_call *call; /* while HANDSHAKE_ASKED */
	unsigned round;          /* counts the questions, so that each try gets its own answer */
	int64_t agreed_rate;
};

struct http_try {
	struct http_try *next, *prev;
	struct http_sink *sink;
	struct httpc_call *call; /* NULL: it waits for the handshake */
	unsigned round;          /* of the handshake it waits for */
	const char *event_id;
	struct span event;
	unsigned tries;
	unsigned generation; /* of the credentials that it showed */
	void (*on_result)(void *ctx, const struct sink_result *r);
	void *ctx;
};

struct http_sink {
	struct httpc *client;
	char *url, *origin;
	enum http_mode mode;
	int64_t timeout_ms;
	size_t answer_max;
	char **header;
	struct egress_rule *rule;
	struct httpc_guard guard;
	char *ca, *certificate, *key;
	struct http_credentials *credentials;
	unsigned generation; /* of the credentials */
	bool wants_handshake;
	struct http_handshake handshake;
	void (*on_refused)(void *ctx, const char *name);
	void *refused_ctx;
	char *name;
	struct http_try *first;
};

/* Add the fields that every request to the sink has. */
MUST_CHECK enum err http_sink_put_fields(const struct http_sink *h, struct http_message *m);

/* Send a message to the sink's URL. */
MUST_CHECK enum err http_sink_request(struct http_sink *h, const char *method,
	const struct http_message *m, void (*on_answer)(void *ctx, const struct httpc_answer *a),
	void *ctx, struct httpc_call **call);

/* The handshake is over: every try of that round starts, or ends with r if there is one. */
void http_sink_go_on(struct http_sink *h, unsigned round, const struct sink_result *r);

/* http_handshake.c: may a try start? If not, the question is being asked. */
bool http_handshake_is_done(struct http_sink *h);

/* Ask, unless that is under way. An error only if the question cannot be composed. */
MUST_CHECK enum err http_handshake_ask(struct http_sink *h);

/* Ask again before the next delivery. */
void http_handshake_forget(struct http_sink *h);

#endif
