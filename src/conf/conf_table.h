/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CONF_TABLE_H
#define CONF_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "conf/conf.h"
#include "conf/conf_form.h"
#include "conf/conf_number.h"

/* What an option's value is in the file, and in brackets what its field is. */
enum conf_type {
	CONF_TEXT,     /* one text [char *] */
	CONF_TEXTS,    /* a list of texts, or one alone [char **, ended by NULL] */
	CONF_LEVEL,    /* a word [enum log_level] */
	CONF_INTEGER,  /* [int64_t or size_t, as all numbers] */
	CONF_SIZE,     /* bytes: 512, 64KiB */
	CONF_DURATION, /* milliseconds: 500ms, 1m */
	CONF_MODE,     /* permissions: "0660" */
	CONF_BOOL,     /* true or false [bool] */
	CONF_SECRET,   /* a reference [struct secret_ref] */
	CONF_SECRETS,  /* a list of them, or one [struct secret_ref *, ended by an empty one] */
};

/*
 * A row of the table. A name is the path of keys: "http.idle_timeout", or
 * "sinks[].path" in each item of a list, and field is then within the item.
 * Default and bounds are written as in the file. A text or list without default
 * is NULL when it is not given, unless it is required.
 */
struct conf_option {
	const char *name;
	enum conf_type type;
	const struct conf_form *form; /* what the texts must look like */
	size_t field, width;
	const char *dflt;         /* of a list, its one item */
	const char *min, *max;    /* of a number */
	const char *const *kinds; /* the types of item it belongs to; NULL: all */
	const char *with;         /* the option beside which it means something; or NULL */
	bool required;
	bool of_entity;   /* of a secret: its path may have an entity's variables */
	bool reload;      /* SIGHUP can change it; always so in lists */
	const char *text; /* one line of help */
};

/* A list of items that each have options of their own. */
struct conf_list {
	const char *prefix; /* "sources[]." */
	const char *noun;
	bool strict;         /* a section that is empty is refused: it would mean everything */
	size_t array, count; /* fields of struct conf */
	size_t size;         /* of an item */
};

#define CONF_ITEMS_MAX 256 /* of each list */
#define CONF_NAME_MAX  64  /* bytes of an option's name, and a NUL */

/* Places in conf_lists. */
enum {
	CONF_SOURCES,
	CONF_SINKS,
	CONF_ROUTES,
	CONF_POLICY,
	CONF_VARIABLES,
	CONF_CREDENTIALS,
	CONF_PROVIDERS,
	CONF_ISSUERS,
	CONF_AGENTS,
};

extern const struct conf_option conf_options[];
extern const size_t conf_options_n;
extern const struct conf_list conf_lists[];
extern const size_t conf_lists_n;

/* The row of this name, or NULL. */
const struct conf_option *conf_option_find(const char *name);

/* Is it in the section: does its name go on from the prefix, with no item between? */
bool conf_option_is_below(const struct conf_option *o, const char *prefix);

/* Does it belong to items of this type? Yes to any if kind is NULL. */
bool conf_option_applies(const struct conf_option *o, const char *kind);

/* The name as people write it: without the list it is in. */
const char *conf_option_label(const struct conf_option *o);

/* The items of a list in c. */
void *conf_list_item(const struct conf_list *l, const struct conf *c, size_t i);
size_t conf_list_count(const struct conf_list *l, const struct conf *c);

/* Give c n empty items, where it has none yet. */
void conf_list_set(const struct conf_list *l, struct conf *c, size_t n);

/* Free its items and what they own. */
void conf_list_free(const struct conf_list *l, struct conf *c);

/* The value of an item's own "name" or "type"; NULL if there is none. */
const char *conf_item_text(const struct conf_list *l, const void *item, const char *key);

/* Do two items of a list (CONF_SINKS) say the same? Secrets count by where they lie. */
bool conf_item_is_same(unsigned list, const void *a, const void *b);

/* Read a field of the struct at base by its row. What is pointed at is borrowed. */
char *conf_text(const struct conf_option *o, const void *base);
char **conf_texts(const struct conf_option *o, const void *base);
struct secret_ref conf_secret(const struct conf_option *o, const void *base);
struct secret_ref *conf_secrets(const struct conf_option *o, const void *base);
int64_t conf_number(const struct conf_option *o, const void *base);

/* Write it. Pointers are taken; what was there before is freed. */
void conf_set_text(const struct conf_option *o, void *base, char *text);
void conf_set_texts(const struct conf_option *o, void *base, char **texts);
void conf_set_secret(const struct conf_option *o, void *base, struct secret_ref r);
void conf_set_secrets(const struct conf_option *o, void *base, struct secret_ref *refs);
void conf_set_number(const struct conf_option *o, void *base, int64_t n);

/* Free what the field owns, and make it zero. */
void conf_field_release(const struct conf_option *o, void *base);
void conf_item_release(const struct conf_list *l, void *item);
void conf_secrets_free(struct secret_ref *refs);

/* A number in the way its type is written; and back. ERR_PARSE if it is none. */
const char *conf_number_format(enum conf_type type, int64_t n, char text[CONF_NUMBER_MAX]);
MUST_CHECK enum err conf_number_parse(enum conf_type type, const char *text, int64_t *n);

/* "file", "credential", "env", "vault" or "aws". */
const char *conf_place_word(enum secret_place place);

#endif
