/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "daemon/page_impl.h"

/*
 * Who follows the page, by Server-Sent Events. An event says what to look at
 * again, and for people, what it is; what it looks like is the page's to say:
 *
 *	event   data
 *	row     {"entity", "name", "state", "word", "number", "branch"}
 *	many    {"n"}
 *	health  {}: of sinks, backlog, quarantine or catalog
 *	catalog {}: entities may have come and gone
 *	again   {}: some events were missed; still: none was
 *
 * The number of an event counts since the daemon's start, which is part of it: a
 * browser that comes back says which it had last, and is told if that is too old.
 */
#define BEAT_MS    15000
#define TICK_MS    1000
#define UNSENT_MAX (64 * 1024)
#define EVENT_MAX  4096

struct page_client {
	LIST_ENTRY(page_client) entry;
	struct httpd_stream *stream;
};

static const char stream_fields[] = "Cache-Control: no-store\r\n"
				    "X-Content-Type-Options: nosniff\r\n"
				    "Cross-Origin-Resource-Policy: same-origin\r\n"
				    "X-Accel-Buffering: no\r\n"; /* nginx would keep it back */

/* --- events --- */

static enum err event_compose(
	const struct page *p, const char *name, struct span data, struct buf *out)
{
	return buf_addf(out, "id: %" PRId64 "-%" PRIu64 "\nevent: %s\ndata: %.*s\n\n",
		p->d->started_at.ms, p->told, name, SPAN_ARGS(data));
}

static void tell(struct page *p, const char *name, struct span data)
{
	CLEANUP(buf_release) struct buf text;
	struct page_client *c;

	buf_init(&text, EVENT_MAX);
	if (LIST_EMPTY(&p->clients))
		return;
	p->told++;
	if (event_compose(p, name, data, &text) != ERR_OK)
		return;
	LIST_FOREACH(c, &p->clients, entry)
	httpd_stream_write(c->stream, buf_span(&text));
}

static void compose_row(struct json_writer *w, struct span ref, const struct page_build *b)
{
	json_object_begin(w);
	json_member_span(w, "entity", ref);
	json_member_span(w, "name", page_short_ref(ref, "component"));
	json_member_str(w, "state", page_state_name(b->state));
	json_member_str(w, "word", page_state_word(b->state));
	if (b->known) {
		json_member_span(w, "number", utf8_cut(b->build.number, 20));
		json_member_span(w, "branch", utf8_cut(b->build.branch, 60));
	}
	json_object_end(w);
}

void page_tell_row(struct page *p, struct span ref, const struct page_build *b)
{
	CLEANUP(buf_release) struct buf data;
	struct json_writer w;

	buf_init(&data, EVENT_MAX / 2);
	json_writer_init(&w, &data);
	compose_row(&w, ref, b);
	if (json_done(&w) == ERR_OK)
		tell(p, "row", buf_span(&data));
	else
		page_tell_many(p, 1);
}

void page_tell_many(struct page *p, size_t n)
{
	char data[48];
	int len = snprintf(data, sizeof(data), "{\"n\":%zu}", n);

	tell(p, "many", (struct span){ data, (size_t)len });
}

void page_tell_catalog(struct page *p)
{
	tell(p, "catalog", SPAN("{}"));
}

/* --- what changes by and by --- */

static void on_tick(void *ctx)
{
	struct page *p = ctx;
	uint64_t health = page_health(p), catalogs = p->catalogs;
	const struct catalog *c;

	if (LIST_EMPTY(&p->clients))
		return;
	if (health != p->health)
		tell(p, "health", SPAN("{}"));
	p->health = health;
	IGNORE(page_is_current(p, &c));
	if (p->catalogs != catalogs)
		page_tell_catalog(p);
	loop_timer_set(p->tick, TICK_MS);
}

static void tick_start(struct page *p)
{
	if (p->tick == NULL)
		p->tick = loop_timer_new(p->d->loop, on_tick, p);
	if (loop_timer_is_set(p->tick))
		return;
	p->health = page_health(p);
	loop_timer_set(p->tick, TICK_MS);
}

/* --- clients --- */

bool page_has_clients(const struct page *p)
{
	return !LIST_EMPTY(&p->clients);
}

static void client_free(struct page_client *c)
{
	LIST_REMOVE(c, entry);
	free(c);
}

static void on_gone(void *ctx)
{
	client_free(ctx);
}

void page_clients_end(struct page *p)
{
	struct page_client *c;

	while ((c = LIST_FIRST(&p->clients)) != NULL) {
		httpd_stream_end(c->stream);
		client_free(c);
	}
}

/* The number of the last event that a browser which comes back had; or that of its page. */
static bool is_up_to_date(const struct page *p, const struct httpd_req *req)
{
	char now[48];
	struct span last;
	int n = snprintf(now, sizeof(now), "%" PRId64 "-%" PRIu64, p->d->started_at.ms, p->told);

	return httpd_req_field(req, "Last-Event-ID", &last) &&
	       span_eq(last, (struct span){ now, (size_t)n });
}

void page_client_begin(struct page *p, struct httpd_req *req)
{
	struct page_client *c = xcalloc(1, sizeof(*c));
	const struct httpd_stream_conf conf = {
		.content_type = "text/event-stream",
		.fields = stream_fields,
		.beat = SPAN(":\n\n"),
		.beat_ms = BEAT_MS,
		.unsent_max = UNSENT_MAX,
		.on_gone = on_gone,
		.ctx = c,
	};
	bool up_to_date = is_up_to_date(p, req);
	CLEANUP(buf_release) struct buf text;

	buf_init(&text, EVENT_MAX);
	LIST_INSERT_HEAD(&p->clients, c, entry);
	c->stream = httpd_stream_begin(req, &conf);
	if (c->stream == NULL) {
		client_free(c);
		return;
	}
	IGNORE(buf_add_str(&text, "retry: 3000\n") != ERR_OK);
	/* Also to a new one: between its page and this, something may have happened. */
	IGNORE(event_compose(p, up_to_date ? "still" : "again", SPAN("{}"), &text) != ERR_OK);
	httpd_stream_write(c->stream, buf_span(&text));
	tick_start(p);
	page_refresh(p);
}
