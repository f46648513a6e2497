/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "io/yaml.h"
#include "model/agent.h"

/*
 * A token is judged by the one issuer that it names, so no two are called the
 * same; and what is a user's token must never be an agent's.
 */
static enum err issuer_check(struct conf_reader *r, size_t i)
{
	const struct conf *c = r->conf;
	const struct conf_issuer *issuer = &c->issuer[i];
	CLEANUP(freep) char *users = conf_access_issuer(c);

	if (users != NULL && strcmp(issuer->url, users) == 0)
		return conf_refuse(r, conf_item_node(r, "issuers", i, "url"),
			"issuer '%s' is who signs the tokens of Backstage's users", issuer->name);
	for (size_t j = 0; j < i; j++) {
		if (strcmp(c->issuer[j].url, issuer->url) == 0)
			return conf_refuse(r, conf_item_node(r, "issuers", i, "url"),
				"issuer '%s' has this url already", c->issuer[j].name);
	}
	return ERR_OK;
}

enum err conf_check_issuers(struct conf_reader *r)
{
	return conf_check_each(r, r->conf->issuers, issuer_check);
}

/* What is asked for twice hardly ever holds twice. */
static enum err claims_check(struct conf_reader *r, size_t i)
{
	char *const *claims = r->conf->agent[i].claims;
	const struct yaml_node *at = conf_item_node(r, "agents", i, "claims");

	for (size_t k = 0; claims[k] != NULL; k++) {
		struct span name = agent_claim_name(claims[k]);

		for (size_t j = 0; j < k; j++) {
			if (span_eq(agent_claim_name(claims[j]), name))
				return conf_refuse(r, conf_text_node(at, k),
					"claims has '%.*s' twice", SPAN_ARGS(name));
		}
	}
	return ERR_OK;
}

static enum err agent_check(struct conf_reader *r, size_t i)
{
	enum err e = conf_name_check(r, r->conf->agent[i].issuer, &conf_lists[CONF_ISSUERS],
		conf_item_node(r, "agents", i, "issuer"));

	return e == ERR_OK ? claims_check(r, i) : e;
}

enum err conf_check_agents(struct conf_reader *r)
{
	return conf_check_each(r, r->conf->agents, agent_check);
}
