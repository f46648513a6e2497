/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/egress.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "io/webhook_key.h"
#include "sink/http_answer.h"
#include "sink/http_credentials.h"
#include "sink/http_private.h"

#define SIGNATURES_MAX  1024
#define TRACE_ID_BYTES  16
#define SPAN_ID_BYTES   8
#define TRACEPARENT_MAX 64

/* --- a request --- */

enum err http_sink_put_fields(const struct http_sink *h, struct http_message *m)
{
	enum err e = http_message_add(m, "WebHook-Request-Origin", span_of(h->origin));

	for (size_t i = 0; h->header != NULL && h->header[i] != NULL && e == ERR_OK; i++)
		e = http_message_borrow(m, h->header[i]);
	for (size_t i = 0; i < h->credentials->fields && e == ERR_OK; i++)
		e = http_message_borrow(m, secret_text(h->credentials->field[i]));
	return e;
}

static void on_refused(void *ctx)
{
	const struct http_sink *h = ctx;

	h->on_refused(h->refused_ctx, h->name);
}

enum err http_sink_request(struct http_sink *h, const char *method, const struct http_message *m,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	const struct secret *token = h->credentials->token;
	const bool asks = h->on_refused != NULL;
	const struct httpc_request req = {
		.method = method,
		.url = h->url,
		.fields = m->field,
		.bearer = token == NULL ? NULL : secret_text(token),
		.body = m->body,
		.timeout_ms = h->timeout_ms,
		.answer_max = h->answer_max,
		.tls = { .ca = h->ca, .certificate = h->certificate, .key = h->key },
		.guard = &h->guard,
		.http2 = true,
		.on_refused = asks ? on_refused : NULL,
		.refused_ctx = h,
	};

	return httpc_send(h->client, &req, on_answer, ctx, call);
}

static enum err put_event(const struct http_try *t, struct http_message *m)
{
	switch (t->sink->mode) {
	case HTTP_BINARY: return http_message_binary(m, t->event);
	case HTTP_STRUCTURED: return http_message_structured(m, t->event);
	}
	return ERR_PARSE;
}

/* webhook-id and webhook-timestamp also without a key: they tell tries of one event. */
static enum err put_webhook(const struct http_try *t, struct http_message *m)
{
	CLEANUP(buf_release) struct buf signatures;
	const struct http_credentials *c = t->sink->credentials;
	const int64_t now = clock_wall().ms / 1000;
	char timestamp[24];
	enum err e;

	buf_init(&signatures, SIGNATURES_MAX);
	snprintf(timestamp, sizeof(timestamp), "%" PRId64, now);
	e = http_message_add(m, "webhook-id", span_of(t->event_id));
	if (e == ERR_OK)
		e = http_message_add(m, "webhook-timestamp", span_of(timestamp));
	if (e != ERR_OK || c->keys == 0)
		return e;
	e = webhook_sign(c->key, c->keys, span_of(t->event_id), now, m->body, &signatures);
	if (e != ERR_OK)
		return e;
	return http_message_add(m, "webhook-signature", buf_span(&signatures));
}

/*
 * W3C Trace Context: a trace for each event, a span for each try of it. Sampled,
 * since a receiver that asks its caller would otherwise record nothing.
 */
static enum err put_trace(const struct http_try *t, struct http_message *m)
{
	const struct span parts[] = { span_of(t->event_id), span_of(t->sink->url),
		{ (const char *)&t->tries, sizeof(t->tries) } };
	uint8_t trace[SHA256_BYTES], span[SHA256_BYTES];
	char trace_hex[2 * TRACE_ID_BYTES + 1], span_hex[2 * SPAN_ID_BYTES + 1];
	char value[TRACEPARENT_MAX];

	/* An event's id is a UUID mostly, and of the right size: whoever looks finds it. */
	if (uuid_parse(parts[0], trace) != ERR_OK)
		sha256(parts[0], trace);
	sha256_parts(parts, ARRAY_SIZE(parts), span);
	hex_encode(trace, TRACE_ID_BYTES, trace_hex);
	hex_encode(span, SPAN_ID_BYTES, span_hex);
	snprintf(value, sizeof(value), "00-%s-%s-01", trace_hex, span_hex);
	return http_message_add(m, "traceparent", span_of(value));
}

static enum err compose(const struct http_try *t, struct http_message *m)
{
	enum err e = put_event(t, m);

	if (e == ERR_OK)
		e = put_webhook(t, m);
	if (e == ERR_OK)
		e = put_trace(t, m);
	return e == ERR_OK ? http_sink_put_fields(t->sink, m) : e;
}

/* --- tries --- */

static struct http_try *try_new(struct http_sink *h, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct http_try *t = xcalloc(1, sizeof(*t));

	*t = (struct http_try){
		.next = h->first,
		.sink = h,
		.event_id = d->event_id,
		.event = d->event,
		.tries = d->tries,
		.on_result = on_result,
		.ctx = ctx,
	};
	if (h->first != NULL)
		h->first->prev = t;
	h->first = t;
	return t;
}

static void try_free(struct http_try *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		t->sink->first = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	free(t);
}

static void try_end(struct http_try *t, const struct sink_result *r)
{
	void (*on_result)(void *ctx, const struct sink_result *r) = t->on_result;
	void *ctx = t->ctx;

	try_free(t);
	on_result(ctx, r);
}

static void try_start(struct http_try *t);

/* It showed a secret that was replaced meanwhile: that it is refused says nothing. */
static bool has_shown_old(const struct http_try *t, const struct httpc_answer *a)
{
	return a->result == HTTPC_ANSWERED && (a->status == 401 || a->status == 403) &&
	       t->generation != t->sink->generation;
}

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct http_try *t = ctx;
	struct sink_result r;

	if (has_shown_old(t, a)) {
		t->call = NULL;
		try_start(t);
		return;
	}
	r = http_answer_judge(a);
	try_end(t, &r);
}

static const struct sink_result unsendable = {
	.outcome = OUTCOME_PERMFAIL,
	.retry_after_ms = -1,
	.note = "the event cannot be sent in this way",
};

static const struct sink_result outdated = {
	.outcome = OUTCOME_TEMPFAIL,
	.advice = ADVICE_PAUSE,
	.retry_after_ms = -1,
	.note = "its secrets are too old, and their provider gives no word",
};

static void try_start(struct http_try *t)
{
	struct http_message m;
	enum err e;

	if (t->sink->credentials->outdated) {
		try_end(t, &outdated);
		return;
	}
	t->generation = t->sink->generation;
	http_message_init(&m);
	e = compose(t, &m);
	if (e == ERR_OK)
		e = http_sink_request(t->sink, "POST", &m, on_answer, t, &t->call);
	http_message_release(&m);
	if (e != ERR_OK)
		try_end(t, &unsendable);
}

static struct http_try *first_waiting(struct http_sink *h, unsigned round)
{
	for (struct http_try *t = h->first; t != NULL; t = t->next) {
		if (t->call == NULL && t->round == round)
			return t;
	}
	return NULL;
}

/* A callback may send or cancel others, so the list is looked at anew each time. */
void http_sink_go_on(struct http_sink *h, unsigned round, const struct sink_result *r)
{
	struct http_try *t;

	while ((t = first_waiting(h, round)) != NULL) {
		if (r == NULL)
			try_start(t);
		else
			try_end(t, r);
	}
}

/* --- the sink --- */

static void http_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct http_sink *h = self;
	struct http_try *t = try_new(h, d, on_result, ctx);

	if (http_handshake_is_done(h)) {
		try_start(t);
		return;
	}
	if (http_handshake_ask(h) == ERR_OK)
		t->round = h->handshake.round;
	else
		try_end(t, &unsendable);
}

static void http_cancel(void *self)
{
	struct http_sink *h = self;

	if (h->handshake.state == HANDSHAKE_ASKED) {
		httpc_cancel(TAKE(h->handshake.call));
		h->handshake.state = HANDSHAKE_NEEDED;
	}
	while (h->first != NULL) {
		if (h->first->call != NULL)
			httpc_cancel(h->first->call);
		try_free(h->first);
	}
}

static void http_reopen(void *self)
{
	http_handshake_forget(self);
}

static void http_free(void *self)
{
	struct http_sink *h = self;

	http_cancel(h);
	http_credentials_free(h->credentials);
	for (size_t i = 0; h->header != NULL && h->header[i] != NULL; i++)
		free(h->header[i]);
	free(h->header);
	free(h->rule);
	free(h->ca);
	free(h->certificate);
	free(h->key);
	free(h->origin);
	free(h->url);
	free(h->name);
	free(h);
}

static const struct sink_ops http_ops = {
	.send = http_send,
	.cancel = http_cancel,
	.reopen = http_reopen,
	.free = http_free,
};

static char *text_copy(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

static char **lines_copy(const char *const *line)
{
	char **copy;
	size_t n = 0;

	while (line != NULL && line[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(line[i]);
	return copy;
}

static struct egress_rule *rules_copy(const struct egress_rule *rule, size_t n)
{
	struct egress_rule *copy = xcalloc(n + 1, sizeof(*copy));

	if (n > 0)
		memcpy(copy, rule, n * sizeof(*copy));
	return copy;
}

void http_sink_init(struct sink *sink, struct httpc *client, const char *name,
	const struct http_sink_conf *conf, struct http_credentials *credentials)
{
	struct http_sink *h = xcalloc(1, sizeof(*h));

	*h = (struct http_sink){
		.client = client,
		.url = xstrdup(conf->url),
		.origin = xstrdup(conf->origin),
		.mode = conf->mode,
		.timeout_ms = conf->timeout_ms,
		.answer_max = conf->answer_max,
		.header = lines_copy(conf->header),
		.rule = rules_copy(conf->rule, conf->rules),
		.ca = text_copy(conf->ca),
		.certificate = text_copy(conf->certificate),
		.key = text_copy(conf->key),
		.credentials = credentials,
		.wants_handshake = conf->handshake,
		.on_refused = conf->on_refused,
		.refused_ctx = conf->refused_ctx,
		.name = xstrdup(name),
	};
	h->guard = (struct httpc_guard){ h->rule, conf->rules };
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "http",
		.ops = &http_ops,
		.self = h,
	};
}

void http_sink_set_credentials(struct sink *sink, struct http_credentials *credentials)
{
	struct http_sink *h = sink->self;

	http_credentials_free(h->credentials);
	h->credentials = credentials;
	h->generation++;
}

int64_t http_sink_agreed_rate(const struct sink *sink)
{
	const struct http_sink *h = sink->self;

	return h->handshake.agreed_rate;
}
