/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "secret/aws.h"
#include "secret/provider.h"
#include "secret/safe.h"
#include "secret/vault.h"

/* The form of a word has been checked: it is one of the list. */
static unsigned word_place(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(word, words[i]) == 0)
			return (unsigned)i;
	}
	return 0;
}

static struct provider *vault_open(
	struct loop *l, struct httpc *http, const struct conf_provider *p)
{
	static const char *const methods[] = {
		[VAULT_APPROLE] = "approle",
		[VAULT_JWT] = "jwt",
		[VAULT_TOKEN] = "token",
	};
	const struct vault_conf conf = {
		.name = p->name,
		.address = p->address,
		.namespace = p->namespace,
		.mount = p->mount,
		.method = word_place(p->auth, methods, ARRAY_SIZE(methods)),
		.auth_mount = p->auth_mount,
		.role = p->role,
		.role_id = p->role_id,
		.secret_id = p->secret_id,
		.jwt = p->jwt,
		.token = p->token,
		.wrapped = p->wrapped,
		.ca = p->ca,
		.timeout_ms = p->timeout_ms,
		.refresh_ms = p->refresh_ms,
		.overlap_ms = p->overlap_ms,
		.grace_ms = p->grace_ms,
	};

	return vault_new(l, http, &conf);
}

static struct provider *aws_open(struct loop *l, struct httpc *http, const struct conf_provider *p)
{
	static const char *const methods[] = {
		[AWS_STATIC] = "static",
		[AWS_WEB_IDENTITY] = "web-identity",
		[AWS_ECS] = "ecs",
		[AWS_IMDS] = "imds",
		[AWS_AUTO] = "auto",
	};
	const struct aws_conf conf = {
		.name = p->name,
		.region = p->region,
		.address = p->address,
		.method = word_place(p->credentials, methods, ARRAY_SIZE(methods)),
		.key_id = p->access_key_id,
		.key = p->secret_access_key,
		.session_token = p->session_token,
		.role_arn = p->role_arn,
		.token_file = p->token_file,
		.sts = p->sts,
		.metadata = p->metadata,
		.ca = p->ca,
		.timeout_ms = p->timeout_ms,
		.refresh_ms = p->refresh_ms,
		.overlap_ms = p->overlap_ms,
		.grace_ms = p->grace_ms,
	};

	return aws_new(l, http, &conf);
}

struct safe *secrets_open(const struct conf *c, struct httpc *http, const struct safe_needs *needs)
{
	struct safe *s;

	if (c->providers == 0)
		return NULL;
	s = safe_new(needs);
	for (size_t i = 0; i < c->providers; i++) {
		const struct conf_provider *p = &c->provider[i];

		if (strcmp(p->type, "vault") == 0)
			safe_add_provider(s, vault_open(needs->loop, http, p));
		else
			safe_add_provider(s, aws_open(needs->loop, http, p));
	}
	return s;
}

bool secrets_are_same(const struct conf *a, const struct conf *b)
{
	if (a->providers != b->providers)
		return false;
	for (size_t i = 0; i < a->providers; i++) {
		if (!conf_item_is_same(CONF_PROVIDERS, &a->provider[i], &b->provider[i]))
			return false;
	}
	return true;
}

bool secrets_are_remote(const struct conf *c)
{
	size_t n;
	const struct secret_ref **refs = conf_refs(c, &n);
	bool remote = false;

	for (size_t i = 0; i < n; i++)
		remote |= secret_ref_is_remote(refs[i]);
	free(refs);
	return remote;
}

static void list_doubt(struct safe *s, const struct secret_ref *refs)
{
	for (; refs != NULL && refs->place != SECRET_NONE; refs++)
		safe_doubt(s, refs);
}

void secrets_doubt(struct safe *s, const struct conf *c, const char *sink)
{
	if (sink == NULL) {
		safe_doubt(s, &c->backstage_token);
		return;
	}
	for (size_t i = 0; i < c->sinks; i++) {
		if (strcmp(c->sink[i].name, sink) != 0)
			continue;
		safe_doubt(s, &c->sink[i].token);
		list_doubt(s, c->sink[i].secrets);
		list_doubt(s, c->sink[i].secret_headers);
	}
}
