/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/journald.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/dgram.h"
#include "model/cloudevent.h"
#include "model/summary.h"
#include "sink/tries.h"

/* Names what an entry is, for journalctl MESSAGE_ID= and message catalogs. */
#define MESSAGE_ID_BUILD    "ae3eb205eb6042e9b8ebbdfded48189e"
#define MESSAGE_ID_OPERATOR "42b0f839dc9845988a67d285a149088a"

struct journald_sink {
	struct dgram *dgram;
	struct tries tries;
};

/* --- the entry --- */

/* Put a value that may hold newlines: "NAME\n", its length in 64 bits, itself, "\n". */
static enum err put_binary(const char *name, struct span value, struct buf *out)
{
	unsigned char length[8];
	enum err e = buf_addf(out, "%s\n", name);

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (unsigned char)((uint64_t)value.n >> 8 * i);
	if (e == ERR_OK)
		e = buf_add(out, length, sizeof(length));
	if (e == ERR_OK)
		e = buf_add_span(out, value);
	return e == ERR_OK ? buf_add_str(out, "\n") : e;
}

/* Append a field, if there is something to say. */
static enum err put_field(const char *name, struct span value, struct buf *out)
{
	enum err e;

	if (value.n == 0)
		return ERR_OK;
	if (memchr(value.p, '\n', value.n) != NULL)
		return put_binary(name, value, out);
	e = buf_addf(out, "%s=", name);
	if (e == ERR_OK)
		e = buf_add_span(out, value);
	return e == ERR_OK ? buf_add_str(out, "\n") : e;
}

static enum err put_message(const struct cloudevent_facts *f, struct buf *out)
{
	CLEANUP(buf_release) struct buf line;
	char priority[2] = { (char)('0' + summary_severity(f)), '\0' };
	enum err e;

	buf_init(&line, SIZE_MAX / 2);
	e = summary_write(f, &line);
	if (e == ERR_OK)
		e = put_field("MESSAGE", buf_span(&line), out);
	if (e == ERR_OK)
		e = put_field("PRIORITY", span_of(priority), out);
	return e;
}

static enum err put_event(const struct cloudevent_facts *f, struct span event, struct buf *out)
{
	const struct {
		const char *name;
		struct span value;
	} fields[] = {
		{ "SYSLOG_IDENTIFIER", SPAN("stagewired") },
		{ "MESSAGE_ID",
			f->message.n > 0 ? SPAN(MESSAGE_ID_OPERATOR) : SPAN(MESSAGE_ID_BUILD) },
		{ "STAGEWIRE_EVENT_ID", f->id },
		{ "STAGEWIRE_TYPE", f->type },
		{ "STAGEWIRE_SOURCE", f->source },
		{ "STAGEWIRE_TIME", f->time },
		{ "STAGEWIRE_REPOSITORY", f->repository },
		{ "STAGEWIRE_BUILD", f->number },
		{ "STAGEWIRE_BRANCH", f->branch },
		{ "STAGEWIRE_TAG", f->tag },
		{ "STAGEWIRE_OUTCOME", f->outcome },
		{ "STAGEWIRE_TRANSITION", f->transition },
		{ "STAGEWIRE_URL", f->url },
		{ "STAGEWIRE_SINK", f->sink },
		{ "STAGEWIRE_EVENT", event },
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && e == ERR_OK; i++)
		e = put_field(fields[i].name, fields[i].value, out);
	for (size_t i = 0; i < f->owners && e == ERR_OK; i++)
		e = put_field("STAGEWIRE_OWNER", f->owner[i], out);
	for (size_t i = 0; i < f->entities && e == ERR_OK; i++)
		e = put_field("STAGEWIRE_ENTITY", f->entity[i], out);
	return e;
}

static enum err entry_write(struct span event, struct buf *out)
{
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	enum err e = cloudevent_read(event, &f);

	if (e == ERR_OK)
		e = put_message(&f, out);
	return e == ERR_OK ? put_event(&f, event, out) : e;
}

/* --- the sink --- */

static void on_sent(void *ctx, enum err e, const char *why)
{
	try_end(ctx, e == ERR_OK ? OUTCOME_OK : OUTCOME_TEMPFAIL, why);
}

static void journald_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct journald_sink *j = self;
	struct try *t = try_begin(&j->tries, on_result, ctx);
	CLEANUP(buf_release) struct buf entry;

	buf_init(&entry, SIZE_MAX / 2);
	if (entry_write(d->event, &entry) != ERR_OK)
		try_end(t, OUTCOME_PERMFAIL, "the event cannot be read");
	else
		dgram_send(j->dgram, buf_span(&entry), on_sent, t);
}

static void journald_cancel(void *self)
{
	struct journald_sink *j = self;

	dgram_cancel(j->dgram);
	tries_forget(&j->tries);
}

static void journald_free(void *self)
{
	struct journald_sink *j = self;

	journald_cancel(j);
	dgram_free(j->dgram);
	free(j);
}

static const struct sink_ops journald_ops = {
	.send = journald_send,
	.cancel = journald_cancel,
	.free = journald_free,
};

void journald_sink_init(
	struct sink *sink, struct loop *l, const char *name, const struct journald_sink_conf *conf)
{
	const struct dgram_conf dgram = {
		.path = conf->path,
		.wait_ms = conf->timeout_ms,
		.memfd = true,
	};
	struct journald_sink *j = xcalloc(1, sizeof(*j));

	j->dgram = dgram_new(l, &dgram);
	LIST_INIT(&j->tries);
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "journald",
		.ops = &journald_ops,
		.self = j,
	};
}
