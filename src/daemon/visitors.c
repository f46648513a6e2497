/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/visitors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "daemon/conf.h"
#include "io/httpd.h"
#include "io/issuer.h"
#include "model/entity.h"
#include "relay/refusal.h"

#define USER_TOKEN    "vnd.backstage.user"
#define FETCH_MS      10000
#define PRINCIPAL_MAX 1024

struct visitors {
	struct loop *loop;
	struct httpc *http;
	struct relay *relay;
	struct issuer *users; /* Backstage; NULL: not configured */
	char *issuer, *keys_url;
};

/* A request whose token is being judged. */
struct asking {
	struct visitors *visitors;
	struct httpd_req *req;
	void (*on_known)(void *ctx, struct httpd_req *req, const struct visitor *who);
	void *ctx;
};

struct visitors *visitors_new(struct loop *l, struct httpc *http, struct relay *relay)
{
	struct visitors *v = xcalloc(1, sizeof(*v));

	v->loop = l;
	v->http = http;
	v->relay = relay;
	return v;
}

static void visitors_forget(struct visitors *v)
{
	issuer_free(v->users);
	free(v->issuer);
	free(v->keys_url);
	v->users = NULL;
	v->issuer = v->keys_url = NULL;
}

void visitors_free(struct visitors *v)
{
	if (v == NULL)
		return;
	visitors_forget(v);
	free(v);
}

/* What is given, or base with the tail that Backstage has there. */
static char *url_of(const char *given, const char *base, const char *tail)
{
	char *url;

	if (given != NULL || base == NULL)
		return given == NULL ? NULL : xstrdup(given);
	if (asprintf(&url, "%s%s", base, tail) < 0)
		out_of_memory();
	return url;
}

/* Keys that were fetched stay if nothing about them has changed. */
static bool is_carried(const struct visitors *v, const char *issuer, const char *keys_url,
	enum jws_alg alg, const char *audience)
{
	const struct jwt_rules *now = v->users == NULL ? NULL : issuer_rules(v->users);

	return now != NULL && text_same(v->issuer, issuer) && text_same(v->keys_url, keys_url) &&
	       now->alg == alg && strcmp(now->audience, audience) == 0;
}

void visitors_set(struct visitors *v, const struct conf *c)
{
	char *issuer = url_of(c->access_issuer, c->backstage_url, "/api/auth");
	char *keys_url = url_of(c->access_keys_url, issuer, "/.well-known/jwks.json");
	struct issuer_conf conf = {
		.rules = { .type = USER_TOKEN, .issuer = issuer, .audience = c->access_audience },
		.keys_url = keys_url,
		.timeout_ms = FETCH_MS,
		.refetch_min_ms = c->access_key_refetch_ms,
	};

	IGNORE(jws_alg_parse(span_of(c->access_algorithm), &conf.rules.alg) != ERR_OK);
	if (is_carried(v, issuer, keys_url, conf.rules.alg, c->access_audience)) {
		free(issuer);
		free(keys_url);
		return;
	}
	visitors_forget(v);
	v->issuer = issuer;
	v->keys_url = keys_url;
	/* Nobody comes where nobody is listened to. */
	if (issuer != NULL && c->listen_api != NULL)
		v->users = issuer_new(v->loop, v->http, &conf);
}

/* --- who is it? --- */

#define CHALLENGE "WWW-Authenticate: Bearer realm=\"stagewire\"\r\n"
#define REFUSED   "WWW-Authenticate: Bearer realm=\"stagewire\", error=\"invalid_token\"\r\n"

static void refuse(struct visitors *v, struct httpd_req *req, const char *reason,
	const struct httpd_problem *problem)
{
	const struct refusal what = { .action = "access.refuse", .reason = reason };

	relay_note_refusal(v->relay, req, &what, problem);
	httpd_reply_problem(req, problem);
}

static void refuse_token(struct visitors *v, struct httpd_req *req, const char *reason)
{
	char detail[128];
	const struct httpd_problem problem = {
		.status = 401,
		.type = "token-refused",
		.detail = detail,
		.fields = REFUSED,
	};

	snprintf(detail, sizeof(detail), "This token is not taken: %s.", reason);
	refuse(v, req, reason, &problem);
}

/* The issuer's keys are not to be had: it is not the asker's fault. */
static void refuse_for_now(struct visitors *v, struct httpd_req *req)
{
	const struct httpd_problem problem = {
		.status = 503,
		.type = "keys-missing",
		.detail = "The keys of Backstage's tokens cannot be fetched now.",
		.retry_after_s = 10,
	};

	refuse(v, req, "keys-missing", &problem);
}

/* A user's ref, made canonical as all refs here are. */
static bool user_read(struct span subject, struct buf *ref)
{
	return entity_ref_parse(subject, NULL, ref) == ERR_OK &&
	       entity_ref_is_canonical(buf_span(ref)) &&
	       span_is(entity_ref_kind(buf_span(ref)), "user");
}

static void known(struct asking *a, const struct jwt *t)
{
	CLEANUP(buf_release) struct buf ref;
	struct visitor who;
	int64_t age_s = clock_wall().ms / 1000 - t->issued_s;

	buf_init(&ref, PRINCIPAL_MAX);
	if (!user_read(t->subject, &ref)) {
		refuse_token(a->visitors, a->req, "no-user");
		return;
	}
	who.principal = buf_span(&ref);
	who.token_age_ms = age_s > 0 ? age_s * 1000 : 0;
	a->on_known(a->ctx, a->req, &who);
}

static void on_judged(void *ctx, enum jwt_verdict verdict, const struct jwt *t)
{
	struct asking *a = ctx;
	struct visitors *v = a->visitors;

	if (t == NULL)
		refuse_token(v, a->req, "malformed");
	else if (verdict == JWT_GOOD)
		known(a, t);
	else if (verdict == JWT_UNKNOWN_KEY && issuer_status(v->users).keys == 0)
		refuse_for_now(v, a->req);
	else
		refuse_token(v, a->req, jwt_verdict_str(verdict));
	free(a);
}

/* RFC 6750, section 2.1: the scheme in any case, one blank, the token. */
static bool bearer_of(const struct httpd_req *req, struct span *token)
{
	static const char scheme[] = "Bearer ";
	size_t n = sizeof(scheme) - 1;

	if (httpd_req_field_count(req, "Authorization") != 1 ||
		!httpd_req_field(req, "Authorization", token) || token->n <= n ||
		strncasecmp(token->p, scheme, n) != 0)
		return false;
	token->p += n;
	token->n -= n;
	return true;
}

void visitors_ask(struct visitors *v, struct httpd_req *req,
	void (*on_known)(void *ctx, struct httpd_req *req, const struct visitor *who), void *ctx)
{
	static const struct httpd_problem missing = {
		.status = 401,
		.type = "token-missing",
		.detail = "This needs the token of a user of Backstage.",
		.fields = CHALLENGE,
	};
	struct asking *a;
	struct span token;

	if (!bearer_of(req, &token)) {
		refuse(v, req, missing.type, &missing);
		return;
	}
	if (v->users == NULL) {
		refuse_token(v, req, "no-issuer");
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct asking){ v, req, on_known, ctx };
	issuer_judge(v->users, token, on_judged, a);
}

bool visitors_expect(const struct httpd_req *req)
{
	struct span token;
	size_t dots = 0;

	if (!bearer_of(req, &token))
		return false;
	for (size_t i = 0; i < token.n; i++)
		dots += token.p[i] == '.';
	return dots == 2;
}
