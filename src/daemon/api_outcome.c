/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_outcome.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "model/trigger.h"
#include "relay/board.h"
#include "relay/triggers.h"
#include "store/store.h"

/* A trigger that is being shown: its builds are looked up one after the other. */
struct showing {
	struct daemon *daemon;
	struct httpd_req *req;
	char *principal;
	struct trigger t;
	size_t looked;
	struct buf results;
	struct json_writer w; /* into results */
};

static void showing_free(struct showing *s)
{
	trigger_release(&s->t);
	buf_release(&s->results);
	free(s->principal);
	free(s);
}

void api_put_build(struct json_writer *w, const struct store_build *b)
{
	json_object_begin(w);
	json_member_int(w, "id", b->id);
	json_member_span(w, "number", b->number);
	json_member_span(w, "host", b->host);
	json_member_span(w, "repository", b->repository);
	json_member_opt(w, "branch", b->branch);
	json_member_str(w, "state", build_state_str(board_state(b)));
	json_member_str(w, "transition", transition_str(board_transition(b)));
	json_member_int(w, "attempt", b->attempt);
	json_member_wall(w, "started", b->started);
	json_member_wall(w, "finished", b->finished);
	json_member_wall(w, "updated", b->updated);
	json_object_end(w);
}

/* The trigger, in which the results are one member more. */
static void reply_whole(struct showing *s)
{
	CLEANUP(buf_release) struct buf page;
	enum err e;

	json_array_end(&s->w);
	buf_init(&page, ADMIN_PAGE_MAX);
	e = json_done(&s->w);
	if (e == ERR_OK)
		e = trigger_write(&s->t, &page);
	if (e == ERR_OK) {
		page.len--; /* its brace */
		e = buf_addf(&page, ",\"results\":%.*s}", SPAN_ARGS(buf_span(&s->results)));
	}
	if (e == ERR_OK)
		reply_text(s->req, 200, "application/json", buf_span(&page));
	else
		reply_problem(s->req, 500, "too-large", "This trigger cannot be shown.");
	showing_free(s);
}

static void look_at_next(struct showing *s);

static void on_build(void *ctx, enum err e, const struct store_builds *found)
{
	struct showing *s = ctx;

	if (e != ERR_OK) {
		reply_storage(s->req);
		showing_free(s);
		return;
	}
	/* A build that is restarted has an older result, which is none of this trigger. */
	for (size_t i = 0; i < found->n; i++) {
		if (span_eq_nocase(found->build[i].repository, s->t.repository) &&
			found->build[i].updated.ms >= s->t.created.ms)
			api_put_build(&s->w, &found->build[i]);
	}
	look_at_next(s);
}

static void look_at_next(struct showing *s)
{
	struct store_builds_query q = { .host = s->t.host, .limit = 1 };

	if (s->looked == s->t.builds) {
		reply_whole(s);
		return;
	}
	q.id = s->t.build[s->looked++];
	if (store_builds(s->daemon->store, &q, on_build, s) == ERR_OK)
		return;
	reply_storage(s->req);
	showing_free(s);
}

static void on_trigger(void *ctx, enum err e, int64_t version, struct span value)
{
	struct showing *s = ctx;

	(void)version;
	if (e == ERR_OK)
		e = trigger_read(value, &s->t);
	/* Whose it is not, for them there is none. */
	if (e == ERR_OK && span_is(s->t.principal, s->principal)) {
		look_at_next(s);
		return;
	}
	if (e == ERR_OK || e == ERR_NOTFOUND)
		reply_problem(s->req, 404, "trigger-unknown", "There is no such trigger of yours.");
	else
		reply_storage(s->req);
	showing_free(s);
}

void api_show_trigger(
	struct daemon *d, struct httpd_req *req, struct span id, struct span principal)
{
	struct showing *s = xcalloc(1, sizeof(*s));

	s->daemon = d;
	s->req = req;
	s->principal = xstrndup(principal.p, principal.n);
	trigger_init(&s->t);
	buf_init(&s->results, ADMIN_PAGE_MAX);
	json_writer_init(&s->w, &s->results);
	json_array_begin(&s->w);
	if (store_get(d->store, NS_TRIGGER, id, on_trigger, s) == ERR_OK)
		return;
	reply_storage(req);
	showing_free(s);
}
