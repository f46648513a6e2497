/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/aws.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "secret/aws_credentials.h"
#include "secret/json_secret.h"
#include "secret/provider.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define BODY_MAX   4096
#define TOKEN_MAX  (8192 + 64)

struct aws {
	struct provider provider;
	struct httpc *http;
	struct aws_conf conf; /* its texts and references are ours */
	char *url;
	struct aws_source *source;
	struct aws_credentials credentials;
};

/* --- signing in is to have credentials --- */

static void on_got(void *ctx, struct aws_credentials *c, enum err e, const char *why)
{
	struct aws *a = ctx;
	int64_t lease_ms = 0;

	if (e != ERR_OK) {
		session_failed(&a->provider.session, e, why);
		return;
	}
	if (c->expires.ms != WALL_NONE.ms) {
		lease_ms = c->expires.ms - clock_wall().ms;
		if (lease_ms <= 0) {
			aws_credentials_release(c);
			session_failed(&a->provider.session, ERR_AUTH,
				"we were given credentials that are over: is the clock right?");
			return;
		}
	}
	aws_credentials_release(&a->credentials);
	a->credentials = *c;
	session_opened(&a->provider.session, lease_ms);
}

static void aws_open(void *self)
{
	struct aws *a = self;

	aws_source_get(a->source, on_got, a);
}

static void aws_close(void *self)
{
	struct aws *a = self;

	aws_source_cancel(a->source);
	aws_credentials_release(&a->credentials);
}

/* --- reading secrets --- */

static enum err body_write(const struct provider_ask *ask, struct buf *body)
{
	struct json_writer w;

	json_writer_init(&w, body);
	json_object_begin(&w);
	json_member_str(&w, "SecretId", ask->path);
	json_member_str(&w, "VersionStage", ask->before == NULL ? "AWSCURRENT" : "AWSPREVIOUS");
	json_object_end(&w);
	return json_done(&w);
}

static enum err aws_send(struct aws *a, const char *session_field, struct span body,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	const char *const fields[] = { "Content-Type: application/x-amz-json-1.1",
		"X-Amz-Target: secretsmanager.GetSecretValue", session_field, NULL };
	const struct httpc_sigv4 sigv4 = {
		.region = a->conf.region,
		.service = "secretsmanager",
		.key_id = secret_text(a->credentials.key_id),
		.key = secret_text(a->credentials.key),
	};
	const struct httpc_request req = {
		.url = a->url,
		.fields = fields,
		.body = body,
		.timeout_ms = a->conf.timeout_ms,
		.answer_max = ANSWER_MAX,
		.tls = { .ca = a->conf.ca },
		.confidential = true,
		.sigv4 = &sigv4,
	};

	return httpc_send(a->http, &req, on_answer, ctx, call);
}

static enum err aws_ask(void *self, const struct provider_ask *ask,
	void (*on_answer)(void *ctx, const struct httpc_answer *a), void *ctx,
	struct httpc_call **call)
{
	struct aws *a = self;
	const struct secret *token = a->credentials.session_token;
	CLEANUP(secret_buf_release) struct buf field;
	CLEANUP(buf_release) struct buf body;
	enum err e;

	buf_init(&body, BODY_MAX);
	secret_buf_init(&field, TOKEN_MAX);
	e = body_write(ask, &body);
	if (e == ERR_OK && token != NULL)
		e = buf_addf(&field, "X-Amz-Security-Token: %s", secret_text(token));
	if (e != ERR_OK)
		return e;
	return aws_send(
		a, token == NULL ? NULL : field.data, buf_span(&body), on_answer, ctx, call);
}

static void aws_read(void *self, const struct provider_ask *ask, const struct httpc_answer *http,
	struct secret_answer *out)
{
	(void)self;
	if (http->result != HTTPC_ANSWERED)
		snprintf(out->why, sizeof(out->why), "%s: %.200s", httpc_result_str(http->result),
			http->error == NULL ? "no answer" : http->error);
	else if (http->status == 200)
		aws_read_secret(http->body, ask->field, out);
	else
		aws_read_error(http->body, http->status, out);
}

static const struct session_ops aws_ops = {
	.open = aws_open,
	.renew = aws_open,
	.close = aws_close,
	.send = aws_ask,
	.read = aws_read,
};

/* --- life --- */

static const char *text_copy(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

static void text_free(const char *text)
{
	union {
		const char *read;
		char *owned;
	} t = { .read = text };

	free(t.owned);
}

static struct aws_conf conf_copy(const struct aws_conf *c)
{
	struct aws_conf copy = *c;

	copy.name = NULL;
	copy.address = NULL;
	copy.region = text_copy(c->region);
	copy.role_arn = text_copy(c->role_arn);
	copy.token_file = text_copy(c->token_file);
	copy.sts = text_copy(c->sts);
	copy.metadata = text_copy(c->metadata);
	copy.ca = text_copy(c->ca);
	copy.key_id = secret_ref_copy(&c->key_id);
	copy.key = secret_ref_copy(&c->key);
	copy.session_token = secret_ref_copy(&c->session_token);
	return copy;
}

static void conf_release(struct aws_conf *c)
{
	text_free(c->region);
	text_free(c->role_arn);
	text_free(c->token_file);
	text_free(c->sts);
	text_free(c->metadata);
	text_free(c->ca);
	secret_ref_release(&c->key_id);
	secret_ref_release(&c->key);
	secret_ref_release(&c->session_token);
}

static void aws_free(struct provider *p)
{
	struct aws *a = CONTAINER_OF(p, struct aws, provider);

	session_release(&p->session);
	aws_source_free(a->source);
	conf_release(&a->conf);
	free(a->url);
	free(p->name);
	free(a);
}

static char *url_make(const struct aws_conf *c)
{
	char *url;
	int n = c->address != NULL
			? asprintf(&url, "%s/", c->address)
			: asprintf(&url, "https://secretsmanager.%s.amazonaws.com/", c->region);

	if (n < 0)
		out_of_memory();
	return url;
}

struct provider *aws_new(struct loop *l, struct httpc *http, const struct aws_conf *c)
{
	struct aws *a = xcalloc(1, sizeof(*a));

	*a = (struct aws){
		.http = http,
		.conf = conf_copy(c),
		.url = url_make(c),
		.credentials = { .expires = WALL_NONE },
	};
	a->provider = (struct provider){
		.name = xstrdup(c->name),
		.refresh_ms = c->refresh_ms,
		.overlap_ms = c->overlap_ms,
		.grace_ms = c->grace_ms,
		.free = aws_free,
	};
	a->source = aws_source_new(http, &a->conf);
	session_init(&a->provider.session, l, &aws_ops, a);
	return &a->provider;
}
