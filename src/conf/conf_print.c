/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_table.h"

/* Where the next line goes. The first line of an item begins with its dash. */
struct printer {
	FILE *to;
	bool dash;
	size_t indent;
};

static void line_begin(struct printer *p)
{
	fprintf(p->to, "%*s%s", (int)p->indent, "", p->dash ? "- " : "");
	if (p->dash)
		p->indent += 2;
	p->dash = false;
}

/* Printable text, in double quotes; reading has refused all other. */
static void quoted_print(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void texts_print(FILE *to, char *const *texts)
{
	fputc('[', to);
	for (size_t i = 0; texts[i] != NULL; i++) {
		if (i > 0)
			fputs(", ", to);
		quoted_print(to, texts[i]);
	}
	fputc(']', to);
}

static void secret_print(FILE *to, struct secret_ref secret)
{
	fprintf(to, "{%s: ", conf_place_word(secret.place));
	quoted_print(to, secret.name);
	if (secret.field != NULL) {
		fputs(", field: ", to);
		quoted_print(to, secret.field);
	}
	if (secret.provider != NULL) {
		fputs(", provider: ", to);
		quoted_print(to, secret.provider);
	}
	fputc('}', to);
}

static void secrets_print(FILE *to, const struct secret_ref *refs)
{
	fputc('[', to);
	for (const struct secret_ref *r = refs; r->place != SECRET_NONE; r++) {
		if (r != refs)
			fputs(", ", to);
		secret_print(to, *r);
	}
	fputc(']', to);
}

static void value_print(FILE *to, const struct conf_option *o, const void *base)
{
	char number[CONF_NUMBER_MAX];

	switch (o->type) {
	case CONF_TEXT: quoted_print(to, conf_text(o, base)); break;
	case CONF_TEXTS: texts_print(to, conf_texts(o, base)); break;
	case CONF_SECRET: secret_print(to, conf_secret(o, base)); break;
	case CONF_SECRETS: secrets_print(to, conf_secrets(o, base)); break;
	case CONF_MODE:
		fprintf(to, "\"%s\"", conf_number_format(o->type, conf_number(o, base), number));
		break;
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_BOOL: fputs(conf_number_format(o->type, conf_number(o, base), number), to); break;
	}
	fputc('\n', to);
}

static bool is_set(const struct conf_option *o, const void *base)
{
	if (o->with != NULL && !is_set(conf_option_find(o->with), base))
		return false;
	switch (o->type) {
	case CONF_TEXT: return conf_text(o, base) != NULL;
	case CONF_TEXTS: return conf_texts(o, base) != NULL;
	case CONF_SECRET: return conf_secret(o, base).place != SECRET_NONE;
	case CONF_SECRETS: return conf_secrets(o, base) != NULL;
	case CONF_LEVEL:
	case CONF_INTEGER:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_MODE:
	case CONF_BOOL: break;
	}
	return true;
}

/*
 * Print a heading for each part of path ("backstage.identity.") that is not of the
 * section before it, and return how many parts there are.
 */
static size_t headings_print(struct printer *p, struct span path, struct span before)
{
	size_t depth = 0, indent = p->indent;

	for (size_t begin = 0, n = 0; n < path.n; n++) {
		const struct span whole = { path.p, n + 1 };

		if (path.p[n] != '.')
			continue;
		p->indent = indent + 2 * depth++;
		if (before.n < whole.n || memcmp(before.p, whole.p, whole.n) != 0) {
			line_begin(p);
			fprintf(p->to, "%.*s:\n", (int)(n - begin), path.p + begin);
		}
		begin = n + 1;
	}
	p->indent = indent;
	return depth;
}

/* Print the options below prefix, with headings wherever a section begins. */
static void options_print(struct printer *p, const char *prefix, const void *base, const char *kind)
{
	struct span section = { "", 0 };

	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];
		const char *rest, *dot;
		struct span here;
		size_t depth;

		if (!conf_option_is_below(o, prefix) || !conf_option_applies(o, kind) ||
			!is_set(o, base))
			continue;
		rest = o->name + strlen(prefix);
		dot = strrchr(rest, '.');
		here = (struct span){ rest, dot == NULL ? 0 : (size_t)(dot + 1 - rest) };
		depth = headings_print(p, here, section);
		section = here;
		p->indent += 2 * depth;
		line_begin(p);
		fprintf(p->to, "%s: ", rest + here.n);
		value_print(p->to, o, base);
		p->indent -= 2 * depth;
	}
}

static void list_print(FILE *to, const struct conf_list *list, const struct conf *c)
{
	size_t n = conf_list_count(list, c);

	if (n > 0)
		fprintf(to, "%.*s:\n", (int)strcspn(list->prefix, "["), list->prefix);
	for (size_t i = 0; i < n; i++) {
		const void *item = conf_list_item(list, c, i);
		struct printer p = { .to = to, .dash = true, .indent = 2 };

		options_print(&p, list->prefix, item, conf_item_text(list, item, "type"));
	}
}

void conf_print(const struct conf *c, FILE *to)
{
	struct printer p = { .to = to };

	options_print(&p, "", c, NULL);
	for (size_t i = 0; i < conf_lists_n; i++)
		list_print(to, &conf_lists[i], c);
}

static const char *type_word(enum conf_type type)
{
	switch (type) {
	case CONF_TEXT: return "";
	case CONF_TEXTS: return "list of ";
	case CONF_LEVEL: return "level";
	case CONF_INTEGER: return "number";
	case CONF_SIZE: return "size";
	case CONF_DURATION: return "duration";
	case CONF_MODE: return "permissions";
	case CONF_BOOL: return "flag";
	case CONF_SECRETS: return "list of secrets";
	case CONF_SECRET: break;
	}
	return "secret";
}

static void noun_print(FILE *to, const struct conf_option *o)
{
	const char *noun = o->form->noun;

	fputs(noun, to);
	if (o->type == CONF_TEXTS)
		fputs(noun[strlen(noun) - 1] == 's' ? "es" : "s", to);
}

static void facts_print(FILE *to, const struct conf_option *o)
{
	fputs(type_word(o->type), to);
	if (o->form != NULL)
		noun_print(to, o);
	if (o->min != NULL)
		fprintf(to, ", %s to %s", o->min, o->max);
	if (o->dflt != NULL)
		fprintf(to, ", default %s", o->dflt);
	if (o->required)
		fputs(", required", to);
	for (size_t i = 0; o->kinds != NULL && o->kinds[i] != NULL; i++)
		fprintf(to, "%s%s", i == 0 ? ", for type " : " or ", o->kinds[i]);
	if (o->reload)
		fputs(", reloadable", to);
}

void conf_describe(FILE *to)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		fprintf(to, "%s\t", conf_options[i].name);
		facts_print(to, &conf_options[i]);
		fprintf(to, "\t%s\n", conf_options[i].text);
	}
}
