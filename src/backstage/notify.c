/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backstage/notice.h"
#include "backstage/sink_call.h"
#include "model/address.h"

#define NOTIFY_PATH "/api/notifications"

/* Backstage takes no larger body here. */
#define BODY_MAX (100 * 1000)

struct notify_sink {
	struct sink_calls calls;
	char *name;
	char *topic;
	char **recipients; /* ended by NULL */
};

/* Backstage reports a database or catalog that is away as a bad request. */
static bool is_disguised_outage(const struct httpc_answer *a)
{
	static const char words[] = "Failed to send user notifications";

	return a->result == HTTPC_ANSWERED && a->status == 400 && a->body.n > 0 &&
	       memmem(a->body.p, a->body.n, words, sizeof(words) - 1) != NULL;
}

/* The n-th byte of text that is not white space; NUL past the end. */
static char solid_byte(struct span text, size_t n)
{
	for (size_t i = 0; i < text.n; i++) {
		if (strchr(" \t\r\n", text.p[i]) == NULL && n-- == 0)
			return text.p[i];
	}
	return '\0';
}

/*
 * Success is a list of those who were told, of any length, so it is not parsed;
 * one that is too large to take was certainly not empty.
 * An empty one: nobody was. Trying again would change nothing until the catalog
 * changes, so that ends where the operator sees it. What is no list was not said
 * by Backstage.
 */
static void judge(const struct httpc_answer *a, struct span subject, struct sink_result *r)
{
	if (is_disguised_outage(a))
		r->outcome = OUTCOME_TEMPFAIL;
	if (r->outcome != OUTCOME_OK || a->result == HTTPC_TOO_LARGE)
		return;
	if (solid_byte(a->body, 0) != '[') {
		r->outcome = OUTCOME_TEMPFAIL;
		snprintf(r->note, sizeof(r->note),
			"%d without a list of recipients: is the URL right?", a->status);
	} else if (solid_byte(a->body, 1) == ']') {
		r->outcome = OUTCOME_PERMFAIL;
		snprintf(r->note, sizeof(r->note), "nobody: Backstage finds no recipient for %.*s",
			SPAN_ARGS(subject));
	}
}

static const char *nobody(const struct cloudevent_facts *f)
{
	if (f->message.n > 0)
		return "nobody to tell: the sink has no recipients for operator events";
	return f->entities == 0 ? "the event names no entity" : "nobody knows who its author is";
}

/* ERR_OK, or *note says why there is nothing to send. */
static enum err compose(const struct notify_sink *n, const struct delivery *d,
	const struct cloudevent_facts *f, struct buf *body, const char **note)
{
	const struct notice notice = {
		.newest = f,
		.earlier = d->earlier,
		.earlier_n = d->earlier_n,
		.sink = n->name,
		.topic = n->topic,
		.recipients = (const char *const *)n->recipients,
	};
	enum err e = notice_write(&notice, body);

	if (e == ERR_NOTFOUND)
		*note = nobody(f);
	else if (e == ERR_PARSE)
		*note = "an earlier event cannot be read";
	else
		*note = "the notification is larger than Backstage takes";
	return e;
}

/* One of those who are told. */
static struct span subject_of(const struct notify_sink *n, const struct cloudevent_facts *f)
{
	if (f->message.n > 0)
		return span_of(n->recipients[0]);
	if ((cloudevent_address(f, n->name) & ADDRESS_OWNER) != 0 && f->entities > 0)
		return f->entity[0];
	return f->author;
}

static void notify_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct notify_sink *n = self;
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf body;
	const char *note = "the event cannot be read";
	struct sink_result r;

	buf_init(&body, BODY_MAX);
	if (cloudevent_read(d->event, &f) == ERR_OK && compose(n, d, &f, &body, &note) == ERR_OK) {
		sink_calls_post(&n->calls, NOTIFY_PATH, buf_span(&body), subject_of(n, &f), judge,
			on_result, ctx);
		return;
	}
	r = sink_unsendable(note);
	on_result(ctx, &r);
}

static void notify_cancel(void *self)
{
	struct notify_sink *n = self;

	sink_calls_cancel(&n->calls);
}

static void notify_free(void *self)
{
	struct notify_sink *n = self;

	sink_calls_cancel(&n->calls);
	for (size_t i = 0; n->recipients[i] != NULL; i++)
		free(n->recipients[i]);
	free(n->recipients);
	free(n->topic);
	free(n->name);
	free(n);
}

static const struct sink_ops notify_ops = {
	.send = notify_send,
	.cancel = notify_cancel,
	.free = notify_free,
};

static char **list_copy(const char *const *list)
{
	size_t n = 0;
	char **copy;

	while (list != NULL && list[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

void notify_sink_init(struct sink *sink, const char *name, struct backstage_client *client,
	const struct notify_conf *conf)
{
	struct notify_sink *n = xcalloc(1, sizeof(*n));

	n->calls.client = client;
	n->name = xstrdup(name);
	n->topic = xstrdup(conf->topic);
	n->recipients = list_copy(conf->recipients);
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "backstage-notifications",
		.addresses = true,
		.ops = &notify_ops,
		.self = n,
	};
}
