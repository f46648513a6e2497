/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sink/http_answer.h"

static const struct {
	int status;
	enum outcome outcome;
	enum sink_advice advice;
} meanings[] = {
	{ 200, OUTCOME_OK, ADVICE_NONE },
	{ 201, OUTCOME_OK, ADVICE_NONE },
	{ 202, OUTCOME_OK, ADVICE_NONE },
	{ 204, OUTCOME_OK, ADVICE_NONE },
	{ 299, OUTCOME_OK, ADVICE_NONE },
	{ 300, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 301, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 302, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 304, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 307, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 308, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 400, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 401, OUTCOME_TEMPFAIL, ADVICE_PAUSE },
	{ 402, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 403, OUTCOME_TEMPFAIL, ADVICE_PAUSE },
	{ 404, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 405, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 406, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 407, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 408, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 409, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 410, OUTCOME_PERMFAIL, ADVICE_DISABLE },
	{ 411, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 413, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 414, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 415, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 418, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 422, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 423, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 425, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 429, OUTCOME_TEMPFAIL, ADVICE_THROTTLE },
	{ 431, OUTCOME_PERMFAIL, ADVICE_NONE },
	{ 451, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 499, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 500, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 501, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 502, OUTCOME_TEMPFAIL, ADVICE_THROTTLE },
	{ 503, OUTCOME_TEMPFAIL, ADVICE_THROTTLE },
	{ 504, OUTCOME_TEMPFAIL, ADVICE_THROTTLE },
	{ 505, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ 999, OUTCOME_TEMPFAIL, ADVICE_NONE },
};

Test(http_answer, every_status_means_what_the_table_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct httpc_answer a = {
			.result = HTTPC_ANSWERED,
			.status = meanings[i].status,
			.retry_after_ms = 7000,
		};
		struct sink_result r = http_answer_judge(&a);
		char number[8];

		snprintf(number, sizeof(number), "%d", a.status);
		cr_expect_eq(r.outcome, meanings[i].outcome, "%d", a.status);
		cr_expect_eq(r.advice, meanings[i].advice, "%d", a.status);
		cr_expect_eq(r.status, a.status);
		cr_expect_eq(r.retry_after_ms, 7000);
		cr_expect_eq(r.outcome == OUTCOME_OK, r.note[0] == '\0');
		cr_expect(
			r.outcome == OUTCOME_OK || strstr(r.note, number) == r.note, "%s", r.note);
	}
}

static const struct {
	enum httpc_result result;
	int status;
	enum outcome outcome;
	enum sink_advice advice;
} silences[] = {
	{ HTTPC_UNREACHABLE, 0, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_TLS, 0, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_FORBIDDEN, 0, OUTCOME_TEMPFAIL, ADVICE_PAUSE },
	{ HTTPC_TIMEOUT, 0, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_TIMEOUT, 200, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_BROKEN, 0, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_BROKEN, 200, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_CANCELLED, 0, OUTCOME_TEMPFAIL, ADVICE_NONE },
	/* We did not want to read on; it had said what it thinks. */
	{ HTTPC_TOO_LARGE, 200, OUTCOME_OK, ADVICE_NONE },
	{ HTTPC_TOO_LARGE, 302, OUTCOME_TEMPFAIL, ADVICE_NONE },
	{ HTTPC_TOO_LARGE, 500, OUTCOME_TEMPFAIL, ADVICE_NONE },
};

Test(http_answer, no_whole_answer_is_tried_again)
{
	for (size_t i = 0; i < ARRAY_SIZE(silences); i++) {
		const struct httpc_answer a = {
			.result = silences[i].result,
			.status = silences[i].status,
			.retry_after_ms = -1,
			.error = "words\nof \x1b[2Jlibcurl",
		};
		struct sink_result r = http_answer_judge(&a);

		cr_expect_eq(r.outcome, silences[i].outcome, "%zu", i);
		cr_expect_eq(r.advice, silences[i].advice, "%zu", i);
		cr_expect_eq(r.retry_after_ms, -1);
		cr_expect_null(strpbrk(r.note, "\n\x1b"), "%s", r.note);
	}
}

/* TOO_LARGE with 410, say: what it says counts, as with 2xx. */
Test(http_answer, what_a_long_answer_says_counts)
{
	const struct httpc_answer a = {
		.result = HTTPC_TOO_LARGE,
		.status = 410,
		.retry_after_ms = -1,
	};
	struct sink_result r = http_answer_judge(&a);

	cr_assert_eq(r.outcome, OUTCOME_PERMFAIL);
	cr_assert_eq(r.advice, ADVICE_DISABLE);
}
