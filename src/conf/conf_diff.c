/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_table.h"

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
	return a.place == b.place && same_text(a.name, b.name) && same_text(a.field, b.field) &&
	       same_text(a.provider, b.provider);
}

static bool same_secrets(const struct secret_ref *a, const struct secret_ref *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (; a->place != SECRET_NONE && same_secret(*a, *b); a++, b++)
		;
	return a->place == SECRET_NONE && b->place == SECRET_NONE;
}

static bool same_value(const struct conf_option *o, const void *a, const void *b)
{
	switch (o->type) {
	case CONF_TEXT: return same_text(conf_text(o, a), conf_text(o, b));
	case CONF_TEXTS: return same_texts(conf_texts(o, a), conf_texts(o, b));
	case CONF_SECRET: return same_secret(conf_secret(o, a), conf_secret(o, b));
	case CONF_SECRETS: return same_secrets(conf_secrets(o, a), conf_secrets(o, b));
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_MODE:
	case CONF_BOOL: break;
	}
	return conf_number(o, a) == conf_number(o, b);
}

/* Items of lists are made anew by a reload, so only the rest can be frozen. */
const char *conf_frozen_change(const struct conf *running, const struct conf *wanted)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		if (conf_option_is_below(o, "") && !o->reload && !same_value(o, running, wanted))
			return o->name;
	}
	/* Other files can be loaded, but a listener speaks TLS or not for ever. */
	if ((running->tls_key == NULL) != (wanted->tls_key == NULL))
		return "tls.key";
	return NULL;
}

bool conf_item_is_same(unsigned list, const void *a, const void *b)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		if (conf_option_is_below(o, conf_lists[list].prefix) && !same_value(o, a, b))
			return false;
	}
	return true;
}
