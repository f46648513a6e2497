/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/httpc_private.h"
#include "io/secmem.h"

#define FIELDS_MAX 64
#define BEARER_MAX 16384

/* libcurl's own default. */
#define SYSTEM_CA_CACHE_S (24L * 60 * 60)

static void fields_add(struct httpc_call *call, const char *field)
{
	struct curl_slist *fields = curl_slist_append(call->fields, field);

	if (fields == NULL)
		abort();
	call->fields = fields;
}

bool httpc_field_is_sound(const char *field)
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
		if (n == FIELDS_MAX || !httpc_field_is_sound(fields[n]))
			return ERR_PARSE;
		fields_add(call, fields[n]);
		content_type |= strncasecmp(fields[n], "Content-Type:", 13) == 0;
	}
	if (!content_type)
		fields_add(call, "Content-Type:");
	return ERR_OK;
}

static enum err bearer_take(struct httpc_call *call, const char *scheme, const char *bearer)
{
	size_t n, max;
	char *field;

	if (bearer == NULL)
		return ERR_OK;
	n = strlen(bearer);
	if (n == 0 || n > BEARER_MAX)
		return ERR_PARSE;
	for (const char *p = bearer; *p != '\0'; p++) {
		if (!isgraph((unsigned char)*p))
			return ERR_PARSE;
	}
	max = sizeof("Authorization:  ") + strlen(scheme) + n;
	field = xcalloc(1, max);
	snprintf(field, max, "Authorization: %s %s", scheme, bearer);
	fields_add(call, field);
	secmem_free(field);
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

	httpc_must(curl_easy_setopt(h, CURLOPT_HTTPGET, 1L));
	if (call->body_len > 0 || method_has_body(call->method)) {
		httpc_must(curl_easy_setopt(h, CURLOPT_POST, 1L));
		httpc_must(curl_easy_setopt(
			h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len));
		httpc_must(curl_easy_setopt(
			h, CURLOPT_POSTFIELDS, call->body == NULL ? "" : call->body));
		if (strcmp(custom, "POST") == 0)
			custom = NULL;
	} else if (strcmp(custom, "HEAD") == 0) {
		httpc_must(curl_easy_setopt(h, CURLOPT_NOBODY, 1L));
		custom = NULL;
	} else if (strcmp(custom, "GET") == 0) {
		custom = NULL;
	}
	httpc_must(curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, custom));
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

enum err httpc_url_origin(const char *text, struct buf *origin)
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

/*
 * A CA of one's own stands instead of the system's, not beside them; it may be
 * replaced at any time, so what was read of it is not kept.
 */
static void easy_set_ca(const struct httpc_call *call, const char *ca)
{
	const struct httpc *c = call->client;
	CURL *h = call->easy;

	httpc_must(curl_easy_setopt(h, CURLOPT_CAINFO, ca == NULL ? c->system_ca : ca));
	httpc_must(curl_easy_setopt(h, CURLOPT_CAPATH, ca == NULL ? c->system_ca_dir : NULL));
	httpc_must(
		curl_easy_setopt(h, CURLOPT_CA_CACHE_TIMEOUT, ca == NULL ? SYSTEM_CA_CACHE_S : 0L));
}

/* All of it each time: the handle remembers the call before. */
static void easy_set_connection(const struct httpc_call *call, const struct httpc_request *req)
{
	CURL *h = call->easy;

	easy_set_ca(call, req->tls.ca);
	httpc_must(curl_easy_setopt(h, CURLOPT_SSLCERT, req->tls.certificate));
	httpc_must(curl_easy_setopt(h, CURLOPT_SSLKEY, req->tls.key));
	httpc_must(curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
		(long)(req->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)));
	/* A call waits to see whether it can share the connection that is being opened. */
	httpc_must(curl_easy_setopt(h, CURLOPT_PIPEWAIT, (long)req->http2));
}

/* What OpenSSL has decrypted is wiped once it was read. */
static CURLcode on_ssl_ctx(CURL *h, void *ssl_ctx, void *ctx)
{
	(void)h;
	(void)ctx;
	IGNORE(SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT) == 0);
	return CURLE_OK;
}

/* Nothing of it is left in the handle by its next use. */
static void easy_set_confidential(struct httpc_call *call, const struct httpc_request *req)
{
	if (req->confidential)
		call->confidential = secret_room(req->answer_max);
	httpc_must(curl_easy_setopt(
		call->easy, CURLOPT_SSL_CTX_FUNCTION, req->confidential ? on_ssl_ctx : NULL));
	/* Another's connection would have buffers that are not wiped. */
	httpc_must(curl_easy_setopt(
		call->easy, CURLOPT_FRESH_CONNECT, req->fresh || req->confidential ? 1L : 0L));
	httpc_must(curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, req->confidential ? 1L : 0L));
}

#define SIGV4_MAX 256

/* All four parts, since libcurl would take those that are left out from the host's name. */
static enum err easy_set_sigv4(const struct httpc_call *call, const struct httpc_sigv4 *s)
{
	CURL *h = call->easy;
	char provider[SIGV4_MAX];
	int n;

	httpc_must(curl_easy_setopt(h, CURLOPT_AWS_SIGV4, NULL));
	httpc_must(curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC));
	httpc_must(curl_easy_setopt(h, CURLOPT_USERNAME, s == NULL ? NULL : s->key_id));
	httpc_must(curl_easy_setopt(h, CURLOPT_PASSWORD, s == NULL ? NULL : s->key));
	if (s == NULL)
		return ERR_OK;
	n = snprintf(provider, sizeof(provider), "aws:amz:%s:%s", s->region, s->service);
	if (n < 0 || n >= SIGV4_MAX)
		return ERR_PARSE;
	httpc_must(curl_easy_setopt(h, CURLOPT_AWS_SIGV4, provider));
	return ERR_OK;
}

enum err httpc_call_fill(struct httpc_call *call, const struct httpc_request *req)
{
	enum err e = method_take(call, req);

	if (e == ERR_OK)
		e = fields_take(call, req->fields);
	if (e == ERR_OK)
		e = bearer_take(call, req->scheme == NULL ? "Bearer" : req->scheme, req->bearer);
	if (e == ERR_OK)
		e = easy_set_sigv4(call, req->sigv4);
	if (e != ERR_OK)
		return e;
	body_take(call, req->body);
	buf_init(&call->answer, req->answer_max);
	call->too_large = false;
	call->opened = false;
	call->forbidden = false;
	call->guard = req->guard;
	call->on_refused = req->on_refused;
	call->refused_ctx = req->refused_ctx;
	call->error[0] = '\0';
	call->host_connections_max = req->host_connections_max;
	call->sent = clock_mono();
	call->deadline.ms = call->sent.ms + req->timeout_ms;
	easy_set_method(call);
	easy_set_connection(call, req);
	easy_set_confidential(call, req);
	httpc_must(curl_easy_setopt(call->easy, CURLOPT_URL, req->url));
	httpc_must(curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket));
	httpc_must(curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->fields));
	httpc_must(curl_easy_setopt(
		call->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->answer_max));
	return ERR_OK;
}
