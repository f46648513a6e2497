/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "secret/json_secret.h"
#include "secret/provider.h"
#include "secret/vault_read.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define LOGIN_MAX  ((size_t)256 * 1024)
#define URL_MAX    4096

struct vault {
	struct provider provider;
	struct httpc *http;
	char *address, *mount, *auth_mount, *role, *ca;
	char *namespace; /* "X-Vault-Namespace: …"; or NULL */
	enum vault_method method;
	struct secret_ref role_id, secret_id, jwt, token_ref;
	bool wrapped;
	int64_t timeout_ms;

	struct secret *token; /* we are signed in by it; or NULL */
	bool renewable;
	int64_t first_lease_ms;
	struct secret *unwrapped, *wrapping; /* the secret_id, and what it was wrapped in */
	struct httpc_call *call;             /* signing in */
};

/* --- requests --- */

/* path is below /v1/. The body is a secret. */
static enum err vault_send(struct vault *v, const char *path, const struct secret *bearer,
	struct span body, void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	const char *fields[] = { "Accept: application/json", "X-Vault-Request: true",
		body.n > 0 ? "Content-Type: application/json" : v->namespace,
		body.n > 0 ? v->namespace : NULL, NULL };
	CLEANUP(buf_release) struct buf url;
	const struct httpc_request req = {
		.method = body.n > 0 ? "POST" : "GET",
		.fields = fields,
		.bearer = bearer == NULL ? NULL : secret_text(bearer),
		.body = body,
		.timeout_ms = v->timeout_ms,
		.answer_max = ANSWER_MAX,
		.tls = { .ca = v->ca },
		.confidential = true,
	};
	struct httpc_request sent = req;
	enum err e;

	buf_init(&url, URL_MAX);
	e = buf_addf(&url, "%s/v1/%s", v->address, path);
	if (e != ERR_OK)
		return e;
	sent.url = url.data;
	return httpc_send(v->http, &sent, on_answer, ctx, call);
}

/* What an answer that is none means, in words; the foreign ones are not repeated. */
static enum err answer_judge(const struct httpc_answer *a, char *why, size_t max)
{
	if (a->result != HTTPC_ANSWERED) {
		snprintf(why, max, "%s: %s", httpc_result_str(a->result),
			a->error == NULL ? "no answer" : a->error);
		return ERR_IO;
	}
	switch (a->status) {
	case 200: return ERR_OK;
	case 400:
		snprintf(why, max, "400: it does not take what we sign in with, or the request");
		return ERR_AUTH;
	case 401:
	case 403:
		snprintf(why, max, "%d: our token is no good, or its policy does not let us",
			a->status);
		return ERR_AUTH;
	case 404:
		snprintf(why, max, "404: it is not there, was deleted, or is not for us");
		return ERR_NOTFOUND;
	case 503: snprintf(why, max, "503: it is sealed or in maintenance"); return ERR_IO;
	default: snprintf(why, max, "%d", a->status); return ERR_IO;
	}
}

/* --- signing in --- */

static void sign_in_fail(struct vault *v, enum err e, const char *what, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %.200s", what, why);
	session_failed(&v->provider.session, e, text);
}

static void signed_in(struct vault *v, struct vault_auth *auth, bool first)
{
	if (auth->token != NULL) {
		secret_free(v->token);
		v->token = auth->token;
	}
	v->renewable = auth->renewable;
	if (first)
		v->first_lease_ms = auth->lease_ms;
	session_opened(&v->provider.session, auth->lease_ms);
}

static void on_login(void *ctx, const struct httpc_answer *a)
{
	struct vault *v = ctx;
	struct vault_auth auth = { 0 };
	char why[200] = "its answer is none of a login";
	enum err e;

	v->call = NULL;
	e = answer_judge(a, why, sizeof(why));
	if (e == ERR_OK)
		e = vault_read_auth(a->body, &auth);
	if (e != ERR_OK)
		sign_in_fail(v, e, "it does not let us sign in", why);
	else
		signed_in(v, &auth, true);
}

static void login_send(struct vault *v, const char *first_name, const char *first,
	const char *second_name, const char *second)
{
	CLEANUP(secret_buf_release) struct buf body;
	struct json_writer w;
	char path[256];
	enum err e;

	secret_buf_init(&body, LOGIN_MAX);
	json_writer_init(&w, &body);
	json_object_begin(&w);
	json_member_str(&w, first_name, first);
	json_member_str(&w, second_name, second);
	json_object_end(&w);
	snprintf(path, sizeof(path), "auth/%s/login", v->auth_mount);
	e = json_done(&w);
	if (e == ERR_OK)
		e = vault_send(v, path, NULL, buf_span(&body), on_login, v, &v->call);
	if (e != ERR_OK)
		sign_in_fail(v, e, "we cannot sign in", "what we sign in with cannot be sent");
}

/* Read one of our own secrets; what goes wrong is how signing in failed. */
static struct secret *own_fetch(struct vault *v, const struct secret_ref *r)
{
	CLEANUP(freep) char *why = NULL;
	struct secret *s = NULL;
	enum err e = secret_fetch(r, &s, &why);

	if (e == ERR_OK)
		return s;
	sign_in_fail(v, e, "we cannot sign in", why);
	return NULL;
}

static void approle_login(struct vault *v, const struct secret *secret_id)
{
	struct secret *role_id = own_fetch(v, &v->role_id);

	if (role_id == NULL)
		return;
	login_send(v, "role_id", secret_text(role_id), "secret_id", secret_text(secret_id));
	secret_free(role_id);
}

static void on_unwrapped(void *ctx, const struct httpc_answer *a)
{
	struct vault *v = ctx;
	char why[200] = "its answer has no secret_id";
	enum err e;

	v->call = NULL;
	e = answer_judge(a, why, sizeof(why));
	if (e == ERR_OK)
		e = vault_read_unwrapped(a->body, &v->unwrapped);
	if (e == ERR_OK) {
		approle_login(v, v->unwrapped);
		return;
	}
	if (e != ERR_IO)
		snprintf(why, sizeof(why),
			"the token is over, or was used by somebody else, who "
			"then has our secret_id: make another one");
	secret_free(TAKE(v->wrapping));
	sign_in_fail(v, e, "secret_id cannot be unwrapped", why);
}

/* The token that wraps is shown in one way only; in two, Vault would burn it. */
static void unwrap(struct vault *v, struct secret *wrapping)
{
	enum err e;

	secret_free(TAKE(v->unwrapped));
	secret_free(v->wrapping);
	v->wrapping = wrapping;
	e = vault_send(v, "sys/wrapping/unwrap", wrapping, SPAN("{}"), on_unwrapped, v, &v->call);
	if (e != ERR_OK)
		sign_in_fail(v, e, "secret_id cannot be unwrapped", "the token cannot be sent");
}

static void approle_open(struct vault *v)
{
	struct secret *s = own_fetch(v, &v->secret_id);

	if (s == NULL)
		return;
	if (!v->wrapped) {
		approle_login(v, s);
	} else if (v->unwrapped == NULL || !secret_is_same(s, v->wrapping)) {
		unwrap(v, TAKE(s));
	} else {
		approle_login(v, v->unwrapped);
	}
	secret_free(s);
}

static void jwt_open(struct vault *v)
{
	struct secret *jwt = own_fetch(v, &v->jwt);

	if (jwt == NULL)
		return;
	login_send(v, "role", v->role, "jwt", secret_text(jwt));
	secret_free(jwt);
}

static void on_lookup(void *ctx, const struct httpc_answer *a)
{
	struct vault *v = ctx;
	struct vault_auth auth = { 0 };
	char why[200] = "its answer is none of a look at our token";
	enum err e;

	v->call = NULL;
	e = answer_judge(a, why, sizeof(why));
	if (e == ERR_OK)
		e = vault_read_lookup(a->body, &auth);
	if (e != ERR_OK)
		sign_in_fail(v, e, "our token is not taken", why);
	else
		signed_in(v, &auth, true);
}

static void token_open(struct vault *v)
{
	struct secret *token = own_fetch(v, &v->token_ref);
	enum err e;

	if (token == NULL)
		return;
	secret_free(v->token);
	v->token = token;
	e = vault_send(
		v, "auth/token/lookup-self", v->token, (struct span){ 0 }, on_lookup, v, &v->call);
	if (e != ERR_OK)
		sign_in_fail(v, e, "our token is not taken", "it cannot be sent");
}

static void vault_close(void *self)
{
	struct vault *v = self;

	if (v->call != NULL)
		httpc_cancel(TAKE(v->call));
	secret_free(TAKE(v->token));
}

static void vault_open(void *self)
{
	struct vault *v = self;

	switch (v->method) {
	case VAULT_APPROLE: approle_open(v); return;
	case VAULT_JWT: jwt_open(v); return;
	case VAULT_TOKEN: token_open(v); return;
	}
}

/* --- staying signed in --- */

/*
 * Close to the token's longest life, less is granted than was asked for, in the end
 * nothing. (Of a login, a lease of 0 is one without an end; it is never renewed.)
 */
static void on_renewed(void *ctx, const struct httpc_answer *a)
{
	struct vault *v = ctx;
	struct vault_auth auth = { 0 };
	char why[200] = "its answer is none of a renewal";
	enum err e;

	v->call = NULL;
	e = answer_judge(a, why, sizeof(why));
	if (e == ERR_OK)
		e = vault_read_auth(a->body, &auth);
	if (e == ERR_OK && auth.lease_ms > 0 && auth.lease_ms >= v->first_lease_ms / 2) {
		signed_in(v, &auth, false);
		return;
	}
	secret_free(auth.token);
	if (e == ERR_IO)
		sign_in_fail(v, e, "our token cannot be renewed", why);
	else
		vault_open(v); /* the token of now is used meanwhile */
}

static void vault_renew(void *self)
{
	struct vault *v = self;

	if (!v->renewable || vault_send(v, "auth/token/renew-self", v->token, SPAN("{}"),
				     on_renewed, v, &v->call) != ERR_OK)
		vault_open(v); /* the token of now is used meanwhile */
}

/* --- reading secrets --- */

static enum err kv_path(const struct vault *v, const struct provider_ask *ask, struct buf *path)
{
	const char *at = ask->path;
	int64_t before = ask->before == NULL ? 0 : strtoll(ask->before, NULL, 10) - 1;
	enum err e = buf_addf(path, "%s/data", v->mount);

	if (ask->before != NULL && before < 1)
		return ERR_NOTFOUND;
	while (e == ERR_OK) {
		struct span segment = { at, strcspn(at, "/") };

		e = buf_add_str(path, "/");
		if (e == ERR_OK)
			e = url_encode(segment, path);
		if (at[segment.n] == '\0')
			break;
		at += segment.n + 1;
	}
	if (e == ERR_OK && before > 0)
		e = buf_addf(path, "?version=%" PRId64, before);
	return e;
}

static enum err vault_ask(void *self, const struct provider_ask *ask,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	struct vault *v = self;
	CLEANUP(buf_release) struct buf path;
	enum err e;

	buf_init(&path, URL_MAX);
	e = kv_path(v, ask, &path);
	if (e != ERR_OK)
		return e;
	return vault_send(v, path.data, v->token, (struct span){ 0 }, on_answer, ctx, call);
}

static void vault_read(void *self, const struct provider_ask *ask, const struct httpc_answer *a,
	struct secret_answer *out)
{
	(void)self;
	out->err = answer_judge(a, out->why, sizeof(out->why));
	if (out->err == ERR_OK)
		vault_read_kv(a->body, ask->field, out);
}

static const struct session_ops vault_ops = {
	.open = vault_open,
	.renew = vault_renew,
	.close = vault_close,
	.send = vault_ask,
	.read = vault_read,
};

/* --- life --- */

static void vault_free(struct provider *p)
{
	struct vault *v = CONTAINER_OF(p, struct vault, provider);

	session_release(&p->session);
	secret_free(v->unwrapped);
	secret_free(v->wrapping);
	secret_ref_release(&v->role_id);
	secret_ref_release(&v->secret_id);
	secret_ref_release(&v->jwt);
	secret_ref_release(&v->token_ref);
	free(v->address);
	free(v->mount);
	free(v->auth_mount);
	free(v->role);
	free(v->ca);
	free(v->namespace);
	free(p->name);
	free(v);
}

static char *text_copy(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

static char *namespace_field(const char *namespace)
{
	char *field;

	if (namespace == NULL)
		return NULL;
	if (asprintf(&field, "X-Vault-Namespace: %s", namespace) < 0)
		out_of_memory();
	return field;
}

struct provider *vault_new(struct loop *l, struct httpc *http, const struct vault_conf *c)
{
	static const char *const usual[] = {
		[VAULT_APPROLE] = "approle",
		[VAULT_JWT] = "jwt",
		[VAULT_TOKEN] = "token",
	};
	struct vault *v = xcalloc(1, sizeof(*v));

	*v = (struct vault){
		.http = http,
		.address = xstrdup(c->address),
		.mount = xstrdup(c->mount),
		.auth_mount = xstrdup(c->auth_mount == NULL ? usual[c->method] : c->auth_mount),
		.role = text_copy(c->role),
		.ca = text_copy(c->ca),
		.namespace = namespace_field(c->namespace),
		.method = c->method,
		.role_id = secret_ref_copy(&c->role_id),
		.secret_id = secret_ref_copy(&c->secret_id),
		.jwt = secret_ref_copy(&c->jwt),
		.token_ref = secret_ref_copy(&c->token),
		.wrapped = c->wrapped,
		.timeout_ms = c->timeout_ms,
	};
	v->provider = (struct provider){
		.name = xstrdup(c->name),
		.refresh_ms = c->refresh_ms,
		.overlap_ms = c->overlap_ms,
		.grace_ms = c->grace_ms,
		.free = vault_free,
	};
	session_init(&v->provider.session, l, &vault_ops, v);
	return &v->provider;
}
