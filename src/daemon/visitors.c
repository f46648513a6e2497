/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/visitors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "conf/conf.h"
#include "daemon/issuers.h"
#include "io/crypto.h"
#include "io/httpd.h"
#include "io/issuer.h"
#include "model/agent.h"
#include "model/entity.h"
#include "relay/refusal.h"

#define PRINCIPAL_MAX 1024
#define TOKEN_MAX     2048
#define WORD_MAX      128

struct visitors {
	struct relay *relay;
	struct issuers *issuers;
	const struct conf *conf; /* whose agents are known */
};

/* A request whose token is being judged. */
struct asking {
	struct visitors *visitors;
	struct httpd_req *req;
	struct issuer *issuer;
	void (*on_known)(void *ctx, struct httpd_req *req, const struct visitor *who);
	void *ctx;
};

struct visitors *visitors_new(struct loop *l, struct httpc *http, struct relay *relay)
{
	struct visitors *v = xcalloc(1, sizeof(*v));

	v->issuers = issuers_new(l, http);
	v->relay = relay;
	return v;
}

void visitors_free(struct visitors *v)
{
	if (v == NULL)
		return;
	issuers_free(v->issuers);
	free(v);
}

void visitors_set(struct visitors *v, const struct conf *c)
{
	v->conf = c;
	issuers_set(v->issuers, c);
}

/* --- who is it? --- */

#define CHALLENGE "WWW-Authenticate: Bearer realm=\"stagewire\"\r\n"
#define REFUSED   "WWW-Authenticate: Bearer realm=\"stagewire\", error=\"invalid_token\"\r\n"

/* issuer is the name of the one that vouches for the token; NULL: nobody does, or the users'. */
static void refuse(struct visitors *v, struct httpd_req *req, const char *issuer,
	const char *reason, const struct httpd_problem *problem)
{
	const struct refusal what = {
		.action = "access.refuse",
		.reason = reason,
		.caller = issuer,
	};

	relay_note_refusal(v->relay, req, &what, problem);
	httpd_reply_problem(req, problem);
}

static void refuse_token(
	struct visitors *v, struct httpd_req *req, const char *issuer, const char *reason)
{
	char detail[128];
	const struct httpd_problem problem = {
		.status = 401,
		.type = "token-refused",
		.detail = detail,
		.fields = REFUSED,
	};

	snprintf(detail, sizeof(detail), "This token is not taken: %s.", reason);
	refuse(v, req, issuer, reason, &problem);
}

/* The issuer's keys are not to be had: it is not the asker's fault. */
static void refuse_for_now(struct visitors *v, struct httpd_req *req)
{
	const struct httpd_problem problem = {
		.status = 503,
		.type = "keys-missing",
		.detail = "The keys of this token's issuer cannot be fetched now.",
		.retry_after_s = 10,
	};

	refuse(v, req, NULL, "keys-missing", &problem);
}

/* Why not, or NULL: a user's ref, made canonical as all refs here are. */
static const char *user_read(const struct jwt *t, struct buf *principal)
{
	if (entity_ref_parse(t->subject, NULL, principal) == ERR_OK &&
		entity_ref_is_canonical(buf_span(principal)) &&
		span_is(entity_ref_kind(buf_span(principal)), "user"))
		return NULL;
	return "no-user";
}

/* Why not, or NULL: the one agent that is meant by these claims. */
static const char *agent_read(
	const struct visitors *v, const char *issuer, const struct jwt *t, struct buf *principal)
{
	const struct conf *c = v->conf;
	const struct agent *agent;
	size_t n = agents_find(c->agent, c->agents, issuer, t->claims, &agent);

	if (n == 0)
		return "no-agent";
	if (n > 1)
		return "several-agents";
	IGNORE(buf_addf(principal, AGENT_PREFIX "%s", agent->name) != ERR_OK);
	return NULL;
}

/* A word of a token's, which may be of any length and look like anything. */
static enum err word_add(struct buf *out, const char *name, struct span word)
{
	bool is_plain = word.n > 0 && word.n <= WORD_MAX;
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	for (size_t i = 0; is_plain && i < word.n; i++)
		is_plain = word.p[i] > ' ' && word.p[i] <= '~' && word.p[i] != '=';
	if (is_plain)
		return buf_addf(out, " %s=%.*s", name, SPAN_ARGS(word));
	sha256(word, digest);
	hex_encode(digest, sizeof(digest), hex);
	return buf_addf(out, " %s_sha256=%s", name, hex);
}

/*
 * Which token it was. One without an id is told by what is signed: the signature
 * has a twin that is as good, so it tells nothing.
 */
static void token_write(const struct jwt *t, struct buf *out)
{
	enum err e = buf_addf(out, "issuer=%.*s", SPAN_ARGS(t->issuer));

	if (e == ERR_OK)
		e = t->id.n > 0 ? word_add(out, "jti", t->id)
				: word_add(out, "token", t->signed_text);
	if (e == ERR_OK)
		e = word_add(out, "kid", t->kid);
	if (e == ERR_OK)
		e = buf_addf(out, " iat=%" PRId64, t->issued_s);
	IGNORE(e);
}

static void known(struct asking *a, const struct jwt *t)
{
	CLEANUP(buf_release) struct buf principal, token;
	struct visitors *v = a->visitors;
	const char *issuer = issuers_name(v->issuers, a->issuer), *why = "no-issuer";
	struct visitor who;
	int64_t age_s = clock_wall().ms / 1000 - t->issued_s;

	buf_init(&principal, PRINCIPAL_MAX);
	buf_init(&token, TOKEN_MAX);
	if (issuers_is_of_users(v->issuers, a->issuer))
		why = user_read(t, &principal);
	else if (issuer != NULL)
		why = agent_read(v, issuer, t, &principal);
	if (why != NULL) {
		refuse_token(v, a->req, issuer, why);
		return;
	}
	token_write(t, &token);
	who.principal = buf_span(&principal);
	who.token = buf_span(&token);
	who.token_age_ms = age_s > 0 ? age_s * 1000 : 0;
	a->on_known(a->ctx, a->req, &who);
}

static void on_judged(void *ctx, enum jwt_verdict verdict, const struct jwt *t)
{
	struct asking *a = ctx;
	struct visitors *v = a->visitors;

	if (t == NULL)
		refuse_token(v, a->req, NULL, "malformed");
	else if (verdict == JWT_GOOD)
		known(a, t);
	else if (verdict == JWT_UNKNOWN_KEY && issuer_status(a->issuer).keys == 0)
		refuse_for_now(v, a->req);
	else
		refuse_token(v, a->req, NULL, jwt_verdict_str(verdict));
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

/* Who must judge a token, by its own word; NULL with the reason if nobody can. */
static struct issuer *issuer_of(const struct visitors *v, struct span token, const char **why)
{
	CLEANUP(jwt_release) struct jwt t;
	struct issuer *issuer;
	enum err e;

	jwt_init(&t);
	e = jwt_read(token, &t);
	*why = e == ERR_LIMIT ? "too-long" : "malformed";
	if (e != ERR_OK)
		return NULL;
	issuer = issuers_find(v->issuers, t.issuer);
	*why = "no-issuer";
	return issuer;
}

void visitors_ask(struct visitors *v, struct httpd_req *req,
	void (*on_known)(void *ctx, struct httpd_req *req, const struct visitor *who), void *ctx)
{
	static const struct httpd_problem missing = {
		.status = 401,
		.type = "token-missing",
		.detail = "This needs the token of a user of Backstage, or of an agent.",
		.fields = CHALLENGE,
	};
	struct issuer *issuer;
	const char *why;
	struct asking *a;
	struct span token;

	if (!bearer_of(req, &token)) {
		refuse(v, req, NULL, missing.type, &missing);
		return;
	}
	issuer = issuer_of(v, token, &why);
	if (issuer == NULL) {
		refuse_token(v, req, NULL, why);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct asking){ v, req, issuer, on_known, ctx };
	issuer_judge(issuer, token, on_judged, a);
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
