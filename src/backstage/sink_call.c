/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/sink_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "backstage/client.h"

#define ANSWER_MAX (1024 * 1024)

struct sink_call {
	struct sink_calls *calls;
	struct sink_call *next, *prev;
	struct httpc_call *http;
	unsigned generation; /* of the token that it showed */
	char *subject;
	size_t subject_len;
	void (*judge)(const struct httpc_answer *a, struct span subject, struct sink_result *r);
	void (*on_result)(void *ctx, const struct sink_result *r);
	void *ctx;
};

static void call_link(struct sink_calls *c, struct sink_call *call)
{
	call->calls = c;
	call->next = c->first;
	if (c->first != NULL)
		c->first->prev = call;
	c->first = call;
}

static void call_free(struct sink_call *call)
{
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		call->calls->first = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	free(call->subject);
	free(call);
}

/*
 * A redirect or a refused method is no answer to this delivery but the sign
 * that something else, a login page mostly, stands where Backstage should.
 */
static bool is_someone_else(const struct httpc_answer *a)
{
	return (a->status >= 300 && a->status < 400) || a->status == 405;
}

/* It was taken, though there is more to read than we wanted to. */
static bool is_taken_at_length(const struct httpc_answer *a)
{
	return a->result == HTTPC_TOO_LARGE && a->status >= 200 && a->status < 300;
}

/*
 * What an answer means for a delivery unless the sink knows better. A missing
 * plugin (404 with NotFoundError), a refused token and a wrong address are the
 * operator's to mend, and nothing is to be lost meanwhile: all are tried again.
 */
static struct sink_result result_of(const struct httpc_answer *a)
{
	struct sink_result r = { .status = a->status, .retry_after_ms = a->retry_after_ms };

	if (is_taken_at_length(a))
		return r;
	switch (backstage_classify(a)) {
	case BACKSTAGE_OK: r.outcome = OUTCOME_OK; break;
	case BACKSTAGE_GONE:
	case BACKSTAGE_TRANSIENT:
	case BACKSTAGE_UNAUTHORIZED: r.outcome = OUTCOME_TEMPFAIL; break;
	case BACKSTAGE_REFUSED:
		r.outcome = is_someone_else(a) ? OUTCOME_TEMPFAIL : OUTCOME_PERMFAIL;
		break;
	}
	if (r.outcome == OUTCOME_TEMPFAIL && is_someone_else(a))
		snprintf(r.note, sizeof(r.note), "%d is no answer of Backstage: is the URL right?",
			a->status);
	else if (r.outcome != OUTCOME_OK)
		backstage_describe(a, r.note, sizeof(r.note));
	return r;
}

/* Backstage itself answers 429 and 503; 502 and 504 are what stands before it. */
static enum sink_advice advice_of(const struct httpc_answer *a)
{
	if (a->result != HTTPC_ANSWERED)
		return ADVICE_NONE;
	switch (a->status) {
	case 401:
	case 403: return ADVICE_PAUSE;
	case 429:
	case 502:
	case 503:
	case 504: return ADVICE_THROTTLE;
	default: return ADVICE_NONE;
	}
}

/* It showed a token that was replaced meanwhile: that it is refused says nothing of the sink. */
static bool has_shown_old(const struct sink_call *call)
{
	return call->generation != backstage_client_generation(call->calls->client);
}

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct sink_call *call = ctx;
	struct sink_result r = result_of(a);
	void (*on_result)(void *ctx, const struct sink_result *r) = call->on_result;
	void *result_ctx = call->ctx;

	if (r.outcome == OUTCOME_TEMPFAIL)
		r.advice = advice_of(a);
	if (r.advice == ADVICE_PAUSE && has_shown_old(call))
		r.advice = ADVICE_NONE;
	if (call->judge != NULL)
		call->judge(a, (struct span){ call->subject, call->subject_len }, &r);
	call_free(call);
	on_result(result_ctx, &r);
}

struct sink_result sink_unsendable(const char *note)
{
	struct sink_result r = { .outcome = OUTCOME_PERMFAIL, .retry_after_ms = -1 };

	snprintf(r.note, sizeof(r.note), "%s", note);
	return r;
}

void sink_calls_post(struct sink_calls *c, const char *path, struct span body, struct span subject,
	void (*judge)(const struct httpc_answer *a, struct span subject, struct sink_result *r),
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct sink_call *call = xcalloc(1, sizeof(*call));
	struct sink_result r;

	*call = (struct sink_call){
		.generation = backstage_client_generation(c->client),
		.judge = judge,
		.on_result = on_result,
		.ctx = ctx,
	};
	call->subject = xstrndup(subject.n == 0 ? "" : subject.p, subject.n);
	call->subject_len = subject.n;
	call_link(c, call);
	if (backstage_call(c->client, "POST", path, body, ANSWER_MAX, on_answer, call,
		    &call->http) == ERR_OK)
		return;
	call_free(call);
	r = sink_unsendable("the request cannot be composed: is backstage.url right?");
	on_result(ctx, &r);
}

void sink_calls_cancel(struct sink_calls *c)
{
	while (c->first != NULL) {
		httpc_cancel(c->first->http);
		call_free(c->first);
	}
}
