/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "daemon/api_builds_impl.h"
#include "daemon/daemon.h"
#include "io/httpd.h"
#include "model/trigger.h"
#include "relay/relay.h"
#include "relay/source.h"
#include "relay/triggers.h"

static enum access_action action_of(const struct ask *a)
{
	return strcmp(a->want.act, "restart") == 0 ? ACCESS_RESTART : ACCESS_CANCEL;
}

static void reply_pending(struct ask *a, struct span trigger)
{
	CLEANUP(buf_release) struct buf body;
	struct json_writer w;
	char location[96], field[128];

	snprintf(location, sizeof(location), "/v1/triggers/%.*s", SPAN_ARGS(trigger));
	snprintf(field, sizeof(field), "Location: %s\r\n", location);
	buf_init(&body, BUILDS_ANSWER_MAX);
	json_writer_init(&w, &body);
	v3_put_pending(&w, a->want.id, a->want.act, location);
	builds_reply(a->req, 202, &w, buf_span(&body), field);
}

static void reply_limited(struct ask *a, const struct trigger_answer *answer)
{
	const struct v3_error limited = {
		.type = "request_limit_reached",
		.message = answer->why,
	};
	char field[64];

	snprintf(field, sizeof(field), "Retry-After: %lld\r\n",
		(long long)(answer->wait_ms + 999) / 1000);
	builds_reply_error(a->req, 429, &limited, field);
}

static void on_taken(void *ctx, const struct trigger_answer *answer)
{
	struct ask *a = ctx;

	switch (answer->taken) {
	case TRIGGER_TAKEN:
	case TRIGGER_REPEATED: reply_pending(a, answer->id); break;
	case TRIGGER_LIMITED: reply_limited(a, answer); break;
	case TRIGGER_DIFFERS: /* no key, no other wish with it */
	case TRIGGER_UNSTORED:
		builds_reply_later(a->req, "This cannot be written down now.");
		break;
	}
	ask_free(a);
}

/* It is allowed: have Travis asked, where the build is. */
static void order(struct ask *a, const struct store_build *row, const struct api_ruling *ruling)
{
	static const struct v3_error no_source = {
		.type = "not_implemented",
		.message = "no source with an API builds this repository",
		.resource = "build",
	};
	const struct source *s = api_source_of(a->daemon, row->repository, NULL, row->host);
	struct trigger t = api_trigger_of(ruling);

	if (s == NULL) {
		api_note_undone(a->daemon, a->req, ruling, "no-source");
		builds_reply_error(a->req, 501, &no_source, NULL);
		ask_free(a);
		return;
	}
	t.build[0] = a->want.id;
	t.builds = 1;
	t.source = span_of(s->name);
	t.host = span_of(s->host);
	triggers_take(relay_triggers(a->daemon->relay), &t, (struct span){ 0 }, on_taken, a);
}

/* The build of that id, NULL if there is none; what several hosts have is not guessed at. */
static const struct store_build *build_choose(
	const struct daemon *d, const struct store_builds *found, bool *several)
{
	const struct store_build *only = NULL;

	*several = false;
	for (size_t i = 0; i < found->n; i++) {
		if (!builds_is_claimed(d, found->build[i].repository))
			continue;
		*several = only != NULL;
		only = &found->build[i];
		if (*several)
			return NULL;
	}
	return only;
}

static void on_build(void *ctx, enum err e, const struct store_builds *found)
{
	static const struct v3_error ambiguous = {
		.type = "error",
		.message =
			"several instances of Travis CI have a build of this id; name its entity",
		.resource = "build",
	};
	struct ask *a = ctx;
	const struct store_build *row = NULL;
	struct api_ruling ruling;
	struct entity by;
	bool several = false;

	if (e == ERR_OK)
		row = build_choose(a->daemon, found, &several);
	if (e != ERR_OK)
		builds_reply_later(a->req, NO_STORE);
	else if (relay_catalog_now(a->daemon->relay) == NULL)
		builds_reply_later(a->req, NO_CATALOG);
	else if (several)
		builds_reply_error(a->req, 409, &ambiguous, NULL);
	else if (row == NULL)
		builds_reply_missing(a->req, "build");
	else if (builds_is_allowed(a, action_of(a), row->repository, row->branch, &by, &ruling)) {
		order(a, row, &ruling);
		return;
	}
	ask_free(a);
}

void builds_act(struct ask *a)
{
	const struct store_builds_query q = { .id = a->want.id, .limit = BUILDS_HOSTS_MOST };

	builds_ask_store(a, &q, on_build);
}
