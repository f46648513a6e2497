/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/env_var.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "io/secmem.h"

#define BRANCH_MAX 1024

/* What a byte of a value may become: "'\''" as JSON; and what stands around it. */
#define WIDEST    6
#define FRAME_MAX 256

/* --- reading --- */

/* It goes into a path. */
static bool id_is_plain(struct span id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (!isalnum((unsigned char)id.p[i]) && id.p[i] != '-')
			return false;
	}
	return id.n > 0 && id.n < TRAVIS_ENV_VAR_ID_MAX;
}

static bool name_is(struct json_value object, struct span name)
{
	struct json_value v;
	struct span text;

	return json_get(object, "name", &v) && json_plain(v, &text) == ERR_OK &&
	       span_eq(text, name);
}

/* Null, or left out by older ones, is of all branches. */
static bool branch_is(struct json_value object, struct span branch)
{
	CLEANUP(buf_release) struct buf text;
	struct json_value v;

	buf_init(&text, BRANCH_MAX);
	if (!json_get(object, "branch", &v) || v.type == JSON_NULL)
		return branch.n == 0;
	return json_string(v, &text) == ERR_OK && span_eq(buf_span(&text), branch);
}

static enum err take(struct json_value object, struct travis_env_var *out)
{
	struct json_value v;
	struct span id;

	if (!json_get(object, "id", &v) || json_plain(v, &id) != ERR_OK || !id_is_plain(id))
		return ERR_PARSE;
	snprintf(out->id, sizeof(out->id), "%.*s", SPAN_ARGS(id));
	out->is_public = json_get(object, "public", &v) && json_is_true(v);
	return ERR_OK;
}

enum err travis_env_vars_find(
	struct json_value body, struct span name, struct span branch, struct travis_env_var *out)
{
	struct json_value list, one;
	struct json_iter it;

	if (!json_get(body, "env_vars", &list) || list.type != JSON_ARRAY)
		return ERR_PARSE;
	it = json_iter(list);
	while (json_next_element(&it, &one)) {
		if (name_is(one, name) && branch_is(one, branch))
			return take(one, out);
	}
	return ERR_NOTFOUND;
}

enum err travis_env_var_read(struct json_value body, struct span name, struct travis_env_var *out)
{
	return name_is(body, name) ? take(body, out) : ERR_PARSE;
}

/* --- writing, into guarded memory only --- */

static enum err put(struct secret *s, const char *text)
{
	return secret_append(s, text, strlen(text));
}

/* One byte of a JSON string, of which no copy is made elsewhere. */
static enum err put_char(struct secret *s, const char *at)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char c = (unsigned char)*at;
	enum err e = ERR_OK;

	if (c == '"' || c == '\\')
		e = put(s, "\\");
	if (e != ERR_OK || (c >= 0x20 && c != 0x7f))
		return e == ERR_OK ? secret_append(s, at, 1) : e;
	e = put(s, "\\u00");
	if (e == ERR_OK)
		e = secret_append(s, &hex[c >> 4], 1);
	return e == ERR_OK ? secret_append(s, &hex[c & 15], 1) : e;
}

static enum err put_text(struct secret *s, struct span text)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < text.n && e == ERR_OK; i++)
		e = put_char(s, text.p + i);
	return e;
}

/* Is it one word that no shell changes? */
static bool is_word(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!isalnum((unsigned char)text.p[i]) && strchr("_./:@%+=,-", text.p[i]) == NULL)
			return false;
	}
	return true;
}

static enum err put_value(struct secret *s, struct span value)
{
	enum err e;

	if (is_word(value))
		return put_text(s, value);
	e = put(s, "'");
	for (size_t i = 0; i < value.n && e == ERR_OK; i++)
		e = value.p[i] == '\'' ? put(s, "'\\\\''") : put_char(s, value.p + i);
	return e == ERR_OK ? put(s, "'") : e;
}

static enum err put_branch(struct secret *s, struct span branch)
{
	enum err e;

	if (branch.n == 0)
		return put(s, "null");
	e = put(s, "\"");
	if (e == ERR_OK)
		e = put_text(s, branch);
	return e == ERR_OK ? put(s, "\"") : e;
}

static enum err put_all(struct secret *s, struct span name, struct span branch, struct span value)
{
	enum err e = put(s, "{\"env_var.name\":\"");

	if (e == ERR_OK)
		e = put_text(s, name);
	if (e == ERR_OK)
		e = put(s, "\",\"env_var.value\":\"");
	if (e == ERR_OK)
		e = put_value(s, value);
	if (e == ERR_OK)
		e = put(s, "\",\"env_var.public\":false,\"env_var.branch\":");
	if (e == ERR_OK)
		e = put_branch(s, branch);
	return e == ERR_OK ? put(s, "}") : e;
}

enum err travis_env_var_write(
	struct span name, struct span branch, const struct secret *value, struct secret **out)
{
	const struct span text = { secret_text(value), secret_len(value) };
	struct secret *s;
	enum err e;

	if (!utf8_is_valid(text) || memchr(text.p, '\0', text.n) != NULL)
		return ERR_PARSE;
	s = secret_room(WIDEST * (name.n + branch.n + text.n) + FRAME_MAX);
	e = put_all(s, name, branch, text);
	if (e == ERR_OK)
		*out = s;
	else
		secret_free(s);
	return e;
}
