/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/json_write.h"

#define FILE_MAX (1024 * 1024)

/* The members and parameters that have a value, by the names that the daemon knows. */
struct pair {
	const char *name, *value;
};

enum err order_query(const struct wish *w, struct buf *out)
{
	const struct pair pairs[] = {
		{ "limit", w->limit },
		{ "state", w->state },
		{ "since", w->since },
		{ "until", w->until },
		{ "sink", w->sink },
		{ "owner", w->owner },
		{ "repository", w->repository },
		{ "ref", w->ref },
		{ "principal", w->principal },
		{ "on_behalf_of", w->behalf },
		{ "action", w->action },
		{ "branch", w->branch },
		{ "token_age", w->token_age },
		{ "env_override", w->variables ? "true" : NULL },
		{ "at", w->at },
		{ "days", w->days },
	};
	char mark = '?';
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i].value == NULL)
			continue;
		e = buf_addf(out, "%c%s=", mark, pairs[i].name);
		if (e == ERR_OK)
			e = url_encode(span_of(pairs[i].value), out);
		mark = '&';
	}
	return e;
}

static void put_pairs(struct json_writer *w, const struct pair *pair, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pair[i].value != NULL)
			json_member_str(w, pair[i].name, pair[i].value);
	}
}

/* A number goes as one; what is none goes as it is, for the daemon to refuse. */
static void put_limit(struct json_writer *w, const char *limit)
{
	if (limit == NULL)
		return;
	if (limit[0] != '\0' && strlen(limit) < 10 && strspn(limit, "0123456789") == strlen(limit))
		json_member_int(w, "limit", strtoll(limit, NULL, 10));
	else
		json_member_str(w, "limit", limit);
}

enum err order_reason(const struct wish *wish, struct buf *out)
{
	const struct pair pairs[] = { { "reason", wish->reason } };
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	put_pairs(&w, pairs, ARRAY_SIZE(pairs));
	json_object_end(&w);
	return json_done(&w);
}

enum err order_replay(const struct wish *wish, struct buf *out)
{
	const struct pair pairs[] = {
		{ "event", wish->event },
		{ "from", wish->from },
		{ "since", wish->since },
		{ "until", wish->until },
		{ "sink", wish->sink },
		{ "owner", wish->owner },
		{ "repository", wish->repository },
		{ "reason", wish->reason },
	};
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	put_pairs(&w, pairs, ARRAY_SIZE(pairs));
	put_limit(&w, wish->limit);
	if (wish->dry_run)
		json_member_bool(&w, "dry_run", true);
	json_object_end(&w);
	return json_done(&w);
}

/* The file that the wish names, or one line that says why not. */
static enum err read_file(const struct wish *wish, struct buf *text, char **why)
{
	enum err e;

	errno = 0;
	e = file_read(wish->word, text);
	if (e != ERR_OK && asprintf(why, "cannot read %s: %s", wish->word,
				   e == ERR_LIMIT ? "larger than 1 MiB" : strerror(errno)) < 0)
		abort();
	return e;
}

enum err order_routes_test(const struct wish *wish, struct buf *out, char **why)
{
	CLEANUP(buf_release) struct buf text;
	const struct pair pairs[] = {
		{ "name", wish->word },
		{ "since", wish->since },
		{ "until", wish->until },
	};
	struct json_writer w;
	enum err e;

	buf_init(&text, FILE_MAX);
	e = read_file(wish, &text, why);
	if (e != ERR_OK)
		return e;
	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_span(&w, "config", buf_span(&text));
	put_pairs(&w, pairs, ARRAY_SIZE(pairs));
	put_limit(&w, wish->limit);
	json_object_end(&w);
	return json_done(&w);
}

enum err order_policy_test(const struct wish *wish, struct buf *out, char **why)
{
	CLEANUP(buf_release) struct buf text;
	struct json_writer w;

	buf_init(&text, FILE_MAX);
	if (read_file(wish, &text, why) != ERR_OK)
		return ERR_PARSE;
	if (text.len == 0) {
		if (asprintf(why, "%s:1:1: there are no cases", wish->word) < 0)
			abort();
		return ERR_PARSE;
	}
	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_span(&w, "cases", buf_span(&text));
	json_member_str(&w, "name", wish->word);
	json_object_end(&w);
	return json_done(&w);
}
