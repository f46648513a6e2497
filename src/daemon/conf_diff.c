/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"
#include "daemon/conf_table.h"

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_texts(char *const *a, char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (; *a != NULL && *b != NULL; a++, b++) {
		if (strcmp(*a, *b) != 0)
			return false;
	}
	return *a == *b;
}

static bool same_secret(struct secret_ref a, struct secret_ref b)
{
	return a.place == b.place && same_text(a.name, b.name);
}

static bool same_value(const struct conf_option *o, const void *a, const void *b)
{
	switch (o->type) {
	case CONF_TEXT: return same_text(conf_text(o, a), conf_text(o, b));
	case CONF_TEXTS: return same_texts(conf_texts(o, a), conf_texts(o, b));
	case CONF_SECRET: return same_secret(conf_secret(o, a), conf_secret(o, b));
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_MODE: break;
	}
	return conf_number(o, a) == conf_number(o, b);
}

/* The first frozen option below prefix that differs; NULL if there is none. */
static const char *frozen_below(const char *prefix, const void *a, const void *b)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		if (conf_option_is_below(o, prefix) && !o->reload && !same_value(o, a, b))
			return o->name;
	}
	return NULL;
}

/* A list with a frozen option can neither grow nor shrink: that one is its name then. */
static const char *frozen_count(const struct conf_list *list)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		if (conf_option_is_below(&conf_options[i], list->prefix) && !conf_options[i].reload)
			return conf_options[i].name;
	}
	return NULL;
}

static const char *frozen_list(
	const struct conf_list *list, const struct conf *a, const struct conf *b)
{
	size_t n = conf_list_count(list, a);

	if (conf_list_count(list, b) != n)
		return frozen_count(list);
	for (size_t i = 0; i < n; i++) {
		const char *name = frozen_below(
			list->prefix, conf_list_item(list, a, i), conf_list_item(list, b, i));

		if (name != NULL)
			return name;
	}
	return NULL;
}

const char *conf_frozen_change(const struct conf *running, const struct conf *wanted)
{
	const char *name = frozen_below("", running, wanted);

	/* Other files can be loaded, but a listener is plain or not for ever. */
	if (name == NULL && (running->tls_key == NULL) != (wanted->tls_key == NULL))
		name = "tls.key";
	for (size_t i = 0; name == NULL && i < conf_lists_n; i++)
		name = frozen_list(&conf_lists[i], running, wanted);
	return name;
}
