/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http_answer.h"

#include <stdio.h>

#include "base/defs.h"

/* Statuses by which a sink says something other than "try again". */
static const struct {
	int status;
	enum outcome outcome;
	enum sink_advice advice;
	const char *meaning;
} meanings[] = {
	{ 400, OUTCOME_PERMFAIL, ADVICE_NONE, "it does not understand the event" },
	{ 401, OUTCOME_TEMPFAIL, ADVICE_PAUSE, "it does not know us" },
	{ 403, OUTCOME_TEMPFAIL, ADVICE_PAUSE, "it does not let us" },
	{ 404, OUTCOME_TEMPFAIL, ADVICE_NONE, "nothing is there: is the URL right?" },
	{ 405, OUTCOME_TEMPFAIL, ADVICE_NONE, "nothing takes a POST there: is the URL right?" },
	{ 406, OUTCOME_PERMFAIL, ADVICE_NONE, "it does not take such an event" },
	{ 410, OUTCOME_PERMFAIL, ADVICE_DISABLE, "it wants no more" },
	{ 411, OUTCOME_PERMFAIL, ADVICE_NONE, "it does not understand the request" },
	{ 413, OUTCOME_PERMFAIL, ADVICE_NONE, "the event is too large for it" },
	{ 414, OUTCOME_PERMFAIL, ADVICE_NONE, "the URL is too long for it" },
	{ 415, OUTCOME_PERMFAIL, ADVICE_NONE, "it does not take such an event: try another mode" },
	{ 422, OUTCOME_PERMFAIL, ADVICE_NONE, "it cannot do anything with the event" },
	{ 429, OUTCOME_TEMPFAIL, ADVICE_THROTTLE, "it is asked too often" },
	{ 431, OUTCOME_PERMFAIL, ADVICE_NONE, "the header fields are too large: try another mode" },
	{ 502, OUTCOME_TEMPFAIL, ADVICE_THROTTLE, "what is before it cannot reach it" },
	{ 503, OUTCOME_TEMPFAIL, ADVICE_THROTTLE, "it is not able to now" },
	{ 504, OUTCOME_TEMPFAIL, ADVICE_THROTTLE, "what is before it waited in vain" },
};

static void judge_status(int status, struct sink_result *r)
{
	r->outcome = OUTCOME_TEMPFAIL;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].status != status)
			continue;
		r->outcome = meanings[i].outcome;
		r->advice = meanings[i].advice;
		snprintf(r->note, sizeof(r->note), "%d: %s", status, meanings[i].meaning);
		return;
	}
	if (status >= 300 && status < 400)
		snprintf(r->note, sizeof(r->note), "%d: a redirect, which is not followed", status);
	else
		snprintf(r->note, sizeof(r->note), "%d", status);
}

/* Its words are libcurl's and OpenSSL's: they name hosts and ports, nothing of the request. */
static void judge_silence(const struct httpc_answer *a, struct sink_result *r)
{
	r->outcome = OUTCOME_TEMPFAIL;
	if (a->result == HTTPC_FORBIDDEN) {
		r->advice = ADVICE_PAUSE;
		snprintf(r->note, sizeof(r->note),
			"forbidden: the host's address is not a public one, and allow does not "
			"name it with its port");
		return;
	}
	snprintf(r->note, sizeof(r->note), "%s: %s", httpc_result_str(a->result),
		a->error == NULL ? "no answer" : a->error);
	for (char *p = r->note; *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e)
			*p = ' ';
	}
}

/* A status counts also where there is more to read than we wanted to. */
static bool has_spoken(const struct httpc_answer *a)
{
	return a->result == HTTPC_ANSWERED || (a->result == HTTPC_TOO_LARGE && a->status >= 200);
}

struct sink_result http_answer_judge(const struct httpc_answer *a)
{
	struct sink_result r = { .status = a->status, .retry_after_ms = a->retry_after_ms };

	if (!has_spoken(a))
		judge_silence(a, &r);
	else if (a->status < 200 || a->status >= 300)
		judge_status(a->status, &r);
	return r;
}

bool http_answer_is_passing(const struct httpc_answer *a)
{
	return !has_spoken(a) || a->status >= 500 || a->status == 408 || a->status == 425 ||
	       a->status == 429;
}
