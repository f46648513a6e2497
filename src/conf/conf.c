/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_table.h"
#include "io/yaml.h"

#define CONF_BYTES_MAX ((size_t)1024 * 1024)

static const struct yaml_limits limits = {
	.bytes_max = CONF_BYTES_MAX,
	.nodes_max = 100000,
	.depth_max = 10,
};

static void conf_freep(struct conf **c)
{
	conf_free(*c);
}

/* A base URL is kept without its last slashes; paths are appended to it. */
static void url_trim(char *url)
{
	size_t n = url == NULL ? 0 : strlen(url);

	while (n > 0 && url[n - 1] == '/')
		url[--n] = '\0';
}

static enum err conf_build(struct conf_reader *r)
{
	enum err e = conf_read(r);

	if (e == ERR_OK)
		e = conf_check(r);
	if (e == ERR_OK)
		url_trim(r->conf->backstage_url);
	return e;
}

enum err conf_parse(struct span text, const char *name, struct conf **out, char **why)
{
	CLEANUP(conf_freep) struct conf *c = NULL;
	struct conf_reader r = { .name = name };
	struct yaml_error at = { 0 };
	struct yaml_node **docs;
	size_t n;
	enum err e;

	e = yaml_parse(text, &limits, &docs, &n, &at);
	if (e != ERR_OK) {
		const struct yaml_node here = { .line = at.line, .column = at.column };

		IGNORE(conf_refuse(&r, &here, "%s", at.text) != ERR_OK);
		*why = r.why;
		return e;
	}
	c = xcalloc(1, sizeof(*c));
	r.conf = c;
	r.root = n == 0 ? NULL : docs[0];
	e = n > 1 ? conf_refuse(&r, docs[1], "a second document; there must be one only")
		  : conf_build(&r);
	yaml_free_all(docs, n);
	if (e != ERR_OK) {
		*why = r.why;
		return e;
	}
	*out = TAKE(c);
	return ERR_OK;
}

/* One byte more than may be is enough to see that there are too many. */
static enum err file_read(FILE *f, struct buf *out)
{
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
		if (buf_add(out, chunk, n) != ERR_OK)
			return ERR_LIMIT;
	}
	return ferror(f) ? ERR_IO : ERR_OK;
}

static enum err load_refuse(const char *path, enum err e, const char *what, char **why)
{
	struct buf line;

	buf_init(&line, 8192);
	IGNORE(buf_addf(&line, "%s: %s", path, what) != ERR_OK);
	*why = buf_detach(&line);
	return e;
}

enum err conf_load(const char *path, struct conf **out, char **why)
{
	CLEANUP(buf_release) struct buf text;
	FILE *f = fopen(path, "re");
	int error;
	enum err e;

	buf_init(&text, CONF_BYTES_MAX);
	if (f == NULL) {
		e = errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
		return load_refuse(path, e, strerror(errno), why);
	}
	e = file_read(f, &text);
	error = errno;
	fclose(f);
	if (e != ERR_OK)
		return load_refuse(
			path, e, e == ERR_LIMIT ? "larger than 1 MiB" : strerror(error), why);
	return conf_parse(buf_span(&text), path, out, why);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < conf_options_n; i++) {
		if (conf_option_is_below(&conf_options[i], ""))
			conf_field_release(&conf_options[i], c);
	}
	for (size_t l = 0; l < conf_lists_n; l++)
		conf_list_free(&conf_lists[l], c);
	free(c);
}

char *conf_access_issuer(const struct conf *c)
{
	char *url;

	if (c->access_issuer != NULL || c->backstage_url == NULL)
		return c->access_issuer == NULL ? NULL : xstrdup(c->access_issuer);
	if (asprintf(&url, "%s/api/auth", c->backstage_url) < 0)
		out_of_memory();
	return url;
}

char *conf_beside_store(const struct conf *c, const char *name)
{
	const char *slash = strrchr(c->store_path, '/'); /* its form has one */
	char *path;

	if (asprintf(&path, "%.*s/%s", (int)(slash - c->store_path), c->store_path, name) < 0)
		out_of_memory();
	return path;
}

bool conf_serves_api(const struct conf *c, const char *source)
{
	for (size_t i = 0; i < c->sources; i++) {
		if (c->source[i].api_url != NULL &&
			(source == NULL || strcmp(c->source[i].name, source) == 0))
			return true;
	}
	return false;
}
