/* SPDX-License-Identifier: Apache-2.0 */
#include "model/summary.h"

#include <inttypes.h>
#include <stdbool.h>

enum err summary_line(const struct cloudevent_facts *f, struct buf *out)
{
	if (f->pull_request > 0)
		return buf_addf(out, "pull request %" PRId64, f->pull_request);
	if (f->tag.n > 0)
		return buf_addf(out, "tag %.*s", SPAN_ARGS(f->tag));
	return buf_add_span(out, f->branch);
}

static const char *outcome_verb(struct span outcome)
{
	static const struct {
		const char *outcome, *verb;
	} verbs[] = {
		{ "queued", "is queued" },
		{ "started", "started" },
		{ "success", "passed" },
		{ "failure", "failed" },
		{ "error", "errored" },
		{ "cancel", "was canceled" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (span_is(outcome, verbs[i].outcome))
			return verbs[i].verb;
	}
	return "ended";
}

/* What the line has come to, where that is news; NULL where only the build is. */
static const char *transition_verb(struct span transition)
{
	if (span_is(transition, "broken"))
		return "is broken";
	if (span_is(transition, "fixed"))
		return "is fixed";
	if (span_is(transition, "still_failing"))
		return "is still failing";
	return NULL;
}

/* "build 42 failed"; Travis has always sent a number, but we need none. */
static enum err put_build(const struct cloudevent_facts *f, struct buf *out)
{
	return buf_addf(out, "build %.*s%s%s", SPAN_ARGS(f->number), f->number.n > 0 ? " " : "",
		outcome_verb(f->outcome));
}

enum err summary_write(const struct cloudevent_facts *f, struct buf *out)
{
	const char *verb = transition_verb(f->transition);
	enum err e;

	if (f->message.n > 0)
		return buf_add_span(out, f->message);
	e = buf_addf(out, "%.*s: ", SPAN_ARGS(f->repository));
	if (e == ERR_OK)
		e = summary_line(f, out);
	if (e == ERR_OK && verb != NULL)
		e = buf_addf(out, " %s (", verb);
	else if (e == ERR_OK)
		e = buf_add_str(out, " ");
	if (e == ERR_OK)
		e = put_build(f, out);
	if (e == ERR_OK && verb != NULL)
		e = buf_add_str(out, ")");
	return e;
}

/* Operator events that ask for nothing to be done; what is not known here may. */
static bool is_good_news(struct span type)
{
	static const char *const good[] = { ".recovered", ".enabled", ".released", ".checkpoint" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (span_ends(type, good[i]))
			return true;
	}
	return false;
}

enum severity summary_severity(const struct cloudevent_facts *f)
{
	if (f->message.n > 0)
		return is_good_news(f->type) ? SEVERITY_NOTICE : SEVERITY_WARNING;
	if (span_is(f->outcome, "failure") || span_is(f->outcome, "error"))
		return SEVERITY_ERR;
	if (span_is(f->outcome, "cancel") || span_is(f->transition, "fixed"))
		return SEVERITY_NOTICE;
	return SEVERITY_INFO;
}
