/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_table.h"

/* Reading and writing the fields that the table's rows describe. */

static void *field_at(const void *base, size_t field)
{
	void *p;

	memcpy(&p, (const char *)base + field, sizeof(p));
	return p;
}

char *conf_text(const struct conf_option *o, const void *base)
{
	return field_at(base, o->field);
}

char **conf_texts(const struct conf_option *o, const void *base)
{
	return field_at(base, o->field);
}

struct secret_ref conf_secret(const struct conf_option *o, const void *base)
{
	struct secret_ref r;

	memcpy(&r, (const char *)base + o->field, sizeof(r));
	return r;
}

struct secret_ref *conf_secrets(const struct conf_option *o, const void *base)
{
	return field_at(base, o->field);
}

/* Numbers are never negative, so what a field's signedness is does not matter. */
int64_t conf_number(const struct conf_option *o, const void *base)
{
	const char *at = (const char *)base + o->field;
	uint64_t wide;
	uint32_t narrow;

	if (o->width == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return (int64_t)wide;
	}
	if (o->type == CONF_BOOL)
		return *(const bool *)at;
	assert(o->width == sizeof(narrow));
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

void conf_set_number(const struct conf_option *o, void *base, int64_t n)
{
	char *at = (char *)base + o->field;
	uint32_t narrow = (uint32_t)n;

	if (o->width == sizeof(n)) {
		memcpy(at, &n, sizeof(n));
		return;
	}
	if (o->type == CONF_BOOL) {
		*(bool *)at = n != 0;
		return;
	}
	assert(o->width == sizeof(narrow));
	memcpy(at, &narrow, sizeof(narrow));
}

void conf_set_text(const struct conf_option *o, void *base, char *text)
{
	conf_field_release(o, base);
	memcpy((char *)base + o->field, &text, sizeof(text));
}

void conf_set_texts(const struct conf_option *o, void *base, char **texts)
{
	conf_field_release(o, base);
	memcpy((char *)base + o->field, &texts, sizeof(texts));
}

void conf_set_secret(const struct conf_option *o, void *base, struct secret_ref r)
{
	conf_field_release(o, base);
	memcpy((char *)base + o->field, &r, sizeof(r));
}

void conf_set_secrets(const struct conf_option *o, void *base, struct secret_ref *refs)
{
	conf_field_release(o, base);
	memcpy((char *)base + o->field, &refs, sizeof(refs));
}

void conf_secrets_free(struct secret_ref *refs)
{
	for (struct secret_ref *r = refs; r != NULL && r->place != SECRET_NONE; r++)
		secret_ref_release(r);
	free(refs);
}

void conf_field_release(const struct conf_option *o, void *base)
{
	struct secret_ref r;

	switch (o->type) {
	case CONF_TEXT: free(conf_text(o, base)); break;
	case CONF_TEXTS: strings_free(conf_texts(o, base)); break;
	case CONF_SECRET:
		r = conf_secret(o, base);
		secret_ref_release(&r);
		break;
	case CONF_SECRETS: conf_secrets_free(conf_secrets(o, base)); break;
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_MODE:
	case CONF_BOOL: break;
	}
	memset((char *)base + o->field, 0, o->width);
}

void conf_item_release(const struct conf_list *l, void *item)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		if (conf_option_is_below(&conf_options[i], l->prefix))
			conf_field_release(&conf_options[i], item);
	}
}
