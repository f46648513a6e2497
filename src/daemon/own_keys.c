/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/own_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/key_file.h"
#include "backstage/identity.h"
#include "conf/conf.h"
#include "io/signing.h"

#define JWKS_PATH "/.well-known/jwks.json"
#define JWKS_MAX  4096
#define RETRY_MS  60000

struct own_keys {
	struct identity *identity;
	char *newest, *older; /* paths */
	bool minting;
	struct wall retry; /* after a failure, not before */
};

static enum err key_add(struct own_keys *k, const char *path, struct wall now, char **why)
{
	struct signing_key *key;
	struct wall made;
	enum err e = audit_key_load_dated(path, now, &key, &made, why);

	if (e == ERR_OK)
		identity_add_key(k->identity, key, made);
	return e;
}

enum err own_keys_open(const struct conf *c, struct wall now, struct own_keys **out, char **why)
{
	struct own_keys *k = xcalloc(1, sizeof(*k));
	enum err e = ERR_OK;

	k->identity = identity_new();
	k->newest = conf_beside_store(c, "identity.key");
	k->older = conf_beside_store(c, "identity-old.key");
	if (access(k->older, F_OK) == 0)
		e = key_add(k, k->older, now, why);
	if (e == ERR_OK)
		e = key_add(k, k->newest, now, why);
	if (e != ERR_OK) {
		own_keys_free(k);
		return e;
	}
	own_keys_reload(k, c);
	*out = k;
	return ERR_OK;
}

void own_keys_free(struct own_keys *k)
{
	if (k == NULL)
		return;
	identity_free(k->identity);
	free(k->newest);
	free(k->older);
	free(k);
}

void own_keys_reload(struct own_keys *k, const struct conf *c)
{
	const struct identity_conf conf = {
		.issuer = c->identity_issuer,
		.audience = c->identity_audience,
		.subject = c->identity_subject,
		.lifetime_ms = c->identity_lifetime_ms,
		.overlap_ms = c->identity_overlap_ms,
		.rotate_ms = c->identity_rotate_ms,
	};

	k->minting = c->identity_issuer != NULL;
	identity_set_conf(k->identity, &conf);
}

struct own_keys_status own_keys_status(const struct own_keys *k, const struct conf *c)
{
	const struct wall made = identity_newest_made(k->identity);

	return (struct own_keys_status){
		.minting = k->minting,
		.key = identity_newest(k->identity),
		.made = made,
		.next = { made.ms + c->identity_rotate_ms },
		.signing = identity_signer(k->identity, clock_wall()),
	};
}

struct identity *own_keys_identity(struct own_keys *k)
{
	return k != NULL && k->minting ? k->identity : NULL;
}

/* A crash between the two steps leaves the old key, and the next start makes the new one. */
static enum err keys_rotate(struct own_keys *k, struct wall now, char **why)
{
	enum err e;

	if (rename(k->newest, k->older) != 0 && errno != ENOENT) {
		if (asprintf(why, "%s: cannot be renamed: %s", k->newest, strerror(errno)) < 0)
			out_of_memory();
		return ERR_IO;
	}
	e = key_add(k, k->newest, now, why);
	if (e != ERR_OK)
		IGNORE(rename(k->older, k->newest) != 0);
	return e;
}

enum err own_keys_tick(struct own_keys *k, struct wall now, const char **name, char **why)
{
	enum err e;

	*name = NULL;
	if (!k->minting || now.ms < k->retry.ms || !identity_is_due(k->identity, now))
		return ERR_OK;
	e = keys_rotate(k, now, why);
	if (e == ERR_OK)
		*name = identity_newest(k->identity);
	else
		k->retry.ms = now.ms + RETRY_MS;
	return e;
}

/* --- the JWKS --- */

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem missing = {
		.status = 404,
		.type = "not-found",
		.detail = "There is nothing here.",
	};
	static const struct httpd_problem method = {
		.status = 405,
		.type = "method",
		.detail = "This is read with GET.",
		.fields = "Allow: GET\r\n",
	};
	bool found = span_is(httpd_req_path(req), JWKS_PATH);

	(void)ctx;
	if (found && !httpd_req_is_post(req))
		return (struct httpd_verdict){ .body_max = 0 };
	httpd_reply_problem(req, found ? &method : &missing);
	return (struct httpd_verdict){ .refused = true };
}

/* Kept for a minute at most, which is less than a new key waits before it signs. */
static void on_request(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem broken = {
		.status = 500,
		.type = "too-large",
		.detail = "The answer is too large.",
	};
	struct own_keys *k = ctx;
	CLEANUP(buf_release) struct buf page;
	struct httpd_answer answer = {
		.status = 200,
		.content_type = "application/jwk-set+json",
		.fields = "Cache-Control: public, max-age=60\r\n",
	};

	buf_init(&page, JWKS_MAX);
	if (identity_jwks(k->identity, clock_wall(), &page) != ERR_OK) {
		httpd_reply_problem(req, &broken);
		return;
	}
	answer.body = buf_span(&page);
	httpd_reply(req, &answer);
}

struct httpd_handler own_keys_handler(struct own_keys *k)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = k };
}
