/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/token.h"

#include "io/secmem.h"
#include "model/catalog.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "secret/safe.h"

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

bool token_doubt(struct relay *r, const struct source *s, struct span entity)
{
	struct secret_vars vars = token_vars(r, entity);

	if (r->setup.safe == NULL || !secret_ref_is_remote(&s->token))
		return false;
	safe_fetch_doubt(r->setup.safe, &s->token, &vars);
	return true;
}
