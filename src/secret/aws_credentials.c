/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/aws_credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/egress.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "secret/json_secret.h"
#include "secret/provider.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define BODY_MAX   ((size_t)128 * 1024)
#define URL_MAX    4096
#define ROLE_MAX   128

#define ECS_ADDRESS  "http://169.254.170.2"
#define IMDS_ADDRESS "http://169.254.169.254"
#define IMDS_ROLES   "/latest/meta-data/iam/security-credentials/"

struct aws_source {
	struct httpc *http;
	const struct aws_conf *conf;
	struct egress_rule rule[5]; /* where metadata services are */
	struct httpc_guard guard;
	struct httpc_call *call;
	struct secret *imds_field; /* "X-aws-ec2-metadata-token: …", while it is asked */
	void (*on_got)(void *ctx, struct aws_credentials *c, enum err e, const char *why);
	void *ctx;
};

static void forget(struct aws_source *s)
{
	secret_free(TAKE(s->imds_field));
}

static void fail(struct aws_source *s, enum err e, const char *why)
{
	forget(s);
	s->on_got(s->ctx, NULL, e, why);
}

/* Tell what went wrong with a call, if it did. */
static bool has_failed(struct aws_source *s, const struct httpc_answer *a, const char *whom)
{
	char why[256];

	s->call = NULL;
	if (a->result == HTTPC_ANSWERED && a->status == 200)
		return false;
	if (a->result == HTTPC_ANSWERED) {
		snprintf(why, sizeof(why), "%s gives us no credentials: %d", whom, a->status);
		fail(s, a->status >= 500 || a->status == 429 ? ERR_IO : ERR_AUTH, why);
	} else {
		snprintf(why, sizeof(why), "%s gives us no credentials: %s: %.150s", whom,
			httpc_result_str(a->result), a->error == NULL ? "no answer" : a->error);
		fail(s, ERR_IO, why);
	}
	return true;
}

static void got(struct aws_source *s, enum err e, struct aws_credentials *c, const char *whom)
{
	char why[256];

	forget(s);
	if (e == ERR_OK) {
		s->on_got(s->ctx, c, ERR_OK, NULL);
		return;
	}
	snprintf(why, sizeof(why), "%s answers with no credentials", whom);
	s->on_got(s->ctx, NULL, e, why);
}

/* --- files --- */

static enum err static_read(const struct aws_conf *c, struct aws_credentials *out, char **why)
{
	enum err e = secret_fetch(&c->key_id, &out->key_id, why);

	if (e == ERR_OK)
		e = secret_fetch(&c->key, &out->key, why);
	if (e == ERR_OK && c->session_token.place != SECRET_NONE)
		e = secret_fetch(&c->session_token, &out->session_token, why);
	return e;
}

static void static_get(struct aws_source *s)
{
	struct aws_credentials c = { .expires = WALL_NONE };
	CLEANUP(freep) char *why = NULL;
	enum err e = static_read(s->conf, &c, &why);

	if (e == ERR_OK) {
		s->on_got(s->ctx, &c, ERR_OK, NULL);
		return;
	}
	aws_credentials_release(&c);
	fail(s, e, why);
}

/* --- a web identity --- */

static void on_sts(void *ctx, const struct httpc_answer *a)
{
	struct aws_source *s = ctx;
	struct aws_credentials c = { .expires = WALL_NONE };

	if (has_failed(s, a, "STS"))
		return;
	got(s, aws_read_sts(a->body, &c), &c, "STS");
}

static enum err sts_body(const char *role, const struct secret *token, struct buf *body)
{
	enum err e = buf_add_str(body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
				       "&RoleSessionName=stagewire&RoleArn=");

	if (e == ERR_OK)
		e = url_encode(span_of(role), body);
	if (e == ERR_OK)
		e = buf_add_str(body, "&WebIdentityToken=");
	if (e == ERR_OK)
		e = url_encode((struct span){ secret_text(token), secret_len(token) }, body);
	return e;
}

/* STS takes this one call unsigned: the token is the proof. */
static enum err sts_send(struct aws_source *s, const char *role, const struct secret *token)
{
	static const char *const fields[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: text/xml", NULL };
	CLEANUP(secret_buf_release) struct buf body;
	char url[256];
	struct httpc_request req = {
		.url = url,
		.fields = fields,
		.timeout_ms = s->conf->timeout_ms,
		.answer_max = ANSWER_MAX,
		.tls = { .ca = s->conf->ca },
		.confidential = true,
	};
	enum err e;

	secret_buf_init(&body, BODY_MAX);
	e = sts_body(role, token, &body);
	if (e != ERR_OK)
		return e;
	req.body = buf_span(&body);
	if (s->conf->sts != NULL)
		snprintf(url, sizeof(url), "%s/", s->conf->sts);
	else
		snprintf(url, sizeof(url), "https://sts.%s.amazonaws.com/", s->conf->region);
	return httpc_send(s->http, &req, on_sts, s, &s->call);
}

static char *setting(const char *configured, const char *variable)
{
	const char *value = configured != NULL ? configured : getenv(variable);

	return value == NULL ? NULL : xstrdup(value);
}

static void web_identity_get(struct aws_source *s)
{
	CLEANUP(freep) char *role = setting(s->conf->role_arn, "AWS_ROLE_ARN");
	CLEANUP(freep) char *file = setting(s->conf->token_file, "AWS_WEB_IDENTITY_TOKEN_FILE");
	const struct secret_ref ref = { .place = SECRET_FILE, .name = file };
	CLEANUP(freep) char *why = NULL;
	struct secret *token = NULL;
	enum err e;

	if (role == NULL || file == NULL) {
		fail(s, ERR_NOTFOUND, "a web identity needs a role and a token's file");
		return;
	}
	e = secret_fetch(&ref, &token, &why);
	if (e != ERR_OK) {
		fail(s, e, why);
		return;
	}
	e = sts_send(s, role, token);
	secret_free(token);
	if (e != ERR_OK)
		fail(s, e, "STS cannot be asked");
}

/* --- metadata services --- */

static enum err metadata_send(struct aws_source *s, const char *method, const char *url,
	const char *field, void (*on_answer)(void *ctx, const struct httpc_answer *a))
{
	const char *const fields[] = { field, NULL };
	const struct httpc_request req = {
		.method = method,
		.url = url,
		.fields = fields,
		.timeout_ms = s->conf->timeout_ms,
		.answer_max = ANSWER_MAX,
		/* Over TLS it is where the environment says, and proves who it is. */
		.guard = strncmp(url, "https:", 6) == 0 ? NULL : &s->guard,
		.confidential = true,
	};

	return httpc_send(s->http, &req, on_answer, s, &s->call);
}

static void on_ecs(void *ctx, const struct httpc_answer *a)
{
	struct aws_source *s = ctx;
	struct aws_credentials c = { .expires = WALL_NONE };

	if (has_failed(s, a, "the task's metadata service"))
		return;
	got(s, aws_read_metadata(a->body, &c), &c, "the task's metadata service");
}

/* "Authorization: TOKEN", from the environment or, fresh each time, from a file. */
static enum err ecs_field(struct buf *field, char **why)
{
	const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
	struct secret_ref ref = { .place = SECRET_ENV };
	struct secret *token = NULL;
	enum err e;

	if (file == NULL && getenv(variable) == NULL)
		return ERR_OK;
	ref.place = file != NULL ? SECRET_FILE : SECRET_ENV;
	ref.name = xstrdup(file != NULL ? file : variable);
	e = secret_fetch(&ref, &token, why);
	secret_ref_release(&ref);
	if (e != ERR_OK)
		return e;
	e = buf_add_str(field, "Authorization: ");
	if (e == ERR_OK)
		e = buf_add(field, secret_text(token), secret_len(token));
	secret_free(token);
	return e;
}

static void ecs_get(struct aws_source *s)
{
	const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	CLEANUP(secret_buf_release) struct buf field;
	CLEANUP(buf_release) struct buf url;
	CLEANUP(freep) char *why = NULL;
	enum err e;

	buf_init(&url, URL_MAX);
	secret_buf_init(&field, 16384);
	if (relative == NULL && full == NULL) {
		fail(s, ERR_NOTFOUND, "there is no $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
		return;
	}
	e = ecs_field(&field, &why);
	if (e != ERR_OK) {
		fail(s, e, why == NULL ? "the task's token is too long" : why);
		return;
	}
	e = relative != NULL ? buf_addf(&url, "%s%s", ECS_ADDRESS, relative)
			     : buf_add_str(&url, full);
	if (e == ERR_OK)
		e = metadata_send(s, "GET", url.data, field.len > 0 ? field.data : NULL, on_ecs);
	if (e != ERR_OK)
		fail(s, e, "the task's metadata service cannot be asked");
}

static const char *imds_address(const struct aws_source *s)
{
	return s->conf->metadata == NULL ? IMDS_ADDRESS : s->conf->metadata;
}

static void on_imds(void *ctx, const struct httpc_answer *a)
{
	struct aws_source *s = ctx;
	struct aws_credentials c = { .expires = WALL_NONE };

	if (has_failed(s, a, "the metadata service"))
		return;
	got(s, aws_read_metadata(a->body, &c), &c, "the metadata service");
}

/* The machine's role, on a line of its own. */
static void on_imds_role(void *ctx, const struct httpc_answer *a)
{
	struct aws_source *s = ctx;
	CLEANUP(buf_release) struct buf url;
	struct span role;
	enum err e;

	buf_init(&url, URL_MAX);
	if (has_failed(s, a, "the metadata service"))
		return;
	role = (struct span){ a->body.p, strcspn(a->body.p, "\r\n") };
	e = role.n == 0 || role.n > ROLE_MAX ? ERR_PARSE : ERR_OK;
	if (e == ERR_OK)
		e = buf_addf(&url, "%s%s", imds_address(s), IMDS_ROLES);
	if (e == ERR_OK)
		e = url_encode(role, &url);
	if (e == ERR_OK)
		e = metadata_send(s, "GET", url.data, secret_text(s->imds_field), on_imds);
	if (e != ERR_OK)
		fail(s, e, "the metadata service names no role");
}

static void on_imds_token(void *ctx, const struct httpc_answer *a)
{
	static const char prefix[] = "X-aws-ec2-metadata-token: ";
	struct aws_source *s = ctx;
	char url[512];
	enum err e;

	/* Without version 2 there is none: version 1 answers whoever makes us ask. */
	if (has_failed(s, a, "the metadata service, version 2"))
		return;
	s->imds_field = secret_room(sizeof(prefix) + a->body.n);
	e = secret_append(s->imds_field, prefix, sizeof(prefix) - 1);
	if (e == ERR_OK)
		e = secret_append(s->imds_field, a->body.p, a->body.n);
	snprintf(url, sizeof(url), "%s%s", imds_address(s), IMDS_ROLES);
	if (e == ERR_OK)
		e = metadata_send(s, "GET", url, secret_text(s->imds_field), on_imds_role);
	if (e != ERR_OK)
		fail(s, e, "the metadata service gives no token that can be shown");
}

static void imds_get(struct aws_source *s)
{
	char url[512];
	enum err e;

	snprintf(url, sizeof(url), "%s/latest/api/token", imds_address(s));
	e = metadata_send(
		s, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds: 300", on_imds_token);
	if (e != ERR_OK)
		fail(s, e, "the metadata service cannot be asked");
}

/* --- which of them --- */

static enum aws_method method_of(const struct aws_conf *c)
{
	if (c->method != AWS_AUTO)
		return c->method;
	if (c->key_id.place != SECRET_NONE)
		return AWS_STATIC;
	if (c->token_file != NULL || getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
		return AWS_WEB_IDENTITY;
	if (getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
		getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL)
		return AWS_ECS;
	return AWS_IMDS;
}

void aws_source_get(struct aws_source *s,
	void (*on_got)(void *ctx, struct aws_credentials *c, enum err e, const char *why),
	void *ctx)
{
	s->on_got = on_got;
	s->ctx = ctx;
	switch (method_of(s->conf)) {
	case AWS_STATIC: static_get(s); return;
	case AWS_WEB_IDENTITY: web_identity_get(s); return;
	case AWS_ECS: ecs_get(s); return;
	case AWS_AUTO:
	case AWS_IMDS: break;
	}
	imds_get(s);
}

void aws_source_cancel(struct aws_source *s)
{
	if (s->call != NULL)
		httpc_cancel(TAKE(s->call));
	forget(s);
}

/*
 * The addresses that these services have, and this host itself, where an agent may
 * stand in for them (as EKS Pod Identity does at 169.254.170.23).
 */
static void guard_make(struct aws_source *s)
{
	static const char *const places[] = { "169.254.169.254/32:80", "169.254.170.2/32:80",
		"169.254.170.23/32:80", "[fd00:ec2::254/128]:80" };
	const char *address = s->conf->metadata;
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *local = address != NULL ? address : full;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		IGNORE(egress_rule_parse(span_of(places[i]), &s->rule[n++]) != ERR_OK);
	if (local != NULL && strncmp(local, "http://127.0.0.1:", 17) == 0) {
		char rule[64];
		long port = strtol(local + 17, NULL, 10);

		snprintf(rule, sizeof(rule), "127.0.0.1/32:%ld", port);
		n += egress_rule_parse(span_of(rule), &s->rule[n]) == ERR_OK;
	}
	s->guard = (struct httpc_guard){ s->rule, n };
}

struct aws_source *aws_source_new(struct httpc *http, const struct aws_conf *conf)
{
	struct aws_source *s = xcalloc(1, sizeof(*s));

	*s = (struct aws_source){ .http = http, .conf = conf };
	guard_make(s);
	return s;
}

void aws_source_free(struct aws_source *s)
{
	if (s == NULL)
		return;
	aws_source_cancel(s);
	free(s);
}
