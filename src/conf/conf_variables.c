/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_table.h"

static enum err source_check(struct conf_reader *r, size_t i)
{
	const struct variable *v = &r->conf->variable[i];

	if (conf_serves_api(r->conf, v->source))
		return ERR_OK;
	if (v->source == NULL)
		return conf_refuse(r, conf_item_node(r, "variables", i, ""),
			"variable '%s' needs a source with an api_url", v->name);
	return conf_refuse(r, conf_item_node(r, "variables", i, "source"),
		"there is no source '%s' with an api_url", v->source);
}

/* Only what a provider has had has a value before. */
static enum err previous_check(struct conf_reader *r, size_t i)
{
	const struct variable *v = &r->conf->variable[i];

	if (v->previous == NULL)
		return ERR_OK;
	if (strcmp(v->previous, v->variable) == 0)
		return conf_refuse(r, conf_item_node(r, "variables", i, "previous"),
			"previous must be another name than variable");
	if (!secret_ref_is_remote(&v->value))
		return conf_refuse(r, conf_item_node(r, "variables", i, "previous"),
			"previous needs a value that a provider in 'secrets' has");
	return ERR_OK;
}

static enum err variable_check(struct conf_reader *r, size_t i)
{
	const struct variable *v = &r->conf->variable[i];
	enum err e;

	if (v->value.place == SECRET_NONE)
		return conf_refuse(r, conf_item_node(r, "variables", i, ""),
			"variable '%s' needs a 'value'", v->name);
	/* A secret goes nowhere by an oversight. */
	if (!policy_rule_chooses(&v->of))
		return conf_refuse(r, conf_item_node(r, "variables", i, ""),
			"variable '%s' needs an 'entity' that says which entities have it",
			v->name);
	e = previous_check(r, i);
	return e == ERR_OK ? source_check(r, i) : e;
}

enum err conf_check_variables(struct conf_reader *r)
{
	return conf_check_each(r, r->conf->variables, variable_check);
}
