/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/ingress.h"

#include <string.h>

#include "io/crypto.h"
#include "relay/intake.h"
#include "relay/refusal.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "travis/keys.h"
#include "travis/payload.h"
#include "travis/webhook.h"

#define HOOKS_PREFIX "/hooks/travis/"

/* src is NULL before it is known. */
static void refuse(struct relay *r, struct httpd_req *req, struct source *src,
	const struct httpd_problem *problem)
{
	const struct refusal what = {
		.action = "webhook.refuse",
		.source = src == NULL ? NULL : src->name,
	};

	if (src != NULL)
		src->refused++;
	relay_note_refusal(r, req, &what, problem);
	httpd_reply_problem(req, problem);
}

static struct source *source_of(struct relay *r, struct span path)
{
	struct span name;

	if (!span_starts(path, HOOKS_PREFIX))
		return NULL;
	name = (struct span){ path.p + strlen(HOOKS_PREFIX), path.n - strlen(HOOKS_PREFIX) };
	return relay_source(r, name);
}

static const struct httpd_problem *judge_media(struct httpd_req *req)
{
	static const struct httpd_problem teams = {
		.status = 415,
		.type = "teams-mode",
		.detail = "This is Travis CI's Microsoft Teams format, which carries no signature. "
			  "Remove 'msteams: true' from the webhook's entry in .travis.yml.",
	};
	static const struct httpd_problem media = {
		.status = 415,
		.type = "media-type",
		.detail = "A Travis CI webhook is application/x-www-form-urlencoded.",
	};

	if (httpd_req_media_is(req, "application/json"))
		return &teams;
	return httpd_req_media_is(req, "application/x-www-form-urlencoded") ? NULL : &media;
}

static const struct httpd_problem *judge_head(struct httpd_req *req, const struct source *src)
{
	static const struct httpd_problem not_found = {
		.status = 404,
		.type = "not-found",
		.detail = "Webhooks are received at /hooks/travis/{source} and "
			  "/hooks/catalog/{source}.",
	};
	static const struct httpd_problem unknown = {
		.status = 404,
		.type = "source-unknown",
		.detail = "No source of this name is configured.",
	};
	static const struct httpd_problem method = {
		.status = 405,
		.type = "method",
		.detail = "Webhooks are posted.",
		.fields = "Allow: POST\r\n",
	};
	static const struct httpd_problem unsigned_ = {
		.status = 401,
		.type = "signature-missing",
		.detail = "The request has no Signature field.",
		.fields = "WWW-Authenticate: Signature realm=\"travis\"\r\n",
	};
	static const struct httpd_problem signed_twice = {
		.status = 400,
		.type = "signature-malformed",
		.detail = "The request has more than one Signature field.",
	};
	const struct httpd_problem *media;

	if (!span_starts(httpd_req_path(req), HOOKS_PREFIX))
		return &not_found;
	if (src == NULL)
		return &unknown;
	if (!httpd_req_is_post(req))
		return &method;
	media = judge_media(req);
	if (media != NULL)
		return media;
	switch (httpd_req_field_count(req, "Signature")) {
	case 0: return &unsigned_;
	case 1: return NULL;
	default: return &signed_twice;
	}
}

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	struct relay *r = ctx;
	struct source *src = source_of(r, httpd_req_path(req));
	const struct httpd_problem *problem = judge_head(req, src);

	if (problem != NULL) {
		refuse(r, req, src, problem);
		return (struct httpd_verdict){ .refused = true };
	}
	return (struct httpd_verdict){ .body_max = src->body_max };
}

static const struct httpd_problem *check_signature(
	struct source *src, struct httpd_req *req, struct span payload, const char **fingerprint)
{
	static const struct httpd_problem no_keys = {
		.status = 503,
		.type = "keys-unavailable",
		.detail = "The instance's public key is not known yet.",
		.retry_after_s = 30,
	};
	static const struct httpd_problem malformed = {
		.status = 400,
		.type = "signature-malformed",
		.detail = "The Signature field is no base64 of a signature.",
	};
	static const struct httpd_problem wrong = {
		.status = 403,
		.type = "signature-wrong",
		.detail = "The signature does not verify with this source's keys.",
	};
	struct span signature;
	struct rsa_key *const *keys;
	size_t n, by;

	keys = travis_keys_live(src->keys, &n);
	if (n == 0) {
		travis_keys_doubt(src->keys);
		return &no_keys;
	}
	IGNORE(httpd_req_field(req, "Signature", &signature));
	switch (travis_webhook_verify(payload, signature, keys, n, &by)) {
	case ERR_OK: *fingerprint = rsa_key_fingerprint(keys[by]); return NULL;
	case ERR_PARSE: return &malformed;
	case ERR_AUTH:
	case ERR_IO:
	case ERR_LIMIT:
	case ERR_NOTFOUND:
	case ERR_BUSY: break;
	}
	travis_keys_doubt(src->keys);
	return &wrong;
}

/* What the signed text says about where it is from and for whom. */
static const struct httpd_problem *check_origin(const struct source *src, struct build *b)
{
	static const struct httpd_problem host = {
		.status = 403,
		.type = "host-mismatch",
		.detail = "The payload's build_url is not at this source's Travis CI instance.",
	};
	static const struct httpd_problem owner = {
		.status = 403,
		.type = "owner-not-allowed",
		.detail = "This source does not listen to the repository's owner.",
	};

	if (!travis_payload_is_from(b, src->host))
		return &host;
	b->host = span_of(src->host);
	return source_hears(src, b->owner) ? NULL : &owner;
}

static struct httpd_problem payload_problem(enum err e, const char *why)
{
	if (e == ERR_LIMIT)
		return (struct httpd_problem){ .status = 413, .type = "too-large", .detail = why };
	return (struct httpd_problem){ .status = 400, .type = "payload-malformed", .detail = why };
}

static void on_request(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem form = {
		.status = 400,
		.type = "form-malformed",
		.detail = "The body is no form with exactly one field 'payload'.",
	};
	struct relay *r = ctx;
	struct source *src = source_of(r, httpd_req_path(req));
	const struct httpd_problem *problem;
	struct intake_order order = { .source = src };
	CLEANUP(buf_release) struct buf payload;
	struct httpd_problem unreadable;
	const char *why = NULL;
	enum err e;

	buf_init(&payload, httpd_req_body(req).n);
	if (src == NULL) { /* a reload took it away while the body came */
		refuse(r, req, NULL, judge_head(req, NULL));
		return;
	}
	if (travis_webhook_decode(httpd_req_body(req), &payload) != ERR_OK) {
		refuse(r, req, src, &form);
		return;
	}
	problem = check_signature(src, req, buf_span(&payload), &order.key);
	if (problem != NULL) {
		refuse(r, req, src, problem);
		return;
	}
	build_init(&order.build);
	e = travis_payload_read(buf_span(&payload), &r->setup.author, &order.build, &why);
	if (e == ERR_OK) {
		problem = check_origin(src, &order.build);
	} else {
		unreadable = payload_problem(e, why);
		problem = &unreadable;
	}
	if (problem != NULL) {
		build_release(&order.build);
		refuse(r, req, src, problem);
		return;
	}
	sha256(buf_span(&payload), order.payload_sha256);
	intake_take(r, req, &order);
}

struct httpd_handler ingress_handler(struct relay *r)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = r };
}
