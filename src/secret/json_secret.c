/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/json_secret.h"

#include "io/secmem.h"

#define SECRET_BYTES_MAX ((size_t)64 * 1024)

void secret_buf_init(struct buf *b, size_t max)
{
	buf_init(b, max);
	IGNORE(buf_room(b, max) == NULL);
}

void secret_buf_release(struct buf *b)
{
	if (b->cap > 0)
		secret_wipe(b->data, b->cap);
	buf_release(b);
}

enum err secret_of_json(struct json_value v, struct secret **out)
{
	CLEANUP(secret_buf_release) struct buf text;
	enum err e;

	buf_init(&text, 0);
	if (v.type != JSON_STRING)
		return ERR_PARSE;
	if (v.text.n > SECRET_BYTES_MAX)
		return ERR_LIMIT;
	secret_buf_init(&text, v.text.n);
	e = json_string(v, &text);
	if (e != ERR_OK)
		return e;
	if (text.len == 0)
		return ERR_PARSE;
	*out = secret_new(text.data, text.len);
	return ERR_OK;
}

enum err secret_of_member(struct json_value object, const char *name, struct secret **out)
{
	struct json_value v;

	if (!json_get(object, name, &v) || v.type == JSON_NULL)
		return ERR_NOTFOUND;
	return secret_of_json(v, out);
}
