/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/syslog.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/dgram.h"
#include "io/stream.h"
#include "sink/syslog_format.h"
#include "sink/tries.h"

/* Where an address leads. */
struct place {
	bool is_stream, is_tls;
	char *path; /* of a unix socket; or else */
	char *host, *port;
};

struct syslog_sink {
	struct syslog_format format;
	struct dgram *dgram; /* one of the two */
	struct stream *stream;
	struct tls_client *tls;
	char *authorities, *certificate, *key; /* its files; or NULL */
	struct tries tries;
};

/* --- addresses --- */

static void place_release(struct place *p)
{
	free(p->path);
	free(p->host);
	free(p->port);
}

/* "host:port" or "[v6]:port"; the configuration has checked the form. */
static void place_set_host(struct place *p, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = (size_t)(colon - text);

	p->port = xstrdup(colon + 1);
	if (text[0] == '[')
		p->host = xstrndup(text + 1, n - 2);
	else
		p->host = xstrndup(text, n);
}

static void place_of(const char *address, struct place *p)
{
	const char *rest = strchr(address, ':') + 1;

	*p = (struct place){ .is_stream = strncmp(address, "unix:", 5) != 0 };
	p->is_tls = strncmp(address, "tls:", 4) == 0;
	if (strncmp(address, "unix", 4) == 0)
		p->path = xstrdup(rest);
	else
		place_set_host(p, rest);
}

/* --- sending --- */

static void on_datagram(void *ctx, enum err e, const char *why)
{
	if (e == ERR_OK)
		try_end(ctx, OUTCOME_OK, NULL);
	else if (e == ERR_LIMIT)
		try_end(ctx, OUTCOME_PERMFAIL, "the message is larger than the socket takes");
	else
		try_end(ctx, OUTCOME_TEMPFAIL, why);
}

static void on_written(void *ctx, const char *why)
{
	try_end(ctx, why == NULL ? OUTCOME_OK : OUTCOME_TEMPFAIL, why);
}

/* Put the message's length before it (RFC 6587, section 3.4.1). */
static void send_counted(struct syslog_sink *s, struct span message, struct try *t)
{
	CLEANUP(buf_release) struct buf frame;

	buf_init(&frame, SIZE_MAX / 2);
	IGNORE(buf_addf(&frame, "%zu ", message.n));
	IGNORE(buf_add_span(&frame, message));
	stream_write(s->stream, buf_span(&frame), on_written, t);
}

static void syslog_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct syslog_sink *s = self;
	struct try *t = try_begin(&s->tries, on_result, ctx);
	CLEANUP(buf_release) struct buf message;

	buf_init(&message, SIZE_MAX / 2);
	if (syslog_write(&s->format, d->event, &message) != ERR_OK)
		try_end(t, OUTCOME_PERMFAIL, "the event cannot be read");
	else if (s->stream != NULL)
		send_counted(s, buf_span(&message), t);
	else
		dgram_send(s->dgram, buf_span(&message), on_datagram, t);
}

static void syslog_cancel(void *self)
{
	struct syslog_sink *s = self;

	if (s->dgram != NULL)
		dgram_cancel(s->dgram);
	if (s->stream != NULL)
		stream_cancel(s->stream);
	tries_forget(&s->tries);
}

static struct tls_client_conf tls_conf(const struct syslog_sink *s)
{
	return (struct tls_client_conf){
		.authorities = s->authorities,
		.certificate = s->certificate,
		.key = s->key,
	};
}

/* Certificates are renewed in place; where one is not good, the one before it serves on. */
static void syslog_reopen(void *self)
{
	struct syslog_sink *s = self;
	struct tls_client_conf conf = tls_conf(s);
	CLEANUP(freep) char *why = NULL;

	if (s->tls != NULL && tls_client_reload(s->tls, &conf, &why) != ERR_OK)
		log_debug("syslog.tls", "why=\"%s\"", why);
}

static void syslog_free(void *self)
{
	struct syslog_sink *s = self;

	syslog_cancel(s);
	dgram_free(s->dgram);
	stream_free(s->stream);
	tls_client_free(s->tls);
	free(s->authorities);
	free(s->certificate);
	free(s->key);
	free(s);
}

static const struct sink_ops syslog_ops = {
	.send = syslog_send,
	.cancel = syslog_cancel,
	.reopen = syslog_reopen,
	.free = syslog_free,
};

/* --- making --- */

static enum err open_stream(struct syslog_sink *s, struct loop *l, const struct place *p,
	int64_t timeout_ms, char **why)
{
	struct tls_client_conf tls = tls_conf(s);
	struct stream_conf conf = {
		.path = p->path,
		.host = p->host,
		.port = p->port,
		.timeout_ms = timeout_ms,
	};
	enum err e;

	if (p->is_tls) {
		e = tls_client_new(&tls, &s->tls, why);
		if (e != ERR_OK)
			return e;
	}
	conf.tls = s->tls;
	e = stream_new(l, &conf, &s->stream);
	if (e != ERR_OK)
		*why = xstrdup("there is no thread for looking up names");
	return e;
}

static enum err open_place(
	struct syslog_sink *s, struct loop *l, const struct syslog_sink_conf *conf, char **why)
{
	CLEANUP(place_release) struct place p;
	struct dgram_conf dgram = { .wait_ms = conf->timeout_ms };

	place_of(conf->address, &p);
	if (p.is_stream)
		return open_stream(s, l, &p, conf->timeout_ms, why);
	dgram.path = p.path;
	s->dgram = dgram_new(l, &dgram);
	return ERR_OK;
}

static char *copy_of(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

enum err syslog_sink_init(struct sink *sink, struct loop *l, const char *name,
	const struct syslog_sink_conf *conf, char **why)
{
	struct syslog_sink *s = xcalloc(1, sizeof(*s));
	enum err e;

	syslog_format_init(&s->format);
	s->format.facility = syslog_facility(conf->facility);
	s->format.is_text = conf->is_text;
	s->format.max = conf->message_max;
	s->authorities = copy_of(conf->tls.authorities);
	s->certificate = copy_of(conf->tls.certificate);
	s->key = copy_of(conf->tls.key);
	LIST_INIT(&s->tries);
	e = open_place(s, l, conf, why);
	if (e != ERR_OK) {
		syslog_free(s);
		return e;
	}
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "syslog",
		.ops = &syslog_ops,
		.self = s,
	};
	return ERR_OK;
}
