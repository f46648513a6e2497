/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pushed.h"

#include <string.h>

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

void pushed_init(struct pushed *p)
{
	*p = (struct pushed){ .at = WALL_NONE };
}

enum err pushed_write(const struct pushed *p, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_opt(&w, "digest", span_of(p->digest));
	json_member_opt(&w, "version", span_of(p->version));
	json_member_opt(&w, "id", span_of(p->id));
	json_member_wall(&w, "at", p->at);
	json_member_bool(&w, "asking", p->asking);
	json_object_end(&w);
	return json_done(&w);
}

/* A text that fits, or nothing where there is none. */
static enum err text_read(struct json_value object, const char *name, char *out, size_t max)
{
	CLEANUP(buf_release) struct buf text;
	struct json_value v;

	buf_init(&text, max - 1);
	out[0] = '\0';
	if (!json_get(object, name, &v))
		return ERR_OK;
	if (json_string(v, &text) != ERR_OK)
		return ERR_PARSE;
	memcpy(out, text.data, text.len + 1);
	return ERR_OK;
}

static enum err wall_read(struct json_value object, struct wall *out)
{
	struct json_value v;
	struct span text;

	*out = WALL_NONE;
	if (!json_get(object, "at", &v) || v.type == JSON_NULL)
		return ERR_OK;
	return json_plain(v, &text) == ERR_OK ? wall_parse(text, out) : ERR_PARSE;
}

enum err pushed_read(struct span json, struct pushed *p)
{
	struct json_value root, asking;
	struct pushed read;

	if (json_gate(json, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(json);
	if (root.type != JSON_OBJECT ||
		text_read(root, "digest", read.digest, sizeof(read.digest)) != ERR_OK ||
		text_read(root, "version", read.version, sizeof(read.version)) != ERR_OK ||
		text_read(root, "id", read.id, sizeof(read.id)) != ERR_OK ||
		wall_read(root, &read.at) != ERR_OK)
		return ERR_PARSE;
	read.asking = json_get(root, "asking", &asking) && json_is_true(asking);
	*p = read;
	return ERR_OK;
}
