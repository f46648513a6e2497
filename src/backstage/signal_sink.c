/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/signal_sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "backstage/bus_publish.h"
#include "backstage/sink_call.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json_write.h"
#include "model/cloudevent.h"

/* What the signals plugin subscribes to. */
#define TOPIC "signals"

/* CLOUDEVENT_ENTITIES refs twice, and the texts below. */
#define PAYLOAD_MAX (64 * 1024)
/* A text that is longer is cut; a URL that is, left out. */
#define TEXT_MAX 200
#define URL_MAX  1000

struct signal_sink {
	struct sink_calls calls;
	char *channel;
	bool broadcast;
	int64_t max_age_ms;
};

static void put_text(struct json_writer *w, const char *key, struct span text)
{
	json_member_opt(w, key, utf8_cut(text, TEXT_MAX));
}

/* A ref of a group reaches its members: Backstage matches it with what users own through. */
static void put_recipients(
	struct json_writer *w, const struct signal_sink *s, const struct cloudevent_facts *f)
{
	json_key(w, "recipients");
	json_object_begin(w);
	json_member_str(w, "type", s->broadcast ? "broadcast" : "user");
	if (!s->broadcast)
		json_member_spans(w, "entityRef", f->owner, f->owners);
	json_object_end(w);
}

/* No commit message and no author: the page asks for what it shows, as its user. */
static void put_build(struct json_writer *w, const struct cloudevent_facts *f)
{
	json_member_str(w, "type", "build");
	json_member_span(w, "id", f->id);
	json_member_opt(w, "time", f->time);
	json_member_spans(w, "entities", f->entity, f->entities);
	put_text(w, "repository", f->repository);
	put_text(w, "number", f->number);
	put_text(w, "outcome", f->outcome);
	put_text(w, "transition", f->transition);
	put_text(w, "branch", f->branch);
	put_text(w, "tag", f->tag);
	if (f->pull_request >= 0)
		json_member_int(w, "pullRequest", f->pull_request);
	if (f->url.n <= URL_MAX)
		json_member_opt(w, "url", f->url);
}

static void put_change(struct json_writer *w, const struct cloudevent_facts *f)
{
	json_member_str(w, "type", "changed");
	json_member_spans(w, "entities", f->entity, f->entities);
}

static enum err compose(
	const struct signal_sink *s, const struct cloudevent_facts *f, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "channel", s->channel);
	put_recipients(&w, s, f);
	json_key(&w, "message");
	json_object_begin(&w);
	if (s->broadcast)
		put_change(&w, f);
	else
		put_build(&w, f);
	json_object_end(&w);
	json_object_end(&w);
	return json_done(&w);
}

/* Why nobody would look at it; NULL if somebody may. */
static const char *moot(const struct signal_sink *s, const struct cloudevent_facts *f)
{
	struct wall time;

	if (f->entities == 0)
		return "not sent: it is about no entity";
	if (!s->broadcast && f->owners == 0)
		return "not sent: nobody owns the entity";
	if (wall_parse(f->time, &time) == ERR_OK && clock_wall().ms - time.ms > s->max_age_ms)
		return "not sent: it is too old for a browser";
	return NULL;
}

static void signal_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct signal_sink *s = self;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf payload;
	struct sink_result r;
	const char *why;

	buf_init(&payload, PAYLOAD_MAX);
	if (cloudevent_read(d->event, &f) != ERR_OK) {
		r = sink_unsendable("the event cannot be read");
		on_result(ctx, &r);
		return;
	}
	why = moot(s, &f);
	if (why != NULL) {
		r = (struct sink_result){ .outcome = OUTCOME_MOOT, .retry_after_ms = -1 };
		snprintf(r.note, sizeof(r.note), "%s", why);
		on_result(ctx, &r);
		return;
	}
	if (compose(s, &f, &payload) == ERR_OK) {
		bus_publish(&s->calls, TOPIC, buf_span(&payload), on_result, ctx);
		return;
	}
	r = sink_unsendable("the signal is too large");
	on_result(ctx, &r);
}

static void signal_cancel(void *self)
{
	struct signal_sink *s = self;

	sink_calls_cancel(&s->calls);
}

static void signal_free(void *self)
{
	struct signal_sink *s = self;

	sink_calls_cancel(&s->calls);
	free(s->channel);
	free(s);
}

static const struct sink_ops signal_ops = {
	.send = signal_send,
	.cancel = signal_cancel,
	.free = signal_free,
};

void signal_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct signal_sink_conf *conf)
{
	struct signal_sink *s = xcalloc(1, sizeof(*s));

	s->calls.client = client;
	s->channel = xstrdup(conf->channel);
	s->broadcast = conf->broadcast;
	s->max_age_ms = conf->max_age_ms;
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "backstage-signals",
		.ops = &signal_ops,
		.self = s,
	};
}
