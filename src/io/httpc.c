/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpc.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "io/loop.h"

#define URL_MAX         8192
#define FIELDS_MAX      64
#define BEARER_MAX      16384
#define METHOD_MAX      16
#define RETRY_AFTER_MAX INT32_MAX /* seconds */

/* libcurl's least: it keeps one for each call, and a body that fits goes out with its head. */
#define UPLOAD_BUFFER_BYTES 16384L

/* Calls whose handle is kept for the next one. */
#define IDLE_CALLS_MAX 64

/* Connections kept open while nobody uses them, to all hosts. */
#define IDLE_CONNECTIONS_MAX 256L

/*
 * Node closes a connection 5 s after the last answer. To send a request at that
 * moment is to lose it, so we stop using a connection earlier than that.
 */
#define IDLE_CONNECTION_S 4L

/*
 *	httpc_send() -> QUEUED -> ACTIVE -> ENDING -> IDLE
 *	             `------------^           ^
 *	             httpc_cancel() from QUEUED and ACTIVE to IDLE
 */
enum call_state {
	CALL_IDLE,   /* in httpc->idle, until used again */
	CALL_QUEUED, /* in host->queued, until the host has a connection to spare */
	CALL_ACTIVE, /* in host->active, and libcurl's */
	CALL_ENDING, /* on the stack: on_answer is running */
};

struct httpc_call {
	TAILQ_ENTRY(httpc_call) link;
	enum call_state state;
	struct httpc *client;
	struct host *host;
	CURL *easy;
	struct curl_slist *fields;
	char *body;
	size_t body_len;
	struct buf answer;
	bool too_large;
	struct mono sent, deadline;
	struct loop_timer *queue_timer; /* while CALL_QUEUED */
	unsigned host_connections_max;
	void (*on_answer)(void *ctx, const struct httpc_answer *a);
	void *ctx;
	char method[METHOD_MAX];
	char error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(call_list, httpc_call);

/* An origin, or a unix socket and an origin behind it. */
struct host {
	struct call_list queued, active;
	unsigned active_count;
};

struct httpc {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct loop_task kick; /* libcurl wants to be called at once */
	struct map hosts;
	struct call_list idle;
	unsigned idle_count;
	bool closing;
};

const char *httpc_result_str(enum httpc_result r)
{
	switch (r) {
	case HTTPC_ANSWERED: return "answered";
	case HTTPC_UNREACHABLE: return "unreachable";
	case HTTPC_TLS: return "tls";
	case HTTPC_TIMEOUT: return "timeout";
	case HTTPC_TOO_LARGE: return "too large";
	case HTTPC_BROKEN: return "broken";
	case HTTPC_CANCELLED: return "cancelled";
	}
	return "unknown";
}

/*
 * Memory for libcurl that is wiped when it is freed, because header fields with
 * secrets pass through many of its buffers.
 */
static void wiping_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
	size_t had = p == NULL ? 0 : malloc_usable_size(p);
	void *larger;

	if (p != NULL && size > 0 && size <= had)
		return p;
	larger = malloc(size);
	if (larger == NULL)
		return NULL;
	if (p != NULL)
		memcpy(larger, p, had < size ? had : size);
	wiping_free(p);
	return larger;
}

/* Refused settings are a libcurl we were not built for: not one to go on with. */
static void must(CURLcode code)
{
	if (code != CURLE_OK)
		abort();
}

static void must_multi(CURLMcode code)
{
	if (code != CURLM_OK)
		abort();
}

static void curl_init_once(void)
{
	static bool done;

	if (done)
		return;
	must(curl_global_init_mem(
		CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc));
	done = true;
}

/* Read seconds or a date (RFC 9110, section 10.2.3); -1 if it is neither. */
static int64_t retry_after_ms(const char *text)
{
	int64_t seconds;
	time_t date;

	if (isdigit((unsigned char)*text)) {
		seconds = strtoll(text, NULL, 10);
	} else {
		date = curl_getdate(text, NULL);
		if (date == (time_t)-1)
			return -1;
		seconds = (int64_t)date - clock_wall().ms / 1000;
	}
	if (seconds < 0)
		seconds = 0;
	if (seconds > RETRY_AFTER_MAX)
		seconds = RETRY_AFTER_MAX;
	return seconds * 1000;
}

static const struct {
	CURLcode code;
	enum httpc_result result;
} curl_results[] = {
	{ CURLE_OK, HTTPC_ANSWERED },
	{ CURLE_OPERATION_TIMEDOUT, HTTPC_TIMEOUT },
	{ CURLE_COULDNT_RESOLVE_HOST, HTTPC_UNREACHABLE },
	{ CURLE_COULDNT_CONNECT, HTTPC_UNREACHABLE },
	{ CURLE_INTERFACE_FAILED, HTTPC_UNREACHABLE },
	{ CURLE_GOT_NOTHING, HTTPC_UNREACHABLE },
	{ CURLE_SSL_CONNECT_ERROR, HTTPC_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTPC_TLS },
	{ CURLE_SSL_CACERT_BADFILE, HTTPC_TLS },
	{ CURLE_SSL_CERTPROBLEM, HTTPC_TLS },
	{ CURLE_SSL_CIPHER, HTTPC_TLS },
	{ CURLE_SSL_CLIENTCERT, HTTPC_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTPC_TLS },
	{ CURLE_SSL_ISSUER_ERROR, HTTPC_TLS },
	{ CURLE_FILESIZE_EXCEEDED, HTTPC_TOO_LARGE },
};

static enum httpc_result call_result(const struct httpc_call *call, CURLcode code, long status)
{
	if (call->too_large)
		return HTTPC_TOO_LARGE;
	if (status == 0 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR))
		return HTTPC_UNREACHABLE;
	for (size_t i = 0; i < ARRAY_SIZE(curl_results); i++) {
		if (curl_results[i].code == code)
			return curl_results[i].result;
	}
	return HTTPC_BROKEN;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct httpc_call *call = ctx;

	/* What is declared is stopped by libcurl; this stops what is chunked. */
	if (buf_add(&call->answer, bytes, size * n) == ERR_OK)
		return size * n;
	call->too_large = true;
	return 0;
}

/* What is the same for every call. */
static void easy_prepare(struct httpc_call *call)
{
	CURL *h = call->easy;

	must(curl_easy_setopt(h, CURLOPT_PRIVATE, call));
	must(curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https"));
	/* libcurl refuses an empty list, so the list is short and unused. */
	must(curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "https"));
	must(curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L));
	must(curl_easy_setopt(h, CURLOPT_PROXY, ""));
	must(curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
	must(curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L));
	must(curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L));
	must(curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L));
	must(curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S));
	must(curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES));
	must(curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
	must(curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
	must(curl_easy_setopt(h, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION));
	must(curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body));
	must(curl_easy_setopt(h, CURLOPT_WRITEDATA, call));
	must(curl_easy_setopt(h, CURLOPT_ERRORBUFFER, call->error));
}

static struct httpc_call *call_new(struct httpc *c)
{
	struct httpc_call *call = TAILQ_FIRST(&c->idle);

	if (call != NULL) {
		TAILQ_REMOVE(&c->idle, call, link);
		c->idle_count--;
		return call;
	}
	call = xcalloc(1, sizeof(*call));
	call->client = c;
	call->easy = curl_easy_init();
	if (call->easy == NULL)
		abort();
	easy_prepare(call);
	return call;
}

static void call_free(struct httpc_call *call)
{
	curl_easy_cleanup(call->easy);
	free(call);
}

/* Wipe what belonged to one request, and keep the handle if it may be used again. */
static void call_retire(struct httpc_call *call)
{
	struct httpc *c = call->client;

	curl_slist_free_all(TAKE(call->fields));
	wiping_free(TAKE(call->body));
	buf_release(&call->answer);
	call->state = CALL_IDLE;
	if (c->closing || c->idle_count >= IDLE_CALLS_MAX) {
		call_free(call);
		return;
	}
	TAILQ_INSERT_HEAD(&c->idle, call, link);
	c->idle_count++;
}

static void fields_add(struct httpc_call *call, const char *field)
{
	struct curl_slist *fields = curl_slist_append(call->fields, field);

	if (fields == NULL)
		abort();
	call->fields = fields;
}

/* "Name: value" without anything that could end the line (RFC 9110, section 5). */
static bool field_is_sound(const char *field)
{
	const char *colon = strchr(field, ':');

	if (colon == NULL || colon == field || colon[1] != ' ' || colon[2] == '\0')
		return false;
	for (const char *p = field; p < colon; p++) {
		if (!isalnum((unsigned char)*p) && strchr("!#$%&'*+-.^_`|~", *p) == NULL)
			return false;
	}
	for (const char *p = colon + 1; *p != '\0'; p++) {
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	}
	return true;
}

static enum err fields_take(struct httpc_call *call, const char *const *fields)
{
	bool content_type = false;
	size_t n = 0;

	/* We do not wait for a 100, and libcurl's own Content-Type is not ours. */
	fields_add(call, "Expect:");
	for (; fields != NULL && fields[n] != NULL; n++) {
		if (n == FIELDS_MAX || !field_is_sound(fields[n]))
			return ERR_PARSE;
		fields_add(call, fields[n]);
		content_type |= strncasecmp(fields[n], "Content-Type:", 13) == 0;
	}
	if (!content_type)
		fields_add(call, "Content-Type:");
	return ERR_OK;
}

static enum err bearer_take(struct httpc_call *call, const char *bearer)
{
	static const char prefix[] = "Authorization: Bearer ";
	char *field;
	size_t n;

	if (bearer == NULL)
		return ERR_OK;
	n = strlen(bearer);
	if (n == 0 || n > BEARER_MAX)
		return ERR_PARSE;
	for (const char *p = bearer; *p != '\0'; p++) {
		if (!isgraph((unsigned char)*p))
			return ERR_PARSE;
	}
	field = xcalloc(1, sizeof(prefix) + n);
	memcpy(field, prefix, sizeof(prefix) - 1);
	memcpy(field + sizeof(prefix) - 1, bearer, n);
	fields_add(call, field);
	wiping_free(field);
	return ERR_OK;
}

static void body_take(struct httpc_call *call, struct span body)
{
	call->body_len = body.n;
	if (body.n == 0)
		return;
	call->body = xcalloc(1, body.n);
	memcpy(call->body, body.p, body.n);
}

static enum err method_take(struct httpc_call *call, const struct httpc_request *req)
{
	const char *method = req->method;

	if (method == NULL)
		method = req->body.n > 0 ? "POST" : "GET";
	if (*method == '\0' || strlen(method) >= METHOD_MAX)
		return ERR_PARSE;
	for (size_t i = 0; method[i] != '\0'; i++) {
		if (method[i] < 'A' || method[i] > 'Z')
			return ERR_PARSE;
	}
	snprintf(call->method, sizeof(call->method), "%s", method);
	return ERR_OK;
}

/* A request has a body, if only an empty one, unless its method has no use for it. */
static bool method_has_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	       strcmp(method, "PATCH") == 0;
}

static void easy_set_method(struct httpc_call *call)
{
	CURL *h = call->easy;
	const char *custom = call->method;

	must(curl_easy_setopt(h, CURLOPT_HTTPGET, 1L));
	if (call->body_len > 0 || method_has_body(call->method)) {
		must(curl_easy_setopt(h, CURLOPT_POST, 1L));
		must(curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len));
		must(curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body == NULL ? "" : call->body));
		if (strcmp(custom, "POST") == 0)
			custom = NULL;
	} else if (strcmp(custom, "HEAD") == 0) {
		must(curl_easy_setopt(h, CURLOPT_NOBODY, 1L));
		custom = NULL;
	} else if (strcmp(custom, "GET") == 0) {
		custom = NULL;
	}
	must(curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, custom));
}

static bool url_part_is(CURLU *url, CURLUPart part, const char *want)
{
	char *text = NULL;
	bool is = curl_url_get(url, part, &text, 0) == CURLUE_OK && strcmp(text, want) == 0;

	curl_free(text);
	return is;
}

static bool url_has(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && *text != '\0';

	curl_free(text);
	return has;
}

/* Append "scheme://host:port". Credentials in a URL would end in logs: not ours. */
static enum err url_origin(CURLU *url, struct buf *origin)
{
	const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	enum err e = ERR_OK;

	if (!url_part_is(url, CURLUPART_SCHEME, "http") &&
		!url_part_is(url, CURLUPART_SCHEME, "https"))
		return ERR_PARSE;
	if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
		return ERR_PARSE;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && e == ERR_OK; i++) {
		char *text = NULL;

		if (curl_url_get(url, parts[i], &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
			e = ERR_PARSE;
		else
			e = buf_addf(origin, "%s ", text);
		curl_free(text);
	}
	return e;
}

static enum err url_check(const char *text, struct buf *origin)
{
	CURLU *url;
	enum err e = ERR_PARSE;

	if (text == NULL || strlen(text) > URL_MAX)
		return ERR_PARSE;
	url = curl_url();
	if (url == NULL)
		abort();
	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
		e = url_origin(url, origin);
	curl_url_cleanup(url);
	return e;
}

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
	enum err e;

	buf_init(&key, URL_MAX + 256);
	e = url_check(req->url, &key);
	if (e == ERR_OK && req->unix_socket != NULL)
		e = buf_add_str(&key, req->unix_socket);
	if (e != ERR_OK)
		return ERR_PARSE;
	*out = host_get(c, buf_span(&key));
	return ERR_OK;
}

static bool host_has_room(const struct host *h, const struct httpc_call *call)
{
	return call->host_connections_max == 0 || h->active_count < call->host_connections_max;
}

static void call_activate(struct httpc_call *call)
{
	int64_t left_ms = call->deadline.ms - clock_mono().ms;

	must(curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1)));
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

static void call_fill_answer(struct httpc_call *call, struct httpc_answer *a)
{
	struct curl_header *retry_after;
	char *content_type = NULL;
	long status = 0;

	must(curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status));
	must(curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type));
	a->status = (int)status;
	a->body = buf_span(&call->answer);
	a->content_type = span_of(content_type);
	if (curl_easy_header(call->easy, "Retry-After", 0, CURLH_HEADER, -1, &retry_after) ==
		CURLHE_OK)
		a->retry_after_ms = retry_after_ms(retry_after->value);
}

/* The one place where a call ends, but for httpc_cancel(). */
static void call_finish(struct httpc_call *call, struct httpc_answer *a)
{
	const struct httpc *c = call->client;
	struct host *h = call->host;

	a->took_ms = clock_mono().ms - call->sent.ms;
	call_leave(call);
	call->on_answer(call->ctx, a);
	call_retire(call);
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

	call_fill_answer(call, &a);
	a.result = call_result(call, code, a.status);
	if (a.result != HTTPC_ANSWERED)
		a.error = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
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
		must(curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call));
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

	curl_init_once();
	c->loop = l;
	c->timer = loop_timer_new(l, on_timer, c);
	c->kick.run = on_kick;
	map_init(&c->hosts);
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
		call_free(call);
	}
	/* Closing connections calls on_curl_socket() and on_curl_timer() again. */
	IGNORE(curl_multi_cleanup(c->multi) != CURLM_OK);
	loop_undefer(c->loop, &c->kick);
	loop_timer_free(c->timer);
	free(c);
}

static enum err call_fill(struct httpc_call *call, const struct httpc_request *req)
{
	enum err e = method_take(call, req);

	if (e == ERR_OK)
		e = fields_take(call, req->fields);
	if (e == ERR_OK)
		e = bearer_take(call, req->bearer);
	if (e != ERR_OK)
		return e;
	body_take(call, req->body);
	buf_init(&call->answer, req->answer_max);
	call->too_large = false;
	call->error[0] = '\0';
	call->host_connections_max = req->host_connections_max;
	call->sent = clock_mono();
	call->deadline.ms = call->sent.ms + req->timeout_ms;
	easy_set_method(call);
	must(curl_easy_setopt(call->easy, CURLOPT_URL, req->url));
	must(curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket));
	must(curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->fields));
	must(curl_easy_setopt(call->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->answer_max));
	return ERR_OK;
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
	call = call_new(c);
	e = call_fill(call, req);
	if (e != ERR_OK) {
		call_retire(call);
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
	call_retire(call);
	host_advance(h);
}
