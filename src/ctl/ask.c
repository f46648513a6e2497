/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/httpc.h"
#include "io/json.h"
#include "io/loop.h"

#define TIMEOUT_MS 30000
#define PATIENT_MS (24 * 60 * 60 * 1000)
#define URL_MAX    8192
#define ANSWER_MAX (64 * 1024 * 1024)

struct question {
	struct loop *loop;
	const char *socket;
	struct buf *answer;
	char **why;
	enum err err;
};

static void say(char **why, const char *fmt, ...) PRINTF(2, 3);

static void say(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		abort();
	va_end(ap);
}

/* The daemon's own words, from its problem document. */
static void say_problem(char **why, const struct httpc_answer *a)
{
	struct json_object *root = NULL;
	const char *detail = NULL;

	if (jdoc_parse(a->body, NULL, &root) == ERR_OK)
		detail = jdoc_text(jdoc_member(root, "detail"));
	say(why, "%s (%d)", detail == NULL ? "the daemon refused" : detail, a->status);
	jdoc_free(root);
}

static enum err judge(const struct question *q, const struct httpc_answer *a)
{
	if (a->result != HTTPC_ANSWERED) {
		say(q->why, "cannot reach stagewired at %s: %s; is it running?", q->socket,
			a->error == NULL ? httpc_result_str(a->result) : a->error);
		return ERR_IO;
	}
	if (a->status != 200) {
		say_problem(q->why, a);
		if (a->status == 400)
			return ERR_PARSE;
		return a->status == 404 ? ERR_NOTFOUND : ERR_IO;
	}
	return buf_add_span(q->answer, a->body);
}

static void on_answer(void *ctx, const struct httpc_answer *a)
{
	struct question *q = ctx;

	q->err = judge(q, a);
	loop_stop(q->loop);
}

enum err ask(const char *socket, const char *path, struct span body, bool patient,
	struct buf *answer, char **why)
{
	CLEANUP(buf_release) struct buf url;
	struct question q = { .loop = loop_new(), .socket = socket, .answer = answer, .why = why };
	struct httpc *http = httpc_new(q.loop);
	struct httpc_request req = {
		.unix_socket = socket,
		.timeout_ms = patient ? PATIENT_MS : TIMEOUT_MS,
		.body = body,
		.answer_max = ANSWER_MAX,
	};

	buf_init(&url, URL_MAX);
	IGNORE(buf_addf(&url, "http://stagewired%s", path) != ERR_OK);
	req.url = url.data;
	q.err = httpc_send(http, &req, on_answer, &q, NULL);
	if (q.err == ERR_OK && loop_run(q.loop) != ERR_OK)
		q.err = ERR_IO;
	else if (q.err != ERR_OK && *why == NULL)
		say(why, "cannot ask for '%s'", path);
	httpc_free(http);
	loop_free(q.loop);
	return q.err;
}
