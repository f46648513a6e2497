/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/path.h"

#include <ctype.h>
#include <string.h>

static const struct {
	const char *word;
	size_t field;
} variables[] = {
	{ "{kind}", offsetof(struct secret_vars, kind) },
	{ "{namespace}", offsetof(struct secret_vars, namespace) },
	{ "{name}", offsetof(struct secret_vars, name) },
	{ "{owner.kind}", offsetof(struct secret_vars, owner_kind) },
	{ "{owner.namespace}", offsetof(struct secret_vars, owner_namespace) },
	{ "{owner.name}", offsetof(struct secret_vars, owner_name) },
};

static bool segment_is_plain(struct span s)
{
	/* Vault refuses paths that end with a dot; "." and ".." are among them. */
	if (s.n == 0 || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && strchr("-_.+=@:", s.p[i]) == NULL)
			return false;
	}
	return memchr(s.p, '\0', s.n) == NULL;
}

/* Which variable a segment is; -1: none. */
static int segment_variable(struct span s)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (span_is(s, variables[i].word))
			return (int)i;
	}
	return -1;
}

static struct span segment_at(const char *path)
{
	return (struct span){ path, strcspn(path, "/") };
}

bool secret_path_is_valid(const char *path)
{
	const char *at = path;

	if (strlen(path) > SECRET_PATH_MAX)
		return false;
	for (;;) {
		struct span s = segment_at(at);

		if (!segment_is_plain(s) && segment_variable(s) < 0)
			return false;
		if (at[s.n] == '\0')
			return true;
		at += s.n + 1;
	}
}

bool secret_path_has_vars(const char *path)
{
	return strchr(path, '{') != NULL;
}

static enum err value_fill(const struct secret_vars *vars, size_t field, struct buf *out)
{
	struct span value;

	memcpy(&value, (const char *)vars + field, sizeof(value));
	/* A colon parts what an ARN is made of. */
	if (!segment_is_plain(value) || memchr(value.p, ':', value.n) != NULL)
		return ERR_PARSE;
	return buf_add_lower(out, value);
}

enum err secret_path_fill(const char *path, const struct secret_vars *vars, struct buf *out)
{
	const char *at = path;

	for (;;) {
		struct span s = segment_at(at);
		int variable = segment_variable(s);
		enum err e = variable < 0 ? buf_add_span(out, s)
					  : value_fill(vars, variables[variable].field, out);

		if (e != ERR_OK || at[s.n] == '\0')
			return e;
		e = buf_add_str(out, "/");
		if (e != ERR_OK)
			return e;
		at += s.n + 1;
	}
}
