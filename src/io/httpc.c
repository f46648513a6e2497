/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/httpc_private.h"

/* Connections kept open while nobody uses them, to all hosts. */
#define IDLE_CONNECTIONS_MAX 256L

const char *httpc_result_str(enum httpc_result r)
{
	switch (r) {
	case HTTPC_ANSWERED: return "answered";
	case HTTPC_UNREACHABLE: return "unreachable";
	case HTTPC_TLS: return "tls";
	case HTTPC_FORBIDDEN: return "forbidden";
	case HTTPC_TIMEOUT: return "timeout";
	case HTTPC_TOO_LARGE: return "too large";
	case HTTPC_BROKEN: return "broken";
	case HTTPC_CANCELLED: return "cancelled";
	}
	return "unknown";
}

static void must_multi(CURLMcode code)
{
	if (code != CURLM_OK)
		abort();
}

/* URLs whose host is remembered, for reading one costs as much as a small answer. */
#define POSTED_MAX 512

/* Hosts are few, as configured, and are remembered until the end. */
static struct host *host_get(struct httpc *c, struct span key)
{
	struct host *h = map_get(&c->hosts, key);

	if (h != NULL)
		return h;
	h = xcalloc(1, sizeof(*h));
	TAILQ_INIT(&h->queued);
	TAILQ_INIT(&h->active);
	IGNORE(map_put(&c->hosts, key, h) != NULL);
	return h;
}

static enum err host_find(struct httpc *c, const struct httpc_request *req, struct host **out)
{
	CLEANUP(buf_release) struct buf key;
	bool posts = req->body.n > 0 && req->unix_socket == NULL && req->url != NULL;
	enum err e;

	buf_init(&key, URL_MAX + 256);
	*out = posts ? map_get(&c->posted, span_of(req->url)) : NULL;
	if (*out != NULL)
		return ERR_OK;
	e = httpc_url_origin(req->url, &key);
	if (e == ERR_OK && req->unix_socket != NULL)
		e = buf_add_str(&key, req->unix_socket);
	if (e != ERR_OK)
		return ERR_PARSE;
	*out = host_get(c, buf_span(&key));
	if (posts && c->posted.count < POSTED_MAX)
		IGNORE(map_put(&c->posted, span_of(req->url), *out) != NULL);
	return ERR_OK;
}

static bool host_has_room(const struct host *h, const struct httpc_call *call)
{
	return call->host_connections_max == 0 || h->active_count < call->host_connections_max;
}

static void call_activate(struct httpc_call *call)
{
	int64_t left_ms = call->deadline.ms - clock_mono().ms;

	httpc_must(curl_easy_setopt(
		call->easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1)));
	must_multi(curl_multi_add_handle(call->client->multi, call->easy));
	call->state = CALL_ACTIVE;
	TAILQ_INSERT_TAIL(&call->host->active, call, link);
	call->host->active_count++;
}

/* Take call off the list its state says. */
static void call_leave(struct httpc_call *call)
{
	switch (call->state) {
	case CALL_QUEUED:
		TAILQ_REMOVE(&call->host->queued, call, link);
		loop_timer_free(TAKE(call->queue_timer));
		break;
	case CALL_ACTIVE:
		IGNORE(curl_multi_remove_handle(call->client->multi, call->easy) != CURLM_OK);
		TAILQ_REMOVE(&call->host->active, call, link);
		call->host->active_count--;
		break;
	case CALL_IDLE:
	case CALL_ENDING: break;
	}
	call->state = CALL_ENDING;
}

static void host_advance(struct host *h)
{
	struct httpc_call *call;

	while ((call = TAILQ_FIRST(&h->queued)) != NULL && host_has_room(h, call)) {
		call_leave(call);
		call_activate(call);
	}
}

/* The one place where a call ends, but for httpc_cancel(). */
static void call_finish(struct httpc_call *call, struct httpc_answer *a)
{
	const struct httpc *c = call->client;
	struct host *h = call->host;

	a->took_ms = clock_mono().ms - call->sent.ms;
	call_leave(call);
	if (call->on_refused != NULL && a->result == HTTPC_ANSWERED &&
		(a->status == 401 || a->status == 403))
		call->on_refused(call->refused_ctx);
	call->on_answer(call->ctx, a);
	httpc_call_retire(call);
	if (!c->closing)
		host_advance(h);
}

static void on_queue_timeout(void *ctx)
{
	struct httpc_call *call = ctx;
	struct httpc_answer a = {
		.result = HTTPC_TIMEOUT,
		.retry_after_ms = -1,
		.error = "Timed out waiting for a free connection",
	};

	call_finish(call, &a);
}

static void call_queue(struct httpc_call *call, int64_t timeout_ms)
{
	call->state = CALL_QUEUED;
	TAILQ_INSERT_TAIL(&call->host->queued, call, link);
	call->queue_timer = loop_timer_new(call->client->loop, on_queue_timeout, call);
	loop_timer_set(call->queue_timer, timeout_ms);
}

static void call_on_done(struct httpc_call *call, CURLcode code)
{
	struct httpc_answer a = { .retry_after_ms = -1 };

	httpc_call_read(call, code, &a);
	call_finish(call, &a);
}

static void httpc_settle(struct httpc *c)
{
	const struct CURLMsg *msg;
	struct httpc_call *call;
	int left;

	while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		httpc_must(curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call));
		call_on_done(call, msg->data.result);
	}
}

static void httpc_act(struct httpc *c, curl_socket_t fd, int what)
{
	int running;

	must_multi(curl_multi_socket_action(c->multi, fd, what, &running));
	httpc_settle(c);
}

/* A descriptor libcurl wants watched. */
struct sock {
	struct httpc *client;
	curl_socket_t fd;
	struct loop_watch *watch;
};

static void on_ready(void *ctx, unsigned ready)
{
	const struct sock *s = ctx;
	int what = 0;

	if (ready & LOOP_READ)
		what |= CURL_CSELECT_IN;
	if (ready & LOOP_WRITE)
		what |= CURL_CSELECT_OUT;
	/* This may free s. */
	httpc_act(s->client, s->fd, what);
}

static void sock_free(struct sock *s)
{
	if (s == NULL)
		return;
	loop_watch_free(s->watch);
	free(s);
}

static struct sock *sock_new(struct httpc *c, curl_socket_t fd)
{
	struct sock *s = xcalloc(1, sizeof(*s));

	*s = (struct sock){ .client = c, .fd = fd };
	must_multi(curl_multi_assign(c->multi, fd, s));
	return s;
}

static void sock_watch(struct sock *s, int what)
{
	unsigned ready = 0;

	if (what & CURL_POLL_IN)
		ready |= LOOP_READ;
	if (what & CURL_POLL_OUT)
		ready |= LOOP_WRITE;
	loop_watch_free(s->watch);
	s->watch = loop_watch_new(s->client->loop, s->fd, ready, on_ready, s);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct httpc *c = ctx;
	struct sock *s = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sock_free(s);
		return 0;
	}
	if (s == NULL)
		s = sock_new(c, fd);
	sock_watch(s, what);
	return 0;
}

static int on_curl_timer(CURLM *multi, long wait_ms, void *ctx)
{
	struct httpc *c = ctx;

	(void)multi;
	loop_timer_stop(c->timer);
	if (wait_ms == 0)
		loop_defer(c->loop, &c->kick);
	else if (wait_ms > 0)
		loop_timer_set(c->timer, wait_ms);
	return 0;
}

static void on_timer(void *ctx)
{
	struct httpc *c = ctx;

	httpc_act(c, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(struct loop_task *t)
{
	httpc_act(CONTAINER_OF(t, struct httpc, kick), CURL_SOCKET_TIMEOUT, 0);
}

struct httpc *httpc_new(struct loop *l)
{
	struct httpc *c = xcalloc(1, sizeof(*c));
	const curl_version_info_data *libcurl;

	httpc_curl_init();
	libcurl = curl_version_info(CURLVERSION_NOW);
	c->system_ca = libcurl->cainfo;
	c->system_ca_dir = libcurl->capath;
	c->loop = l;
	c->timer = loop_timer_new(l, on_timer, c);
	c->kick.run = on_kick;
	map_init(&c->hosts);
	map_init(&c->posted);
	TAILQ_INIT(&c->idle);
	c->multi = curl_multi_init();
	if (c->multi == NULL)
		abort();
	must_multi(curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket));
	must_multi(curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c));
	must_multi(curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer));
	must_multi(curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c));
	must_multi(curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX));
	return c;
}

static void list_abandon(struct call_list *calls)
{
	struct httpc_call *call;

	while ((call = TAILQ_FIRST(calls)) != NULL) {
		struct httpc_answer a = {
			.result = HTTPC_CANCELLED,
			.retry_after_ms = -1,
			.error = "The client is closing",
		};

		call_finish(call, &a);
	}
}

static void hosts_free(struct httpc *c)
{
	struct span key;
	void *value;

	for (size_t at = 0; map_next(&c->hosts, &at, &key, &value);) {
		struct host *h = value;

		list_abandon(&h->active);
		list_abandon(&h->queued);
		free(h);
	}
	map_release(&c->hosts);
	map_release(&c->posted);
}

void httpc_free(struct httpc *c)
{
	struct httpc_call *call;

	if (c == NULL)
		return;
	c->closing = true;
	hosts_free(c);
	while ((call = TAILQ_FIRST(&c->idle)) != NULL) {
		TAILQ_REMOVE(&c->idle, call, link);
		httpc_call_free(call);
	}
	/* Closing connections calls on_curl_socket() and on_curl_timer() again. */
	IGNORE(curl_multi_cleanup(c->multi) != CURLM_OK);
	loop_undefer(c->loop, &c->kick);
	loop_timer_free(c->timer);
	free(c);
}

enum err httpc_send(struct httpc *c, const struct httpc_request *req,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **out)
{
	struct httpc_call *call;
	struct host *h;
	enum err e;

	assert(req->timeout_ms > 0);
	if (c->closing)
		return ERR_IO;
	e = host_find(c, req, &h);
	if (e != ERR_OK)
		return e;
	call = httpc_call_new(c);
	e = httpc_call_fill(call, req);
	if (e != ERR_OK) {
		httpc_call_retire(call);
		return e;
	}
	call->host = h;
	call->on_answer = on_answer;
	call->ctx = ctx;
	if (TAILQ_EMPTY(&h->queued) && host_has_room(h, call))
		call_activate(call);
	else
		call_queue(call, req->timeout_ms);
	if (out != NULL)
		*out = call;
	return ERR_OK;
}

void httpc_cancel(struct httpc_call *call)
{
	struct host *h = call->host;

	assert(call->state == CALL_QUEUED || call->state == CALL_ACTIVE);
	call_leave(call);
	httpc_call_retire(call);
	host_advance(h);
}
