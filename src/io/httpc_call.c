/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/httpc_private.h"
#include "io/secmem.h"

#define RETRY_AFTER_MAX INT32_MAX /* seconds */

/* libcurl's least: it keeps one for each call, and a body that fits goes out with its head. */
#define UPLOAD_BUFFER_BYTES 16384L

/* Calls whose handle is kept for the next one. */
#define IDLE_CALLS_MAX 64

/*
 * Node closes a connection 5 s after the last answer. To send a request at that
 * moment is to lose it, so we stop using a connection earlier than that.
 */
#define IDLE_CONNECTION_S 4L

/*
 * Memory for libcurl that is wiped when it is freed, because header fields with
 * secrets pass through many of its buffers.
 */
void httpc_must(CURLcode code)
{
	if (code != CURLE_OK)
		abort();
}

void httpc_curl_init(void)
{
	static bool done;

	if (done)
		return;
	httpc_must(curl_global_init_mem(
		CURL_GLOBAL_DEFAULT, malloc, secmem_free, secmem_realloc, strdup, calloc));
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
	if (call->forbidden)
		return HTTPC_FORBIDDEN;
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

	enum err e;

	/* What is declared is stopped by libcurl; this stops what is chunked. */
	if (call->confidential != NULL)
		e = secret_append(call->confidential, bytes, size * n);
	else
		e = buf_add(&call->answer, bytes, size * n);
	if (e == ERR_OK)
		return size * n;
	call->too_large = true;
	return 0;
}

/* What is the same for every call. */
static void easy_prepare(struct httpc_call *call)
{
	CURL *h = call->easy;

	httpc_must(curl_easy_setopt(h, CURLOPT_PRIVATE, call));
	httpc_must(curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https"));
	/* libcurl refuses an empty list, so the list is short and unused. */
	httpc_must(curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "https"));
	httpc_must(curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L));
	httpc_must(curl_easy_setopt(h, CURLOPT_PROXY, ""));
	httpc_must(curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
	httpc_must(curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L));
	httpc_must(curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L));
	httpc_must(curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L));
	httpc_must(curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S));
	httpc_must(curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES));
	httpc_must(curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
	httpc_must(curl_easy_setopt(h, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION));
	httpc_must(curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body));
	httpc_must(curl_easy_setopt(h, CURLOPT_WRITEDATA, call));
	httpc_must(curl_easy_setopt(h, CURLOPT_ERRORBUFFER, call->error));
	httpc_guard_prepare(call);
}

struct httpc_call *httpc_call_new(struct httpc *c)
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

void httpc_call_free(struct httpc_call *call)
{
	curl_easy_cleanup(call->easy);
	free(call);
}

void httpc_call_retire(struct httpc_call *call)
{
	struct httpc *c = call->client;
	const bool confidential = call->confidential != NULL;

	curl_slist_free_all(TAKE(call->fields));
	secmem_free(TAKE(call->body));
	buf_release(&call->answer);
	secret_free(TAKE(call->confidential));
	call->state = CALL_IDLE;
	/* A handle that is kept keeps what it read last. */
	if (confidential || c->closing || c->idle_count >= IDLE_CALLS_MAX) {
		httpc_call_free(call);
		return;
	}
	TAILQ_INSERT_HEAD(&c->idle, call, link);
	c->idle_count++;
}

static int http_version(long version)
{
	switch (version) {
	case CURL_HTTP_VERSION_1_0: return 10;
	case CURL_HTTP_VERSION_1_1: return 11;
	case CURL_HTTP_VERSION_2_0: return 20;
	default: return 0;
	}
}

static void call_fill_answer(struct httpc_call *call, struct httpc_answer *a)
{
	struct curl_header *retry_after;
	char *content_type = NULL;
	long status = 0, version = 0, sent = 0;

	httpc_must(curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status));
	httpc_must(curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version));
	httpc_must(curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type));
	httpc_must(curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent));
	a->status = (int)status;
	a->http_version = http_version(version);
	a->sent = sent > 0;
	a->call = call;
	a->body = buf_span(&call->answer);
	if (call->confidential != NULL)
		a->body = (struct span){ secret_text(call->confidential),
			secret_len(call->confidential) };
	a->content_type = span_of(content_type);
	if (curl_easy_header(call->easy, "Retry-After", 0, CURLH_HEADER, -1, &retry_after) ==
		CURLHE_OK)
		a->retry_after_ms = retry_after_ms(retry_after->value);
}

char *httpc_answer_take(const struct httpc_answer *a)
{
	return buf_detach(&a->call->answer);
}

/* libcurl has no word for a header line that is longer than it keeps. */
static const char *error_text(const struct httpc_call *call, CURLcode code)
{
	if (code == CURLE_OUT_OF_MEMORY)
		return "A header line is too long, or there is no memory";
	return call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
}

void httpc_call_read(struct httpc_call *call, CURLcode code, struct httpc_answer *a)
{
	call_fill_answer(call, a);
	a->result = call_result(call, code, a->status);
	if (a->result != HTTPC_ANSWERED)
		a->error = error_text(call, code);
}

struct span httpc_answer_field(const struct httpc_answer *a, const char *name)
{
	struct curl_header *field;

	if (a->call == NULL ||
		curl_easy_header(a->call->easy, name, 0, CURLH_HEADER, -1, &field) != CURLHE_OK)
		return (struct span){ NULL, 0 };
	return span_of(field->value);
}

struct wall httpc_answer_date(const struct httpc_answer *a)
{
	struct span date = httpc_answer_field(a, "Date");
	time_t t = date.n == 0 ? -1 : curl_getdate(date.p, NULL);

	return t == -1 ? WALL_NONE : (struct wall){ .ms = (int64_t)t * 1000 };
}
