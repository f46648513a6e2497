/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides by model/policy.h what tests/system/test_policy.py asks, a line each, its fields parted by
 * tabs, lists by commas, "-" for none:
 *
 *	E ref parents owners lifecycle tags	an entity
 *	R name effect actions owner groups principals kinds namespaces names lifecycles
 *	  lifecycles_not tags branches overrides token_max_ms behalf	a rule
 *	Q action principal behalf ref branch overrides token_age_ms catalog_age_ms	a question
 *	.	forget all of it
 *
 * Each question is answered with the reason and the rule's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "model/catalog.h"
#include "model/policy.h"

#define FIELDS_MAX 24
#define RULES_MAX  64
#define AGE_MAX_MS INT64_C(900000)

static struct catalog *catalog;
static struct policy_rule rule[RULES_MAX];
static size_t rules;

static bool is_none(const char *text)
{
	return strcmp(text, "-") == 0;
}

static struct span text_of(const char *text)
{
	return is_none(text) ? (struct span){ NULL, 0 } : span_of(text);
}

static char **list_of(char *text)
{
	char **list, *at;
	size_t n = 0;

	if (is_none(text))
		return NULL;
	list = xcalloc(strlen(text) + 2, sizeof(*list));
	for (char *item = strtok_r(text, ",", &at); item != NULL; item = strtok_r(NULL, ",", &at))
		list[n++] = xstrdup(item);
	return list;
}

static size_t spans_of(char *text, struct span *out)
{
	size_t n = 0;
	char *at;

	if (is_none(text))
		return 0;
	for (char *item = strtok_r(text, ",", &at); item != NULL && n < ENTITY_LINKS_MAX;
		item = strtok_r(NULL, ",", &at))
		out[n++] = span_of(item);
	return n;
}

static void add_entity(char **f)
{
	struct entity e = { .ref = span_of(f[1]), .lifecycle = text_of(f[4]) };

	e.parents = spans_of(f[2], e.parent);
	e.owners = spans_of(f[3], e.owner);
	e.tags = spans_of(f[5], e.tag);
	if (catalog_put(catalog, &e) != ERR_OK)
		exit(EXIT_FAILURE);
}

static void add_rule(char **f)
{
	rule[rules++] = (struct policy_rule){
		.id = xstrdup(f[1]),
		.effect = xstrdup(f[2]),
		.action = list_of(f[3]),
		.owner = f[4][0] == '1',
		.group = list_of(f[5]),
		.principal = list_of(f[6]),
		.kind = list_of(f[7]),
		.space = list_of(f[8]),
		.name = list_of(f[9]),
		.lifecycle = list_of(f[10]),
		.lifecycle_not = list_of(f[11]),
		.tag = list_of(f[12]),
		.branch = list_of(f[13]),
		.overrides = f[14][0] == '1',
		.token_age_max_ms = atoll(f[15]),
		.behalf = f[16][0] == '1',
	};
}

static void answer(char **f)
{
	const struct policy p = { rule, rules, AGE_MAX_MS };
	struct entity e;
	struct access a = {
		.principal = span_of(f[2]),
		.behalf = text_of(f[3]),
		.entity = &e,
		.branch = text_of(f[5]),
		.overrides = f[6][0] == '1',
		.token_age_ms = atoll(f[7]),
		.catalog_age_ms = atoll(f[8]),
	};
	struct decision d;

	if (access_action_parse(span_of(f[1]), &a.action) != ERR_OK ||
		!catalog_get(catalog, span_of(f[4]), &e))
		exit(EXIT_FAILURE);
	d = policy_decide(&p, &a, catalog);
	printf("%s\t%s\n", policy_reason_str(d.reason), d.rule == NULL ? "-" : d.rule->id);
}

static void forget(void)
{
	catalog_free(catalog);
	catalog = catalog_new();
	while (rules > 0)
		policy_rule_release(&rule[--rules]);
}

int main(void)
{
	char *line = NULL, *field[FIELDS_MAX], *at;
	size_t room = 0;

	catalog = catalog_new();
	while (getline(&line, &room, stdin) > 0) {
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		for (char *f = strtok_r(line, "\t", &at); f != NULL && n < FIELDS_MAX;
			f = strtok_r(NULL, "\t", &at))
			field[n++] = f;
		switch (line[0]) {
		case 'E': add_entity(field); break;
		case 'R': add_rule(field); break;
		case 'Q': answer(field); break;
		default: forget(); break;
		}
	}
	forget();
	catalog_free(catalog);
	free(line);
	return EXIT_SUCCESS;
}
