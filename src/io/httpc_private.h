/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HTTPC_PRIVATE_H
#define IO_HTTPC_PRIVATE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "io/httpc.h"
#include "io/loop.h"

/* What httpc.c and httpc_*.c share; nobody else includes it. */

#define URL_MAX    8192
#define METHOD_MAX 16

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
	struct secret *confidential; /* the answer instead, where it is one */
	bool too_large;
	const struct httpc_guard *guard;
	bool opened;    /* a socket: the guard let an address pass */
	bool forbidden; /* by the guard, and there was no other address */
	struct mono sent, deadline;
	struct loop_timer *queue_timer; /* while CALL_QUEUED */
	unsigned host_connections_max;
	void (*on_answer)(void *ctx, const struct httpc_answer *a);
	void *ctx;
	void (*on_refused)(void *ctx);
	void *refused_ctx;
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
	struct loop_task kick;                 /* libcurl wants to be called at once */
	const char *system_ca, *system_ca_dir; /* as libcurl was built; or NULL */
	struct map hosts;
	struct map posted; /* URL -> struct host: those that are posted to again and again */
	struct call_list idle;
	unsigned idle_count;
	bool closing;
};

/* Refused settings are a libcurl we were not built for: not one to go on with. */
void httpc_must(CURLcode code);

/* Make libcurl ready, once: its memory is wiped when freed. */
void httpc_curl_init(void);

/* httpc_call.c: a call's handle, from one use to the next, and what came back. */
struct httpc_call *httpc_call_new(struct httpc *c);
void httpc_call_free(struct httpc_call *call);

/* Wipe what belonged to one request, and keep the handle if it may be used again. */
void httpc_call_retire(struct httpc_call *call);

/* Say in *a how the call went; what it points at lasts until the call retires. */
void httpc_call_read(struct httpc_call *call, CURLcode code, struct httpc_answer *a);

/* httpc_guard.c: have libcurl ask the call's guard before it connects and before it sends. */
void httpc_guard_prepare(struct httpc_call *call);

/* httpc_request.c: copy a request into the call's handle. ERR_PARSE if it is unusable. */
MUST_CHECK enum err httpc_call_fill(struct httpc_call *call, const struct httpc_request *req);

/* Append "scheme host port " of a URL that we take; ERR_PARSE for any other. */
MUST_CHECK enum err httpc_url_origin(const char *text, struct buf *origin);

#endif
