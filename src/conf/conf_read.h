/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"

struct conf;
struct conf_list;
struct conf_option;
struct suggestion;
struct yaml_node;

/* One reading of a configuration: from a tree of YAML into a struct conf. */
struct conf_reader {
	const char *name;             /* the file's, for messages */
	const struct yaml_node *root; /* NULL: the file is empty */
	struct conf *conf;
	char *why; /* the first thing that is wrong */
};

/* Keep "name:line:column: message" and return ERR_PARSE. at may be NULL: the beginning. */
MUST_CHECK enum err conf_refuse(
	struct conf_reader *r, const struct yaml_node *at, const char *fmt, ...) PRINTF(3, 4);

/* "a" or "an". */
const char *conf_article(const char *noun);

#define CONF_QUOTE_MAX 72

/* Foreign text for a message: in quotes, unprintable bytes replaced, cut. Returns out. */
const char *conf_quote(const char *text, char out[CONF_QUOTE_MAX]);

/* Read every key of the file into its field, by the table. */
MUST_CHECK enum err conf_read(struct conf_reader *r);

/* Read one value into its field of the struct at base. */
MUST_CHECK enum err conf_value_read(struct conf_reader *r, const struct conf_option *o,
	const struct yaml_node *node, void *base);

/* Set a field, which must be empty, to its default, if there is one. */
void conf_value_default(const struct conf_option *o, void *base);

/* Check what no row alone can tell. */
MUST_CHECK enum err conf_check(struct conf_reader *r);

/* conf_variables.c: the same of what is kept in repositories' settings. */
MUST_CHECK enum err conf_check_variables(struct conf_reader *r);

/* conf_secrets.c: the same of providers of secrets, and of references to them. */
MUST_CHECK enum err conf_check_providers(struct conf_reader *r);
MUST_CHECK enum err conf_check_refs(struct conf_reader *r);

/* conf_agents.c: of who acts by ID tokens. */
MUST_CHECK enum err conf_check_issuers(struct conf_reader *r);
MUST_CHECK enum err conf_check_agents(struct conf_reader *r);

/* Is there an item of that name? The message, at that node, suggests the nearest. */
MUST_CHECK enum err conf_name_check(struct conf_reader *r, const char *name,
	const struct conf_list *list, const struct yaml_node *at);

/* The node of one text of a list. One text alone stands for a list of one. */
const struct yaml_node *conf_text_node(const struct yaml_node *node, size_t i);

/* The node of "section.key", or of the section, or the root: where a message points. */
const struct yaml_node *conf_node_of(
	const struct conf_reader *r, const char *section, const char *key);

/* The node of an item of a list, or of its key. */
const struct yaml_node *conf_item_node(
	const struct conf_reader *r, const char *list, size_t i, const char *key);

/* Refuse a key that nobody knows; what is known was offered to known. */
MUST_CHECK enum err conf_refuse_key(
	struct conf_reader *r, const struct yaml_node *key, const struct suggestion *known);

/* Check each of n items of a list, up to the first that is refused. */
MUST_CHECK enum err conf_check_each(
	struct conf_reader *r, size_t n, enum err (*check)(struct conf_reader *r, size_t i));

#endif
