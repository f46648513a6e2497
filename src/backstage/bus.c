/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/bus.h"

#include <stdio.h>
#include <stdlib.h>

#include "backstage/client.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/json_write.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"

#define BUS_PATH "/api/events/bus/v1/subscriptions/"

#define PATH_MAX_BYTES 2048
#define BODY_MAX       100000
#define WHY_MAX        512
/* Ten events of 5 MiB, and what JSON makes of them. */
#define ANSWER_MAX (64 << 20)
/* Of the first poll, before the bus has said how long it holds one. */
#define POLL_MAX_MS INT64_C(600000)
/* Between two polls that end at once, so that a broken peer does not make us spin. */
#define POLL_MIN_MS 50

/*
 *	   due              201               200: events
 *	RESTING ---> PUTTING ---> POLLING --------------> HANDED
 *	   ^            | failed   | ^  | 202: none         | resumed
 *	   +------------+----------+ +--+<------------------+
 *	      anything else, a JSON 404 among it: to be put again
 */
enum bus_state {
	BUS_RESTING, /* the timer is set */
	BUS_PUTTING,
	BUS_POLLING, /* a call is under way, or the timer is set */
	BUS_HANDED,  /* the events are being written down; neither */
};

struct bus {
	struct backstage_client *client;
	struct bus_conf conf;
	char *path; /* of the subscription */
	struct buf body;
	enum bus_state state;
	struct httpc_call *call;
	struct loop_timer *timer;
	struct mono put; /* when last */
	int64_t poll_ms; /* as long as a poll may take */
	unsigned tries;  /* failures in a row */
	struct bus_status status;
};

static void on_put(void *ctx, const struct httpc_answer *a);
static void on_poll(void *ctx, const struct httpc_answer *a);

static void bus_rest(struct bus *b, const char *why, bool refused)
{
	const struct backoff *backoff = refused ? &b->conf.refused : &b->conf.retry;

	if (refused != b->status.refused)
		b->tries = 0;
	b->state = BUS_RESTING;
	b->status.subscribed = false;
	b->status.refused = refused;
	b->status.failures++;
	loop_timer_set(b->timer, backoff_wait(backoff, ++b->tries, random_u64()));
	b->conf.on_trouble(b->conf.ctx, why, refused);
}

static void bus_fail(struct bus *b, const struct httpc_answer *a)
{
	char what[WHY_MAX / 2], why[WHY_MAX];

	backstage_describe(a, what, sizeof(what));
	snprintf(why, sizeof(why), "Backstage's event bus: %s", what);
	b->poll_ms = POLL_MAX_MS; /* the next bus may hold polls for longer */
	bus_rest(b, why, backstage_classify(a) == BACKSTAGE_UNAUTHORIZED);
}

static void bus_put(struct bus *b)
{
	enum err e;

	b->state = BUS_PUTTING;
	b->put = clock_mono();
	e = backstage_call(
		b->client, "PUT", b->path, buf_span(&b->body), BODY_MAX, on_put, b, &b->call);
	if (e != ERR_OK)
		bus_rest(b, err_str(e), false);
}

static void bus_poll(struct bus *b)
{
	CLEANUP(buf_release) struct buf path;
	enum err e;

	buf_init(&path, PATH_MAX_BYTES);
	if (clock_mono().ms - b->put.ms >= b->conf.renew_ms) {
		bus_put(b);
		return;
	}
	b->state = BUS_POLLING;
	e = buf_addf(&path, "%s/events", b->path);
	if (e == ERR_OK)
		e = backstage_poll(
			b->client, path.data, b->poll_ms, ANSWER_MAX, on_poll, b, &b->call);
	if (e != ERR_OK)
		bus_rest(b, err_str(e), false);
}

static void on_due(void *ctx)
{
	struct bus *b = ctx;

	if (b->state == BUS_RESTING)
		bus_put(b);
	else
		bus_poll(b);
}

static void on_put(void *ctx, const struct httpc_answer *a)
{
	struct bus *b = ctx;

	b->call = NULL;
	if (backstage_classify(a) != BACKSTAGE_OK || a->status != 201) {
		bus_fail(b, a);
		return;
	}
	b->status.subscribed = true;
	b->conf.on_gap(b->conf.ctx);
	bus_poll(b);
}

/* The header says how long the bus holds a poll; to end one sooner could cost events. */
static void learn_timeout(struct bus *b, const struct httpc_answer *a)
{
	struct span text = httpc_answer_field(a, "backstage-events-notify-timeout");
	char copy[16];
	long long ms;

	if (text.n == 0 || text.n >= sizeof(copy))
		return;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	ms = strtoll(copy, NULL, 10);
	if (ms > 0 && ms < POLL_MAX_MS)
		b->poll_ms = ms + 1000;
}

static void on_poll(void *ctx, const struct httpc_answer *a)
{
	struct bus *b = ctx;
	bool good = backstage_classify(a) == BACKSTAGE_OK;

	b->call = NULL;
	if (!good || (a->status != 200 && a->status != 202)) {
		bus_fail(b, a);
		return;
	}
	if (b->tries > 0)
		b->conf.on_trouble(b->conf.ctx, NULL, b->status.refused);
	b->tries = 0;
	b->status.refused = false;
	if (a->status == 202) {
		learn_timeout(b, a);
		loop_timer_set(b->timer, a->took_ms < POLL_MIN_MS ? POLL_MIN_MS : 0);
		return;
	}
	b->status.answers++;
	b->status.last_event = clock_wall();
	b->state = BUS_HANDED;
	b->conf.on_events(b->conf.ctx, a->body);
}

void bus_resume(struct bus *b)
{
	if (b->state != BUS_HANDED)
		return;
	b->state = BUS_POLLING;
	loop_timer_set(b->timer, 0);
}

/* The id may hold anything, so it is encoded; topics are what the configuration lets pass. */
static void compose(struct bus *b, const struct bus_conf *conf)
{
	CLEANUP(buf_release) struct buf path;
	struct json_writer w;

	buf_init(&path, PATH_MAX_BYTES);
	buf_init(&b->body, BODY_MAX);
	IGNORE(buf_add_str(&path, BUS_PATH));
	IGNORE(url_encode(span_of(conf->id), &path));
	b->path = xstrdup(path.data);
	json_writer_init(&w, &b->body);
	json_object_begin(&w);
	json_key(&w, "topics");
	json_array_begin(&w);
	for (const char *const *t = conf->topics; *t != NULL; t++)
		json_put_str(&w, *t);
	json_array_end(&w);
	json_object_end(&w);
	IGNORE(json_done(&w));
}

struct bus *bus_new(struct loop *l, struct backstage_client *client, const struct bus_conf *conf)
{
	struct bus *b = xcalloc(1, sizeof(*b));

	b->client = client;
	b->conf = *conf;
	b->poll_ms = POLL_MAX_MS;
	b->status.last_event = WALL_NONE;
	compose(b, conf);
	b->timer = loop_timer_new(l, on_due, b);
	loop_timer_set(b->timer, 0);
	return b;
}

void bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	if (b->call != NULL)
		httpc_cancel(b->call);
	loop_timer_free(b->timer);
	buf_release(&b->body);
	free(b->path);
	free(b);
}

struct bus_status bus_status(const struct bus *b)
{
	return b->status;
}
