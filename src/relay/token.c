/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/token.h"

#include <inttypes.h>

#include "base/log.h"
#include "io/loop.h"
#include "io/secmem.h"
#include "model/catalog.h"
#include "relay/budget.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "secret/safe.h"
#include "travis/api.h"

struct secret_vars token_vars(const struct relay *r, struct span entity)
{
	struct secret_vars v = {
		.kind = entity_ref_kind(entity),
		.namespace = entity_ref_namespace(entity),
		.name = entity_ref_name(entity),
	};
	struct entity e;

	if (r->catalog != NULL && catalog_get(r->catalog, entity, &e) && e.owners > 0) {
		v.owner_kind = entity_ref_kind(e.owner[0]);
		v.owner_namespace = entity_ref_namespace(e.owner[0]);
		v.owner_name = entity_ref_name(e.owner[0]);
	}
	return v;
}

enum err token_fetch(struct relay *r, const struct source *s, struct span entity,
	void (*on_token)(void *ctx, const struct secret *token, enum err e, const char *why),
	void *ctx, struct safe_wait **wait, char **why)
{
	struct secret_vars vars = token_vars(r, entity);
	struct safe *safe = r->setup.safe;
	struct secret *token = NULL;
	enum err e;

	if (secret_ref_is_remote(&s->token)) {
		e = safe == NULL ? ERR_NOTFOUND
				 : safe_fetch(safe, &s->token, &vars, on_token, ctx, wait);
		if (e != ERR_OK)
			*why = xstrdup("no token can be kept for this entity");
		return e;
	}
	e = secret_fetch(&s->token, &token, why);
	if (e == ERR_OK)
		on_token(ctx, token, ERR_OK, NULL);
	secret_free(token);
	return e;
}

struct secret *token_known(struct relay *r, const struct source *s, struct span entity)
{
	CLEANUP(freep) char *why = NULL;
	struct secret_vars vars = token_vars(r, entity);
	struct secret *token = NULL;

	if (secret_ref_is_remote(&s->token))
		return r->setup.safe == NULL ? NULL : safe_known(r->setup.safe, &s->token, &vars);
	IGNORE(secret_fetch(&s->token, &token, &why) != ERR_OK);
	return token;
}

void token_heed(struct relay *r, const struct budget_name *token, struct span source,
	struct span entity, const struct travis_reply *reply)
{
	struct travis_limit limit;

	if (reply->answer != TRAVIS_LIMITED || travis_limit_read(reply, &limit) == ERR_OK)
		return;
	budget_ban(r->budget, token, loop_now(r->loop), reply->wait_ms);
	log_warning("travis.limit", "source=%.*s entity=%.*s wait_s=%" PRId64 " why=\"%s\"",
		SPAN_ARGS(source), SPAN_ARGS(entity), reply->wait_ms / 1000, reply->why);
}

bool token_doubt(struct relay *r, const struct source *s, struct span entity)
{
	struct secret_vars vars = token_vars(r, entity);

	if (r->setup.safe == NULL || !secret_ref_is_remote(&s->token))
		return false;
	safe_fetch_doubt(r->setup.safe, &s->token, &vars);
	return true;
}
