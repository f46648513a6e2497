/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "sink/http_answer.h"
#include "sink/http_private.h"

/*
 *	          http_handshake_ask()        agreed
 *	NEEDED -------------------------> ASKED ----> AGREED
 *	   ^                               |             |
 *	   `------- refused, no answer ----'             |
 *	   `------------------ http_handshake_forget() --'
 */

/* Deliveries in a minute; "*", nothing and what is no number set no bound. */
static int64_t rate_of(struct span text)
{
	int64_t rate = 0;

	if (text.n == 0 || text.n > 9)
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		rate = 10 * rate + (text.p[i] - '0');
	}
	return rate;
}

static bool is_agreed(const struct http_sink *h, const struct httpc_answer *a)
{
	struct span allowed = httpc_answer_field(a, "WebHook-Allowed-Origin");

	return a->result == HTTPC_ANSWERED && a->status >= 200 && a->status < 300 &&
	       (span_is(allowed, "*") || span_is_nocase(allowed, h->origin));
}

/* A sink that does not want us stays silent or says so; neither mends itself. */
static struct sink_result refusal(const struct http_sink *h, const struct httpc_answer *a)
{
	struct sink_result r = http_answer_judge(a);

	if (http_answer_is_passing(a) || r.advice == ADVICE_DISABLE)
		return r;
	r.outcome = OUTCOME_TEMPFAIL;
	r.advice = ADVICE_PAUSE;
	snprintf(r.note, sizeof(r.note),
		"%d to OPTIONS: it does not agree to deliveries from %.80s", a->status, h->origin);
	return r;
}

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct http_sink *h = ctx;
	struct http_handshake *s = &h->handshake;
	struct sink_result r;

	s->call = NULL;
	if (is_agreed(h, a)) {
		s->state = HANDSHAKE_AGREED;
		s->agreed_rate = rate_of(httpc_answer_field(a, "WebHook-Allowed-Rate"));
		http_sink_go_on(h, s->round, NULL);
		return;
	}
	s->state = HANDSHAKE_NEEDED;
	r = refusal(h, a);
	http_sink_go_on(h, s->round, &r);
}

bool http_handshake_is_done(struct http_sink *h)
{
	return !h->wants_handshake || h->handshake.state == HANDSHAKE_AGREED;
}

enum err http_handshake_ask(struct http_sink *h)
{
	struct http_handshake *s = &h->handshake;
	struct http_message m;
	enum err e;

	if (s->state == HANDSHAKE_ASKED)
		return ERR_OK;
	s->state = HANDSHAKE_ASKED;
	s->round++;
	http_message_init(&m);
	e = http_sink_put_fields(h, &m);
	if (e == ERR_OK)
		e = http_sink_request(h, "OPTIONS", &m, on_answer, h, &s->call);
	http_message_release(&m);
	if (e != ERR_OK)
		s->state = HANDSHAKE_NEEDED;
	return e;
}

void http_handshake_forget(struct http_sink *h)
{
	if (h->handshake.state == HANDSHAKE_AGREED)
		h->handshake.state = HANDSHAKE_NEEDED;
}
